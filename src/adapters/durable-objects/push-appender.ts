/** The shard of a client, in another object, as the appender that a push sees. */
import { ERRORS, MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { clientKey, partitionOf } from '../../model/partition.ts';
import type { AppendOutcome, PushAppender } from '../../ports/push-appender.ts';
import type { EdgeCount, ShardWriter } from '../../ports/shard-service.ts';
import { ByteWriter } from '../../protocols/bytes.ts';
import { encodePush } from '../../protocols/log-record.ts';
import { CALL_VERSION } from '../../protocols/shard-reply.ts';
import { ask } from './remote.ts';

export interface RemoteAppenderOptions {
  readonly partitions: number;
  shardOf(partition: number): ShardWriter;
  /** Takes what was counted since the last time: it travels with the push. */
  counts(): readonly EdgeCount[];
}

export function remotePushAppender({ partitions, shardOf, counts }: RemoteAppenderOptions): PushAppender {
  const writer = new ByteWriter(4096);
  return {
    async append(push, requestsPerSecond, keyId, place = {}) {
      const partition = partitionOf(clientKey(push.tenant, push.client), partitions);
      const record = encodePush(push, writer);
      const call = { version: CALL_VERSION, record, requestsPerSecond, keyId, counts: counts(), ...place };
      return understood(await ask(shardOf(partition).append(call)));
    },
  };
}

const KINDS: ReadonlySet<string> = new Set<AppendOutcome['kind']>(['appended', 'crowded', 'limited', 'refused']);

/** @throws unavailable for what only a later shard answers: the push may be kept, and may be sent again to an edge that knows it. */
function understood(outcome: AppendOutcome): AppendOutcome {
  const { kind } = outcome;
  if (kind === 'refused' ? Object.hasOwn(ERRORS, outcome.code) : KINDS.has(kind)) return outcome;
  throw new MetricStreamError('unavailable', 'The shard answered what this edge does not know yet.', {
    retryAfterMs: LIMITS.retryMs,
  });
}
