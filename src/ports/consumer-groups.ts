/** Kafka consumer groups: members share the partitions of topics, and go on where the group's offsets say. */
import type { PartitionOffset, TopicMessage, TopicPartition } from './topic-reader.ts';

export interface GroupMemberOptions {
  readonly group: string;
  readonly topics: readonly string[];
  /** Where to start in a partition in which the group has committed nothing; none: `poll` throws. */
  readonly offsetReset: 'earliest' | 'latest' | 'none';
}

export interface TopicAssignment {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface GroupMember {
  /** What the group has given to this member, as far as it knows now. */
  readonly assignment: readonly TopicAssignment[];
  /**
   * The next records of its partitions, those of each in order: as soon as there are any, else none after `waitMs` or when `signal` aborts.
   * Each record is given once to a member, and again to whoever gets its partition unless it is committed. One call at a time.
   * @throws `unavailable`, with retryAfterMs | `invalid_request` where nothing is committed and offsetReset is none, or a topic is not there
   */
  poll(waitMs: number, signal: AbortSignal): Promise<readonly TopicMessage[]>;
  /**
   * Commits offsets, each of the next record to read; left out: behind all that `poll` has given of the partitions it still has.
   * @throws `unavailable`, with retryAfterMs, also when the group is being shared out anew | `invalid_request`
   */
  commit(offsets?: readonly PartitionOffset[]): Promise<void>;
  /** Leaves the group, without committing. */
  close(): Promise<void>;
}

export interface ConsumerGroups {
  /** Joins with the first poll. */
  join(options: GroupMemberOptions): GroupMember;
  /**
   * @returns the committed offset of each partition; undefined where there is none.
   * @throws `unavailable`, with retryAfterMs
   */
  committed(group: string, partitions: readonly TopicPartition[]): Promise<readonly (number | undefined)[]>;
  /** Lets go of its connections; members are closed one by one. */
  close(): Promise<void>;
}
