/** Kafka as a topic-producer: idempotent, acknowledged by all in-sync replicas, LZ4, one request a broker for batches of many partitions. */
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TopicProducer } from '../../ports/topic-producer.ts';
import { batchedSends } from './batched-sends.ts';
import type { KafkaConnection } from './connection.ts';
import { idempotentSends } from './idempotent-sends.ts';
import { kafkaProducerCluster } from './producer-cluster.ts';
import { leavingStalledLeaders } from './stalled-leaders.ts';

export interface KafkaTopicProducerOptions {
  readonly connection: KafkaConnection;
  readonly clock: Clock;
  /** How long a partition with nothing on its way waits for more; left out: produceLingerMs. */
  readonly lingerMs?: number | undefined;
  /** After it a record is given up; left out: produceTimeoutMs. */
  readonly timeoutMs?: number | undefined;
}

export function kafkaTopicProducer({ connection, clock, ...options }: KafkaTopicProducerOptions): TopicProducer {
  const cluster = kafkaProducerCluster(connection);
  const sends = batchedSends({
    transport: idempotentSends(leavingStalledLeaders(cluster, clock), clock),
    clock,
    lingerMs: options.lingerMs ?? LIMITS.produceLingerMs,
    timeoutMs: options.timeoutMs ?? LIMITS.produceTimeoutMs,
  });
  return {
    send: (record) => sends.add(record),
    async close() {
      await sends.close();
      await cluster.close();
    },
  };
}
