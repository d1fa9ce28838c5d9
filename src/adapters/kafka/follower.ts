/** Follows one partition of a topic in the background: each record is taken once, in order, before the next. */
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoredRecord } from '../../ports/metric-log.ts';
import type { PartitionLog, PartitionReader } from '../../ports/partition-log.ts';

export interface FollowerOptions {
  readonly log: PartitionLog;
  readonly partition: number;
  /** The first offset to take. */
  readonly from: number;
  readonly clock: Clock;
  /** Where it rejects, the record is taken again after retryMs: what is behind it waits. */
  take(record: StoredRecord): void | Promise<void>;
}

/** The only one of topics that every server reads whole, in one order for all. */
export const FOLLOWED_PARTITION = 0;

/**
 * Reads on in the background.
 * @returns once the partition is open, with what resolves when all has been taken that it held then. @throws unavailable where Kafka cannot be reached
 */
export async function follow(options: FollowerOptions): Promise<{ readonly caughtUp: Promise<void> }> {
  const follower = new Follower(options);
  return { caughtUp: follower.start(await options.log.open(options.partition, () => follower.more())) };
}

class Follower {
  readonly #options: FollowerOptions;
  #reader: PartitionReader | undefined;
  #next: number;
  #reading = false;
  #again = false;
  #end = 0;
  #ended: () => void = () => undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#next = options.from;
  }

  start(reader: PartitionReader): Promise<void> {
    this.#reader = reader;
    this.#end = reader.end();
    const caughtUp = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    this.more();
    return caughtUp;
  }

  more(): void {
    this.#again = true;
    if (!this.#reading && this.#reader !== undefined) void this.#read(this.#reader);
  }

  async #read(reader: PartitionReader): Promise<void> {
    const { take, clock } = this.#options;
    this.#reading = true;
    while (this.#again) {
      this.#again = false;
      try {
        const records = await reader.read(this.#next, LIMITS.readBatchBytesMax);
        for (const record of records) {
          await take(record);
          this.#next = record.offset + 1;
          this.#again = true;
        }
        if (this.#next >= this.#end) this.#ended();
      } catch {
        this.#again = true;
        await new Promise<void>((resolve) => void clock.schedule(LIMITS.retryMs, resolve));
      }
    }
    this.#reading = false;
  }
}
