/** The shard of a client, in another object, as the appender that a push sees. */
import { clientKey, partitionOf } from '../../model/partition.ts';
import type { PushAppender } from '../../ports/push-appender.ts';
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
    async append(push, requestsPerSecond, keyId) {
      const partition = partitionOf(clientKey(push.tenant, push.client), partitions);
      const record = encodePush(push, writer);
      return ask(shardOf(partition).append({ version: CALL_VERSION, record, requestsPerSecond, keyId, counts: counts() }));
    },
  };
}
