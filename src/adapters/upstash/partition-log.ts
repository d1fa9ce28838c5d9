/** Partitions of a Kafka topic over Upstash's REST API, read by offset and outside of any group; a fetch for each partition. */
import { LIMITS } from '../../model/limits.ts';
import type { StoredRecord } from '../../ports/metric-log.ts';
import type { PartitionLog } from '../../ports/partition-log.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { bytesOfText } from '../../protocols/text-record.ts';
import { type PartitionBuffer, partitionBuffer } from '../kafka/partition-buffer.ts';
import { type KafkaRest, type KafkaRestConnection, kafkaRest } from './kafka-rest.ts';

export interface UpstashPartitionLogOptions extends KafkaRestConnection {
  readonly topic: string;
  readonly telemetry: Telemetry;
  /** Whether readers wait for more where a partition ends; else they fetch what `look` finds, and nothing is under way between. */
  readonly follows: boolean;
}

export interface UpstashPartitionLog extends PartitionLog {
  /** Asks where all partitions that are open end now, in one request, and tells their readers. @throws unavailable */
  look(): Promise<void>;
}

type Message = Awaited<ReturnType<ReturnType<KafkaRest['kafka']['consumer']>['fetch']>>[number];

const NOTHING = new Uint8Array(0);

export function upstashPartitionLog(options: UpstashPartitionLogOptions): UpstashPartitionLog {
  const offsets = offsetsOf(kafkaRest(options), options.topic);
  const pollers = new Set<Poller>();
  return {
    async open(partition, arrived) {
      const [oldest, newest] = await Promise.all([offsets('earliest', [partition]), offsets('latest', [partition])]);
      const poller: Poller = new Poller(options, offsets, {
        oldest: oldest.get(partition) ?? 0,
        buffer: partitionBuffer(partition, newest.get(partition) ?? 0, arrived, () => poller.changed()),
      });
      for (const one of pollers) if (one.buffer.closed) pollers.delete(one);
      pollers.add(poller);
      return poller.buffer;
    },
    async look() {
      const open = [...pollers].filter(({ buffer }) => !buffer.closed);
      if (open.length === 0) return;
      const ends = await offsets(
        'latest',
        open.map(({ buffer }) => buffer.partition),
      );
      for (const poller of open) {
        poller.buffer.grown(ends.get(poller.buffer.partition) ?? 0);
        poller.changed();
      }
    },
    async close() {
      for (const { buffer } of pollers) buffer.close();
      await Promise.all([...pollers].map(({ asking }) => asking));
    },
  };
}

/** Where partitions begin or end. @throws unavailable */
type Offsets = (at: 'earliest' | 'latest', partitions: readonly number[]) => Promise<ReadonlyMap<number, number>>;

function offsetsOf({ kafka, within }: KafkaRest, topic: string): Offsets {
  const admin = kafka.admin();
  return async (at, partitions) => {
    const topicPartitions = partitions.map((partition) => ({ topic, partition }));
    const asked = admin.topicPartitionOffsets({ timestamp: at, topicPartitions });
    return new Map((await within(asked)).map(({ partition, offset }) => [partition, offset]));
  };
}

/** Fetches what the buffer of a partition wants, one request at a time. */
class Poller {
  readonly buffer: PartitionBuffer;
  /** Never rejects; undefined: nothing is under way. */
  asking: Promise<void> | undefined;
  readonly #options: UpstashPartitionLogOptions;
  readonly #rest: KafkaRest;
  readonly #offsets: Offsets;
  #oldest: number;

  constructor(
    options: UpstashPartitionLogOptions,
    offsets: Offsets,
    { buffer, oldest }: { readonly buffer: PartitionBuffer; readonly oldest: number },
  ) {
    this.#options = options;
    this.#rest = kafkaRest(options);
    this.#offsets = offsets;
    this.#oldest = oldest;
    this.buffer = buffer;
  }

  /** Something else is wanted than before. */
  changed(): void {
    if (!this.#wants()) return;
    this.asking ??= this.#ask().finally(() => {
      this.asking = undefined;
      this.changed();
    });
  }

  #wants(): boolean {
    const { wants, next = 0 } = this.buffer;
    return wants && (this.#options.follows || next < this.buffer.end());
  }

  async #ask(): Promise<void> {
    const { telemetry, clock } = this.#options;
    while (this.#wants()) {
      const from = this.buffer.next ?? 0;
      try {
        if (from < this.#oldest) this.#skip(from);
        else this.#deliver(from, await this.#fetch(from));
      } catch (error) {
        telemetry.count('metricstream_log_fetch_failures_total');
        telemetry.log('warn', 'Kafka could not be read over REST; it is tried again', { error: String(error) });
        await new Promise<void>((resolve) => void clock.schedule(LIMITS.retryMs, resolve));
        await this.#lookForOldest();
      }
    }
  }

  #fetch(offset: number): Promise<readonly Message[]> {
    const { topic, follows } = this.#options;
    const timeout = follows ? LIMITS.restFetchWaitMs : 0;
    const fetching = this.#rest.kafka.consumer().fetch({ topic, partition: this.buffer.partition, offset, timeout });
    return this.#rest.within(fetching, LIMITS.restTimeoutMs + timeout);
  }

  #deliver(from: number, messages: readonly Message[]): void {
    const last = messages.at(-1);
    // It was sent elsewhere meanwhile: what came is not what it wants.
    if (last === undefined || this.buffer.next !== from) return;
    const records = messages.map((message) => recordOf(message, this.buffer.partition));
    this.buffer.take(records, last.offset + 1, this.buffer.end());
  }

  /** What could not be read may be gone: a range that is asked for in vain is refused, but not in the time that the client takes to say so. */
  async #lookForOldest(): Promise<void> {
    const { partition } = this.buffer;
    try {
      this.#oldest = (await this.#offsets('earliest', [partition])).get(partition) ?? this.#oldest;
    } catch {
      // The next fetch tells.
    }
  }

  /** The log has let go of records that nobody had read: goes on with the oldest that is there, and tells of it. */
  #skip(from: number): void {
    const { telemetry } = this.#options;
    const { partition } = this.buffer;
    telemetry.count('metricstream_log_records_lost_total', this.#oldest - from);
    telemetry.log('error', 'records are gone that were not consumed', { partition, from, oldest: this.#oldest });
    this.buffer.take([], this.#oldest, this.buffer.end());
  }
}

/** A value whose bytes were lost on the way: by another gateway than ours, which tells what came over TCP as it is. */
function recordOf({ offset, timestamp: appendMs, value, headers }: Message, partition: number): StoredRecord {
  const bytes = bytesOfText({ value, headers: headers.map((header) => [header.key, header.value] as const) });
  return bytes === undefined
    ? { offset, partition: -1, appendMs, bytes: NOTHING, lost: true }
    : { offset, partition, appendMs, bytes };
}
