/** Topics of a real Kafka for tests, each made fresh, and read with the client library alone. */
import { randomUUID } from 'node:crypto';
import { Admin, Consumer, MessagesStreamModes } from '@platformatic/kafka';
import type { KafkaConnection } from '../../src/adapters/kafka/connection.ts';
import type { TopicRecord } from '../../src/ports/topic-producer.ts';

export function kafkaConnection(): KafkaConnection {
  const brokers = process.env.KAFKA_BROKERS;
  if (brokers === undefined) throw new Error('KAFKA_BROKERS is not set: run these tests by `npm run test:services`');
  return { brokers: brokers.split(','), clientId: 'metricstream-test' };
}

export interface KafkaLab {
  /** @param replicas left out: as many as the cluster makes by itself. @returns the name of a new topic. */
  createTopic(partitions: number, configs?: Readonly<Record<string, string>>, replicas?: number): Promise<string>;
  /** All that a partition holds, in order of offsets. */
  read(topic: string, partition: number): Promise<TopicRecord[]>;
  /** Lets go of the records of a partition before an offset, as retention does. */
  deleteBefore(topic: string, partition: number, offset: number): Promise<void>;
  /** Deletes the topics, and lets go of the connections. */
  close(): Promise<void>;
}

/** @param connection left out: to the Kafka that all tests share. */
export function kafkaLab({ brokers, clientId }: KafkaConnection = kafkaConnection()): KafkaLab {
  const base = { clientId, bootstrapBrokers: [...brokers], retries: 20, retryDelay: 100 };
  const admin = new Admin(base);
  const topics: string[] = [];
  return {
    async createTopic(partitions, configs = {}, replicas = -1) {
      const topic = `test-${randomUUID()}`;
      const list = Object.entries(configs).map(([name, value]) => ({ name, value }));
      await admin.createTopics({ topics: [topic], partitions, replicas, configs: list });
      topics.push(topic);
      return topic;
    },
    async read(topic, partition) {
      const consumer = new Consumer({ ...base, groupId: `test-${randomUUID()}`, autocommit: false });
      const ends = await consumer.listOffsets({ topics: [topic] });
      const end = ends.get(topic)?.[partition] ?? 0n;
      const records: TopicRecord[] = [];
      if (end > 0n) {
        const offsets = [...(ends.get(topic) ?? [])].map((_, i) => ({ topic, partition: i, offset: 0n }));
        const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.MANUAL, offsets, maxWaitTime: 100 });
        for await (const message of stream) {
          if (message.partition !== partition) continue;
          const { key, value, headerEntries, timestamp } = message;
          const headers = headerEntries.map(([name, bytes]) => [name.toString(), bytes] as const);
          // What the client gives for no key is null, whatever its types say.
          records.push({ topic, partition, key: key ?? undefined, value, headers, timestampMs: Number(timestamp) });
          if (message.offset >= end - 1n) break;
        }
      }
      await consumer.close(true);
      return records;
    },
    async deleteBefore(topic, partition, offset) {
      await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition, offset: BigInt(offset) }] }] });
    },
    async close() {
      if (topics.length > 0) await admin.deleteTopics({ topics });
      await admin.close();
    },
  };
}
