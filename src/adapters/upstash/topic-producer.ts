/**
 * Kafka over Upstash's REST API as a topic-producer: records that come together share a request. What is not text travels as protocols/text-record.ts says.
 * The client sends again what was not answered: a record may be kept twice, and has to bear an id where that matters.
 */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { TopicProducer, TopicRecord } from '../../ports/topic-producer.ts';
import { type TextParts, textParts } from '../../protocols/text-record.ts';
import { type Batch, type BatchTransport, batchedSends, type SendOutcome } from '../kafka/batched-sends.ts';
import { isTopicName, type KafkaRest, type KafkaRestConnection, kafkaRest, wasRefused } from './kafka-rest.ts';

export interface UpstashTopicProducerOptions extends KafkaRestConnection {
  /** How many partitions topics have, where that is known; others are asked for. A topic that was just made may not be known there yet. */
  readonly topics?: Readonly<Record<string, number>>;
  /**
   * What a record may take as text, with key and headers; left out: restRecordBytesMax. Not above what the topics take: the client would try for 15 s
   * what is refused, with all that share the request.
   */
  readonly recordBytesMax?: number | undefined;
  /** After it a record is given up; left out: restTimeoutMs. */
  readonly timeoutMs?: number | undefined;
}

export function upstashTopicProducer(options: UpstashTopicProducerOptions): TopicProducer {
  const { clock, recordBytesMax = LIMITS.restRecordBytesMax, timeoutMs = LIMITS.restTimeoutMs } = options;
  const texts = new WeakMap<TopicRecord, TextParts>();
  const sends = batchedSends({
    transport: transportOf(kafkaRest(options), options, timeoutMs, (record) => texts.get(record) ?? textParts(record)),
    clock,
    lingerMs: LIMITS.produceLingerMs,
    timeoutMs,
    batchRecordsMax: LIMITS.restBatchRecordsMax,
  });
  return {
    send(record) {
      if (!isTopicName(record.topic)) return refused(`There is no topic ${record.topic}.`);
      const text = textParts(record);
      if (sizeOf(text) > recordBytesMax) return refused('The record is too large.');
      texts.set(record, text);
      return sends.add(record);
    },
    close: () => sends.close(),
  };
}

function transportOf(
  { kafka, within }: KafkaRest,
  { topics = {} }: UpstashTopicProducerOptions,
  timeoutMs: number,
  textOf: (record: TopicRecord) => TextParts,
): BatchTransport {
  const producer = kafka.producer();
  const admin = kafka.admin();
  const produce = ({ records }: Batch): Promise<SendOutcome> =>
    within(producer.produceMany(records.map((record) => messageOf(record, textOf(record)))), timeoutMs).then(
      (kept) =>
        kept.length === records.length
          ? { kind: 'kept', offsets: kept.map(({ offset }) => offset) }
          : { kind: 'unavailable', cause: `${kept.length} of ${records.length} are answered` },
      (cause: MetricStreamError) => ({ kind: wasRefused(cause) ? 'refused' : 'unavailable', cause }),
    );
  return {
    partitions: async (topic) => topics[topic] ?? (await within(admin.topics(), timeoutMs))[topic],
    // Who leads is not known here, and nobody else's partition waits for one that is slow.
    destination: (topic, partition) => `${topic}/${partition}`,
    send(_destination, batches, done) {
      Promise.all(batches.map(produce)).then(done);
    },
    drop: () => undefined,
  };
}

function messageOf({ topic, partition, timestampMs }: TopicRecord, { key, value, headers }: TextParts) {
  return {
    topic,
    partition,
    value,
    ...(key === undefined ? {} : { key }),
    ...(headers.length === 0 ? {} : { headers: headers.map(([name, text]) => ({ key: name, value: text })) }),
    ...(timestampMs === undefined ? {} : { timestamp: timestampMs }),
  };
}

/** Bytes of the text. */
function sizeOf({ key = '', value, headers }: TextParts): number {
  const encoder = new TextEncoder();
  const length = (text: string): number => encoder.encode(text).length;
  return headers.reduce((bytes, [name, text]) => bytes + length(name) + length(text), length(value) + length(key));
}

function refused(detail: string): Promise<never> {
  return Promise.reject(new MetricStreamError('invalid_request', detail));
}
