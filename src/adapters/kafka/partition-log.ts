/** Partitions of a Kafka topic, read by offset: one long poll a broker for all partitions that it leads. */
import { Consumer, type GenericError } from '@platformatic/kafka';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoredRecord } from '../../ports/metric-log.ts';
import type { PartitionLog, PartitionReader } from '../../ports/partition-log.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { clientOptions, type KafkaConnection } from './connection.ts';

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
/** Kafka's error code: the log no longer has the offset, or does not have it yet. */
const OFFSET_OUT_OF_RANGE = 1;

export function kafkaPartitionLog(options: KafkaPartitionLogOptions): PartitionLog {
  const consumer = new Consumer({
    ...clientOptions(options.connection),
    // It joins no group; the client wants a name all the same.
    groupId: `${options.connection.clientId}-reader`,
    autocommit: false,
  });
  consumer.topics.trackAll(options.topic);
  const fetcher = new Fetcher(consumer, options);
  return {
    async open(partition, arrived) {
      const end = await fetcher.offsetOf(partition, NEWEST);
      const reader = new Reader(partition, end, arrived, () => fetcher.changed());
      fetcher.add(reader);
      return reader;
    },
    async close() {
      fetcher.stop();
      await consumer.close(true);
    },
  };
}

/** What has been fetched of one partition and not been read yet. */
class Reader implements PartitionReader {
  readonly partition: number;
  /** The offset to fetch next; undefined: nobody has said yet where to begin. */
  next: number | undefined;
  /** All there is from here to `next` is in memory. */
  #from = 0;
  #end: number;
  #records: StoredRecord[] = [];
  #bytes = 0;
  #waiting: (() => void) | undefined;
  readonly #arrived: () => void;
  readonly #changed: () => void;
  closed = false;

  constructor(partition: number, end: number, arrived: () => void, changed: () => void) {
    this.partition = partition;
    this.#end = end;
    this.#arrived = arrived;
    this.#changed = changed;
  }

  end(): number {
    return this.#end;
  }

  /** Whether the next fetch is for it, too. */
  get wants(): boolean {
    return !this.closed && this.next !== undefined && this.#bytes < LIMITS.partitionBufferBytesMax;
  }

  read(fromOffset: number, bytesMax: number): StoredRecord[] | Promise<StoredRecord[]> {
    const held = this.next !== undefined && fromOffset >= this.#from && fromOffset <= this.next;
    if (!held) this.#seek(fromOffset);
    const records = this.#cut(fromOffset, bytesMax);
    if (records.length > 0 || fromOffset >= this.#end || this.closed) return records;
    return new Promise((resolve) => {
      this.#waiting = () => resolve(this.#cut(fromOffset, bytesMax));
    });
  }

  #seek(offset: number): void {
    this.next = offset;
    this.#from = offset;
    this.#records = [];
    this.#bytes = 0;
    this.#changed();
  }

  #cut(fromOffset: number, bytesMax: number): StoredRecord[] {
    let count = 0;
    let bytes = 0;
    while (count < this.#records.length && bytes < bytesMax) {
      bytes += this.#records[count]?.bytes.length ?? 0;
      count += 1;
    }
    const full = !this.wants;
    const records = this.#records.splice(0, count);
    this.#bytes -= bytes;
    // Offsets that are missing before the next record are held, too: there is nothing at them.
    const last = records.at(-1);
    if (last !== undefined) this.#from = last.offset + 1;
    if (full) this.#changed();
    return records.filter(({ offset }) => offset >= fromOffset);
  }

  /** @param next the offset after what was fetched, gaps included. */
  take(records: readonly StoredRecord[], next: number, end: number): void {
    for (const record of records) {
      this.#records.push(record);
      this.#bytes += record.bytes.length;
    }
    this.next = next;
    this.#end = Math.max(end, next);
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
    this.#arrived();
  }

  close(): void {
    this.closed = true;
    this.#waiting?.();
    this.#changed();
  }
}

class Fetcher {
  readonly #consumer: Consumer;
  readonly #options: KafkaPartitionLogOptions;
  readonly #readers = new Set<Reader>();
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
      const offsets = await this.#consumer.listOffsets({ topics: [topic], partitions: { [topic]: [partition] }, timestamp });
      return Number(offsets.get(topic)?.[partition] ?? 0n);
    } catch (cause) {
      throw new MetricStreamError('unavailable', `Kafka does not say where partition ${partition} ends.`, { cause });
    }
  }

  add(reader: Reader): void {
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
      const metadata = await this.#consumer.metadata({ topics: [topic], forceUpdate: refresh });
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

  async #poll(node: number, topicId: string, readers: readonly Reader[]): Promise<void> {
    const asked = readers.map((reader) => ({ reader, from: reader.next ?? 0 }));
    try {
      const answer = await this.#consumer.fetch({
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
      this.#asking.delete(node);
      for (const one of asked) this.#deliver(one.reader, one.from, answer);
      if (!this.#stopped) void this.#ask();
    } catch (error) {
      this.#asking.delete(node);
      if (isOutOfRange(error)) await this.#skipLost(asked);
      else this.#failed(error);
    }
  }

  #deliver(reader: Reader, from: number, answer: FetchAnswer): void {
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
      for (const { offsetDelta, value } of batch.records) {
        const offset = base + offsetDelta;
        if (offset >= from) records.push({ offset, partition: reader.partition, appendMs, bytes: value ?? NOTHING });
      }
    }
    if (next > from) reader.take(records, next, Number(part.highWatermark));
  }

  /** The log has let go of records that nobody had read: goes on with the oldest that is there, and tells of it. */
  async #skipLost(asked: readonly { readonly reader: Reader; readonly from: number }[]): Promise<void> {
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

function isOutOfRange(error: unknown): boolean {
  const found = (error as Partial<GenericError>).findBy?.('apiCode', OFFSET_OUT_OF_RANGE);
  return found !== undefined && found !== null;
}
