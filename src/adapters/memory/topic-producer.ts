/** Topics in memory, as tests need them. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { TopicProducer, TopicRecord } from '../../ports/topic-producer.ts';

export interface MemoryTopicProducerOptions {
  /** How many partitions each topic has. */
  readonly topics: Readonly<Record<string, number>>;
  /** Of key, value and headers together; left out: any size is taken. */
  readonly recordBytesMax?: number;
}

export interface MemoryTopicProducer extends TopicProducer {
  /** What a partition holds; the place of a record is its offset. */
  records(topic: string, partition: number): readonly TopicRecord[];
}

export function memoryTopicProducer(options: MemoryTopicProducerOptions): MemoryTopicProducer {
  const partitions = new Map<string, TopicRecord[]>();
  let isClosed = false;

  const take = (record: TopicRecord): number => {
    const { topic, partition } = record;
    const count = options.topics[topic];
    if (isClosed) throw new MetricStreamError('unavailable', 'The producer is closed.', { retryAfterMs: LIMITS.retryMs });
    if (count === undefined || !Number.isInteger(partition) || partition < 0 || partition >= count)
      throw new MetricStreamError('invalid_request', `There is no partition ${partition} of topic ${topic}.`);
    if (sizeOf(record) > (options.recordBytesMax ?? Number.POSITIVE_INFINITY))
      throw new MetricStreamError('invalid_request', 'The record is too large.');
    const name = nameOf(topic, partition);
    const records = partitions.get(name) ?? [];
    partitions.set(name, records);
    return records.push(record) - 1;
  };

  return {
    send: async (record) => take(record),
    close: async () => {
      isClosed = true;
    },
    records: (topic, partition) => partitions.get(nameOf(topic, partition)) ?? [],
  };
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function sizeOf({ key, value, headers }: TopicRecord): number {
  return headers.reduce((bytes, [name, text]) => bytes + name.length + text.length, value.length + (key?.length ?? 0));
}
