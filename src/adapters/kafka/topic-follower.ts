/** Follows a topic of one partition, which every server reads from its beginning: record by record, in the one order that all see. */
import { LIMITS } from '../../model/limits.ts';
import type { PartitionLog } from '../../ports/partition-log.ts';

/** The only one of topics that are followed. */
export const FOLLOWED_PARTITION = 0;

export interface TopicFollowerOptions {
  readonly log: PartitionLog;
  /** Takes one record; never throws: one that cannot be read does not hold up those that follow. */
  take(bytes: Uint8Array): void | Promise<void>;
}

type Reader = Awaited<ReturnType<PartitionLog['open']>>;

/** Reads on in the background. @returns what resolves when all has been taken that the topic held at the start. @throws unavailable */
export async function followTopic(options: TopicFollowerOptions): Promise<{ readonly caughtUp: Promise<void> }> {
  const follower = new Follower(options);
  return { caughtUp: follower.follow(await options.log.open(FOLLOWED_PARTITION, () => follower.more())) };
}

class Follower {
  readonly #options: TopicFollowerOptions;
  #reader: Reader | undefined;
  #next = 0;
  #reading = false;
  #again = false;
  #end = 0;
  #ended: () => void = () => undefined;

  constructor(options: TopicFollowerOptions) {
    this.#options = options;
  }

  follow(reader: Reader): Promise<void> {
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

  async #read(reader: Reader): Promise<void> {
    this.#reading = true;
    while (this.#again) {
      this.#again = false;
      const records = await reader.read(this.#next, LIMITS.readBatchBytesMax);
      for (const { offset, bytes } of records) {
        await this.#options.take(bytes);
        this.#next = offset + 1;
        this.#again = true;
      }
      if (this.#next >= this.#end) this.#ended();
    }
    this.#reading = false;
  }
}
