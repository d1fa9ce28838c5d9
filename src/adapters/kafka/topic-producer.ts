/** Kafka as a topic-producer: idempotent, acknowledged by all in-sync replicas, LZ4, in batches. */
import { type MessageToProduce, Producer } from '@platformatic/kafka';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TopicProducer, TopicRecord } from '../../ports/topic-producer.ts';
import { type BatchTransport, batchedSends, type SendFailure } from './batched-sends.ts';
import { clientOptions, type KafkaConnection } from './connection.ts';
import { isKafkaError, isMissingTopic } from './failures.ts';
import { type FirstBroker, firstBroker } from './first-broker.ts';

export interface KafkaTopicProducerOptions {
  readonly connection: KafkaConnection;
  readonly clock: Clock;
  /** How long a partition with nothing on its way waits for more; left out: produceLingerMs. */
  readonly lingerMs?: number | undefined;
  /** After it a record is given up; left out: produceTimeoutMs. */
  readonly timeoutMs?: number | undefined;
}

/** What a broker says of a record that it will never take. */
const REFUSALS = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'INVALID_RECORD'];

export function kafkaTopicProducer(options: KafkaTopicProducerOptions): TopicProducer {
  const first = firstBroker(options.connection.brokers);
  const producer = new Producer({
    ...clientOptions(options.connection),
    bootstrapBrokers: first.brokers,
    idempotent: true,
    acks: -1,
    compression: 'lz4',
    retries: LIMITS.kafkaRetries,
    retryDelay: LIMITS.kafkaRetryDelayMs,
    timeout: LIMITS.produceAckMs,
    requestTimeout: LIMITS.produceAnswerMs,
    metadataMaxAge: LIMITS.produceMetadataAgeMs,
  });
  const sends = batchedSends({
    transport: transportOf(producer, stallWatch(producer, first, options.clock)),
    clock: options.clock,
    lingerMs: options.lingerMs ?? LIMITS.produceLingerMs,
    timeoutMs: options.timeoutMs ?? LIMITS.produceTimeoutMs,
  });
  return {
    send: (record) => sends.add(record),
    async close() {
      await sends.close();
      await producer.close(true);
    },
  };
}

/**
 * One partition a call: of a call for several the client sends all to the leader of the first when it tries again, which can never succeed once
 * they have different leaders.
 */
function transportOf(producer: Producer, watch: StallWatch): BatchTransport {
  return {
    async partitions(topic) {
      try {
        const metadata = await producer.metadata({ topics: [topic], forceUpdate: true, retries: 1 });
        return metadata.topics.get(topic)?.partitionsCount;
      } catch (error) {
        if (isMissingTopic(error)) return undefined;
        throw error;
      }
    },
    leader: (topic, partition) => producer.currentMetadata?.topics.get(topic)?.partitions[partition]?.leader,
    send(records, done) {
      const ended = watch(records[0]?.topic ?? '');
      producer.send({ messages: records.map(messageOf) }, (error, result) => {
        ended();
        const offset = result?.offsets?.[0]?.offset;
        if (error !== null || offset === undefined) done(failureOf(error), -1);
        else done(undefined, Number(offset));
      });
    },
  };
}

/** Told of the topic of a send; @returns to be called when the send has ended. */
type StallWatch = (topic: string) => () => void;

/** While a send takes long it is asked who leads; and where that is not answered either, another broker is asked from then on. */
function stallWatch(producer: Producer, first: FirstBroker, clock: Clock): StallWatch {
  const sends = new Set<{ readonly topic: string; readonly sinceMs: number }>();
  let isWatching = false;
  let asking: Promise<unknown> | undefined;

  const ask = (topics: Iterable<string>): void => {
    const asked = [...topics].map((topic) => producer.metadata({ topics: [topic], forceUpdate: true, retries: 0 }));
    asking = Promise.allSettled(asked).then(() => {
      asking = undefined;
    });
  };
  const look = (): void => {
    const longAgoMs = clock.nowMs() - LIMITS.produceStallMs;
    const stalled = new Set([...sends].filter(({ sinceMs }) => sinceMs <= longAgoMs).map(({ topic }) => topic));
    if (stalled.size > 0) {
      if (asking !== undefined) first.turn(producer.currentMetadata?.brokers.values() ?? []);
      else ask(stalled);
    }
    isWatching = sends.size > 0;
    if (isWatching) clock.schedule(LIMITS.produceStallMs, look);
  };
  return (topic) => {
    const send = { topic, sinceMs: clock.nowMs() };
    sends.add(send);
    if (!isWatching) clock.schedule(LIMITS.produceStallMs, look);
    isWatching = true;
    return () => void sends.delete(send);
  };
}

function messageOf({ topic, partition, key, value, headers, timestampMs }: TopicRecord): MessageToProduce {
  const message: MessageToProduce = { topic, partition, value: bufferOf(value) };
  if (key !== undefined) message.key = bufferOf(key);
  if (timestampMs !== undefined) message.timestamp = BigInt(timestampMs);
  // Each name is an object of its own, so that a map holds one twice.
  if (headers.length > 0) message.headers = new Map(headers.map(([name, text]) => [Buffer.from(name), bufferOf(text)]));
  return message;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function failureOf(cause: unknown): SendFailure {
  return { kind: isKafkaError(cause, 'apiId', REFUSALS) ? 'refused' : 'unavailable', cause };
}
