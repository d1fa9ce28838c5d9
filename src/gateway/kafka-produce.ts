/** POST /produce: messages into topics. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { murmur2 } from '../model/partition.ts';
import type { Clock } from '../ports/clock.ts';
import type { TopicProducer, TopicRecord } from '../ports/topic-producer.ts';
import type { KafkaCall } from './guard.ts';
import { type ProduceMessage, produceMessages } from './kafka-bodies.ts';
import type { TopicCatalogue } from './topic-catalogue.ts';

/** Where a message lies. */
export interface Produced {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
}

export interface ProduceDependencies {
  readonly clock: Clock;
  readonly producer: TopicProducer;
  readonly catalogue: TopicCatalogue;
  /** As Math.random. */
  readonly random: () => number;
}

/**
 * @returns where each message lies, in their order.
 * Rejects as the producer does; of several messages others may then have been kept.
 */
export type Produce = (call: Pick<KafkaCall, 'credential' | 'body'>) => Promise<readonly Produced[]>;

export function produce({ clock, producer, catalogue, random }: ProduceDependencies): Produce {
  const keyless = stickyPartitions(random);
  const encoder = new TextEncoder();

  const partitionOf = (message: ProduceMessage, key: Uint8Array | undefined, count: number | undefined): number => {
    if (count === undefined) throw new MetricStreamError('invalid_request', `There is no topic ${message.topic}.`);
    return key === undefined ? keyless(message.topic, count, message.value.length) : (murmur2(key) & 0x7fffffff) % count;
  };

  const recordOf = async (message: ProduceMessage, nowMs: number): Promise<TopicRecord> => {
    const { topic, timestampMs = nowMs, headers } = message;
    const key = message.key === undefined ? undefined : encoder.encode(message.key);
    const known = message.partition === undefined ? catalogue.partitions(topic) : undefined;
    const count = typeof known === 'object' ? await known : known;
    return {
      topic,
      partition: message.partition ?? partitionOf(message, key, count),
      key,
      value: encoder.encode(message.value),
      headers: headers.length === 0 ? NO_HEADERS : headers.map(([name, value]) => [name, encoder.encode(value)] as const),
      timestampMs,
    };
  };

  return async ({ credential, body }) => {
    const messages = produceMessages(body);
    for (const { topic } of messages) {
      if (!credential.mayTopic(topic)) throw new MetricStreamError('forbidden', `This credential may not produce to ${topic}.`);
    }
    const nowMs = clock.nowMs();
    // Nothing is sent before all is known to be well formed.
    const records = await Promise.all(messages.map((message) => recordOf(message, nowMs)));
    const offsets = await Promise.all(records.map((record) => producer.send(record)));
    return records.map(({ topic, partition, timestampMs = nowMs }, i) => ({
      topic,
      partition,
      offset: offsets[i] as number,
      timestamp: timestampMs,
    }));
  };
}

const NO_HEADERS: TopicRecord['headers'] = [];

/** Messages without a key stay with one partition until a batch is full, as Kafka's own producer does: few and large batches. */
function stickyPartitions(random: () => number): (topic: string, count: number, bytes: number) => number {
  const current = new Map<string, { partition: number; bytes: number }>();
  return (topic, count, bytes) => {
    const use = current.get(topic) ?? { partition: Math.floor(random() * count), bytes: 0 };
    current.set(topic, use);
    use.bytes += bytes;
    if (use.bytes > LIMITS.gatewayStickyBytes || use.partition >= count) {
      use.bytes = bytes;
      use.partition = (use.partition + 1) % count;
    }
    return use.partition;
  };
}
