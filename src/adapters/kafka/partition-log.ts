/** Partitions of a Kafka topic, read by offset: one long poll a broker for all partitions that it leads. */
import { Consumer, type KafkaRecord } from '@platformatic/kafka';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoredRecord } from '../../ports/metric-log.ts';
import type { PartitionLog } from '../../ports/partition-log.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { bytesParts, TEXT_MARK } from '../../protocols/text-record.ts';
import { clientOptions, type KafkaConnection } from './connection.ts';
import { isKafkaError } from './failures.ts';
import { type PartitionBuffer, partitionBuffer } from './partition-buffer.ts';
import { within } from './within.ts';

export interface KafkaPartitionLogOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Of a record without a value, which deletes its key. */
const NOTHING = new Uint8Array(0);
type FetchAnswer = Awaited<ReturnType<Consumer['fetch']>>;

const NEWEST = -1n;
const OLDEST = -2n;

export function kafkaPartitionLog(options: KafkaPartitionLogOptions): PartitionLog {
  const consumer = new Consumer({
    ...clientOptions(options.connection),
    // It joins no group; the client wants a name all the same.
    groupId: `${options.connection.clientId}-reader`,
    autocommit: false,
    requestTimeout: LIMITS.kafkaRequestTimeoutMs + LIMITS.kafkaFetchWaitMs,
    retries: LIMITS.readRetries,
    retryDelay: LIMITS.kafkaRetryDelayMs,
  });
  consumer.topics.trackAll(options.topic);
  const fetcher = new Fetcher(consumer, options);
  return {
    async open(partition, arrived) {
      const end = await fetcher.offsetOf(partition, NEWEST);
      const reader = partitionBuffer(partition, end, arrived, () => fetcher.changed());
      fetcher.add(reader);
      return reader;
    },
    async close() {
      fetcher.stop();
      await consumer.close(true);
    },
  };
}

class Fetcher {
  readonly #consumer: Consumer;
  readonly #options: KafkaPartitionLogOptions;
  readonly #readers = new Set<PartitionBuffer>();
  /** Brokers that are being asked. */
  readonly #asking = new Set<number>();
  #stopped = false;

  constructor(consumer: Consumer, options: KafkaPartitionLogOptions) {
    this.#consumer = consumer;
    this.#options = options;
  }

  async offsetOf(partition: number, timestamp: bigint): Promise<number> {
    const { topic } = this.#options;
    try {
      const listed = this.#consumer.listOffsets({ topics: [topic], partitions: { [topic]: [partition] }, timestamp });
      const offsets = await this.#within(listed);
      return Number(offsets.get(topic)?.[partition] ?? 0n);
    } catch (cause) {
      throw new MetricStreamError('unavailable', `Kafka does not say where partition ${partition} ends.`, { cause });
    }
  }

  /** The library tries again, each time all that it takes to reach a broker: a silent one would hold its call for minutes. */
  #within<T>(call: Promise<T>): Promise<T> {
    return within(this.#options.clock, LIMITS.kafkaReadTimeoutMs, call, 'Kafka does not answer.');
  }

  add(reader: PartitionBuffer): void {
    this.#readers.add(reader);
  }

  stop(): void {
    this.#stopped = true;
    for (const reader of this.#readers) reader.close();
  }

  /** A reader wants something else than before. */
  changed(): void {
    for (const reader of this.#readers) if (reader.closed) this.#readers.delete(reader);
    if (!this.#stopped) void this.#ask();
  }

  /** Starts a poll at each broker that leads a wanted partition and is not being asked. */
  async #ask(refresh = false): Promise<void> {
    const { topic } = this.#options;
    try {
      const metadata = await this.#within(this.#consumer.metadata({ topics: [topic], forceUpdate: refresh }));
      const { id, partitions } = metadata.topics.get(topic) ?? { id: '', partitions: [] };
      const leaders = new Set(
        [...this.#readers].filter(({ wants }) => wants).map(({ partition }) => partitions[partition]?.leader),
      );
      for (const node of leaders) {
        if (node === undefined || node < 0 || this.#asking.has(node)) continue;
        this.#asking.add(node);
        const wanted = [...this.#readers].filter((reader) => reader.wants && partitions[reader.partition]?.leader === node);
        void this.#poll(node, id, wanted);
      }
      if (leaders.has(undefined) || leaders.has(-1)) this.#again();
    } catch (error) {
      this.#failed(error);
    }
  }

  #again(): void {
    if (!this.#stopped) this.#options.clock.schedule(LIMITS.kafkaRetryDelayMs, () => void this.#ask(true));
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    this.#options.telemetry.count('metricstream_log_fetch_failures_total');
    this.#options.telemetry.log('warn', 'Kafka could not be read; it is tried again', { error: String(error) });
    this.#again();
  }

  async #poll(node: number, topicId: string, readers: readonly PartitionBuffer[]): Promise<void> {
    const asked = readers.map((reader) => ({ reader, from: reader.next ?? 0 }));
    try {
      const polled = this.#consumer.fetch({
        node,
        minBytes: 1,
        maxBytes: LIMITS.kafkaFetchBytesMax,
        maxWaitTime: LIMITS.kafkaFetchWaitMs,
        topics: [
          {
            topicId,
            partitions: asked.map(({ reader, from }) => ({
              partition: reader.partition,
              currentLeaderEpoch: -1,
              fetchOffset: BigInt(from),
              lastFetchedEpoch: -1,
              partitionMaxBytes: LIMITS.kafkaPartitionFetchBytesMax,
            })),
          },
        ],
      });
      const answer = await this.#within(polled);
      this.#asking.delete(node);
      for (const one of asked) this.#deliver(one.reader, one.from, answer);
      if (!this.#stopped) void this.#ask();
    } catch (error) {
      this.#asking.delete(node);
      if (isKafkaError(error, 'apiId', ['OFFSET_OUT_OF_RANGE'])) await this.#skipLost(asked);
      else this.#failed(error);
    }
  }

  #deliver(reader: PartitionBuffer, from: number, answer: FetchAnswer): void {
    // It was sent elsewhere meanwhile: what came is not what it wants.
    if (reader.next !== from) return;
    const part = answer.responses
      .flatMap(({ partitions }) => partitions)
      .find(({ partitionIndex }) => partitionIndex === reader.partition);
    if (part === undefined) return;
    const records: StoredRecord[] = [];
    let next = from;
    for (const batch of part.records ?? []) {
      const base = Number(batch.firstOffset);
      next = Math.max(next, base + batch.lastOffsetDelta + 1);
      // With LogAppendTime all records of a batch have its stamp.
      const appendMs = Number(batch.maxTimestamp);
      for (const record of batch.records) {
        const offset = base + record.offsetDelta;
        if (offset >= from) records.push({ offset, partition: reader.partition, appendMs, bytes: bytesOf(record) });
      }
    }
    if (next > from) reader.take(records, next, Number(part.highWatermark));
  }

  /** The log has let go of records that nobody had read: goes on with the oldest that is there, and tells of it. */
  async #skipLost(asked: readonly { readonly reader: PartitionBuffer; readonly from: number }[]): Promise<void> {
    const { telemetry } = this.#options;
    try {
      for (const { reader, from } of asked) {
        const [oldest, newest] = await Promise.all([
          this.offsetOf(reader.partition, OLDEST),
          this.offsetOf(reader.partition, NEWEST),
        ]);
        if (reader.next !== from || (from >= oldest && from <= newest)) continue;
        const lost = Math.max(0, oldest - from);
        telemetry.count('metricstream_log_records_lost_total', lost);
        telemetry.log('error', 'records are gone that were not consumed', { partition: reader.partition, from, oldest, newest });
        reader.take([], Math.max(oldest, Math.min(from, newest)), newest);
      }
      void this.#ask(true);
    } catch (error) {
      this.#failed(error);
    }
  }
}

type FetchedRecord = Pick<KafkaRecord, 'value' | 'headers'>;

/** One that came over REST may be text. */
function bytesOf({ value, headers }: FetchedRecord): Uint8Array {
  const last = headers.at(-1)?.[0];
  if (last?.length !== TEXT_MARK.length || last.toString() !== TEXT_MARK) return value ?? NOTHING;
  const named = headers.map(([name, bytes]) => [name?.toString() ?? '', bytes ?? NOTHING] as const);
  return bytesParts({ key: undefined, value: value ?? NOTHING, headers: named }).value;
}
