/** The shard of a client, in another object, as the appender that a push sees: pushes that have to wait for a call travel together. */
import { ERRORS, MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { clientKey, partitionOf } from '../../model/partition.ts';
import type { Clock } from '../../ports/clock.ts';
import type { AppendOutcome, PushAppender } from '../../ports/push-appender.ts';
import type { AppendCall, EdgeCount, ShardWriter } from '../../ports/shard-service.ts';
import { ByteWriter } from '../../protocols/bytes.ts';
import { encodePush } from '../../protocols/log-record.ts';
import { CALL_VERSION, received } from '../../protocols/shard-reply.ts';
import { ask } from './remote.ts';

export interface RemoteAppenderOptions {
  readonly clock: Clock;
  readonly partitions: number;
  /** Partition p is with shard p mod shards. */
  readonly shards: number;
  shardOf(partition: number): ShardWriter;
  /** Takes what was counted since the last time: it travels with the push. */
  counts(): readonly EdgeCount[];
  /** Sees to it that a call outlives the request that made it: it may bring the pushes of others. */
  keep?(call: Promise<unknown>): void;
}

interface Waiting {
  readonly partition: number;
  readonly call: Omit<AppendCall, 'counts'>;
  readonly outcome: PromiseWithResolvers<AppendOutcome>;
  readonly sinceMs: number;
  /** Has its request make the next call. */
  lead(): void;
}

/** Of one shard. */
interface Line {
  waiting: Waiting[];
  waitingBytes: number;
  /** When each call that is under way was made, Unix ms. */
  calls: { readonly sinceMs: number }[];
}

/**
 * A call costs several times what it carries does, and is billed. So where shardCallsMax are under way to a shard, who comes waits for the end of one,
 * or for shardCallWaitMs: the first that waits makes the next call, for all. A request can only make calls of its own, so it is woken for that.
 */
export function remotePushAppender(options: RemoteAppenderOptions): PushAppender {
  const { clock, partitions, shards } = options;
  const writer = new ByteWriter(4096);
  const lines = new Map<number, Line>();

  const lineOf = (partition: number): Line => {
    const line = lines.get(partition % shards) ?? { waiting: [], waitingBytes: 0, calls: [] };
    lines.set(partition % shards, line);
    return line;
  };

  /** Whether to wait. What a request that was given up should have done, its call or the next, is not waited for. */
  const isFull = (line: Line): boolean => {
    const nowMs = clock.nowMs();
    line.calls = line.calls.filter(({ sinceMs }) => sinceMs > nowMs - LIMITS.appendTimeoutMs);
    const [first] = line.waiting;
    const isLate = first !== undefined && first.sinceMs <= nowMs - 2 * LIMITS.shardCallWaitMs;
    return line.calls.length >= LIMITS.shardCallsMax && !isLate;
  };

  const send = async (line: Line): Promise<void> => {
    const sent = takeSome(line);
    const [first] = sent;
    if (first === undefined) return;
    const call = { sinceMs: clock.nowMs() };
    line.calls.push(call);
    await deliver(options.shardOf(first.partition), sent, options.counts());
    line.calls = line.calls.filter((one) => one !== call);
    if (!isFull(line)) line.waiting[0]?.lead();
  };

  const start = (line: Line): void => {
    const sending = send(line);
    options.keep?.(sending);
  };

  return {
    async append(push, requestsPerSecond, keyId, place = {}) {
      const partition = partitionOf(clientKey(push.tenant, push.client), partitions);
      const call = { version: CALL_VERSION, record: encodePush(push, writer), requestsPerSecond, keyId, ...place };
      const line = lineOf(partition);
      if (line.waitingBytes > LIMITS.shardWaitingBytesMax) {
        return { kind: 'refused', code: 'overloaded', retryAfterMs: LIMITS.retryMs };
      }
      const outcome = Promise.withResolvers<AppendOutcome>();
      const turn = Promise.withResolvers<void>();
      const isFirst = line.waiting.length === 0;
      const waits = isFull(line);
      line.waiting.push({ partition, call, outcome, sinceMs: clock.nowMs(), lead: turn.resolve });
      line.waitingBytes += call.record.length;
      if (!waits) start(line);
      else {
        const cancel = isFirst ? clock.schedule(LIMITS.shardCallWaitMs, turn.resolve) : undefined;
        void turn.promise.then(() => {
          cancel?.();
          start(line);
        });
      }
      return understood(await outcome.promise);
    },
  };
}

/** What one call can carry. */
function takeSome(line: Line): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { call } of line.waiting) {
    if (count > 0 && (count >= LIMITS.shardCallPushesMax || bytes + call.record.length > LIMITS.appendBatchBytesMax)) break;
    bytes += call.record.length;
    count += 1;
  }
  line.waitingBytes -= bytes;
  return line.waiting.splice(0, count);
}

/** Never rejects: each push is told what became of it. */
async function deliver(shard: ShardWriter, sent: readonly Waiting[], counts: readonly EdgeCount[]): Promise<void> {
  const calls = sent.map(({ call }, i): AppendCall => ({ ...call, counts: i === 0 ? counts : [] }));
  const [only] = calls;
  if (only === undefined) return;
  try {
    if (calls.length > 1) {
      const replies = await ask(shard.appendAll({ version: CALL_VERSION, calls }));
      settle(sent, (i) => received(replies[i] ?? NO_REPLY));
      return;
    }
    const outcome = await ask(shard.append(only));
    settle(sent, () => outcome);
  } catch (error) {
    // A shard of the version before takes them one by one.
    if (calls.length > 1 && isUnknown(error)) await Promise.all(sent.map((one, i) => deliverOne(shard, one, calls[i] ?? only)));
    else for (const { outcome } of sent) outcome.reject(error);
  }
}

async function deliverOne(shard: ShardWriter, { outcome }: Waiting, call: AppendCall): Promise<void> {
  await ask(shard.append(call)).then(outcome.resolve, outcome.reject);
}

const NO_REPLY = {
  version: CALL_VERSION,
  ok: false,
  code: 'unavailable',
  message: 'The shard did not answer.',
  retryAfterMs: undefined,
} as const;

function settle(sent: readonly Waiting[], outcomeOf: (place: number) => AppendOutcome): void {
  for (const [i, { outcome }] of sent.entries()) {
    try {
      outcome.resolve(outcomeOf(i));
    } catch (error) {
      outcome.reject(error);
    }
  }
}

/** A call that the other side does not have is a TypeError. */
function isUnknown(error: unknown): boolean {
  return error instanceof MetricStreamError && error.cause instanceof TypeError;
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
