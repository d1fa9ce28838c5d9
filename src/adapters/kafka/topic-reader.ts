/** Kafka as a topic-reader: outside of any group. */
import { Admin, Consumer, ListOffsetTimestamps } from '@platformatic/kafka';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TopicReader } from '../../ports/topic-reader.ts';
import { clientOptions, type KafkaConnection } from './connection.ts';
import { isMissingTopic, kafkaFailure, metadataIn } from './failures.ts';
import { type PartitionFetcher, partitionFetcher } from './partition-fetcher.ts';

export interface KafkaTopicReaderOptions {
  readonly connection: KafkaConnection;
  readonly clock: Clock;
}

export function kafkaTopicReader({ connection, clock }: KafkaTopicReaderOptions): TopicReader {
  const options = {
    ...clientOptions(connection),
    retries: LIMITS.readRetries,
    retryDelay: LIMITS.kafkaRetryDelayMs,
  };
  const admin = new Admin(options);
  // It joins no group; the library wants a name all the same.
  const consumer = new Consumer({ ...options, groupId: `${connection.clientId}-reader`, autocommit: false });
  const fetchers = Array.from({ length: LIMITS.fetchersMax }, () => partitionFetcher(connection));
  let turn = 0;

  return {
    async topics() {
      for (let left: number = LIMITS.topicListTriesMax; ; left--) {
        try {
          const names = await admin.listTopics({});
          const { topics } = await admin.metadata({ topics: names });
          return new Map(names.map((name) => [name, topics.get(name)?.partitionsCount ?? 0]));
        } catch (error) {
          const told = metadataIn(error);
          if (told !== undefined) {
            const known = told.topics.filter(({ isInternal }) => !isInternal);
            return new Map(known.map(({ name, partitions }) => [name, partitions.length]));
          }
          // One of those that were listed has been deleted since.
          if (left === 1 || !isMissingTopic(error)) throw kafkaFailure(error);
        }
      }
    },
    async offsets(from, partitions) {
      const timestamp =
        from === 'earliest' ? ListOffsetTimestamps.EARLIEST : from === 'latest' ? ListOffsetTimestamps.LATEST : BigInt(from);
      const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
      const wanted = Object.fromEntries([...byTopic].map(([topic, own]) => [topic, own.map(({ partition }) => partition)]));
      const list = (at: bigint) => consumer.listOffsets({ topics: [...byTopic.keys()], partitions: wanted, timestamp: at });
      try {
        const offsets = await list(timestamp);
        const isBehindAll = partitions.some(({ topic, partition }) => (offsets.get(topic)?.[partition] ?? -1n) < 0n);
        const ends = isBehindAll ? await list(ListOffsetTimestamps.LATEST) : offsets;
        return partitions.map(({ topic, partition }) => {
          const offset = offsets.get(topic)?.[partition] ?? -1n;
          return { topic, partition, offset: Number(offset < 0n ? (ends.get(topic)?.[partition] ?? 0n) : offset) };
        });
      } catch (error) {
        throw kafkaFailure(error);
      }
    },
    async fetch(from, waitMs) {
      turn = (turn + 1) % fetchers.length;
      const fetcher = fetchers[turn] as PartitionFetcher;
      const untilMs = clock.nowMs() + waitMs;
      for (let places = from; ; ) {
        const { messages, next, outOfRange } = await fetcher.fetch(places, 0);
        for (const { topic, partition, offset } of outOfRange)
          throw new MetricStreamError('invalid_request', `Partition ${partition} of ${topic} does not hold offset ${offset}.`);
        if (messages.length > 0) return messages;
        const isMoving = next.some(({ offset }, i) => offset !== places[i]?.offset);
        places = next;
        if (isMoving) continue;
        const restMs = untilMs - clock.nowMs();
        if (restMs <= 0) return [];
        await new Promise<void>((resolve) => clock.schedule(Math.min(restMs, LIMITS.fetchPollMs), resolve));
      }
    },
    async close() {
      await Promise.all([admin.close(), consumer.close(true), ...fetchers.map((fetcher) => fetcher.close())]);
    },
  };
}
