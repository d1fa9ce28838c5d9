/** Reads Kafka topics by offset, outside of any consumer group. */

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionOffset extends TopicPartition {
  readonly offset: number;
}

/** A record as it lies in its partition. */
export interface TopicMessage extends PartitionOffset {
  /** Unix ms: when it was produced, or where the topic has LogAppendTime when it was appended. */
  readonly timestampMs: number;
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array | undefined;
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
}

export interface TopicReader {
  /**
   * @returns how many partitions each topic has, Kafka's own left out.
   * @throws `unavailable`, with retryAfterMs
   */
  topics(): Promise<ReadonlyMap<string, number>>;
  /**
   * Where a reader would have to start: at the first record, behind the last, or at the first record of a time (Unix ms) or later;
   * behind the last where there is none.
   * @throws `unavailable`, with retryAfterMs | `invalid_request` when a partition is not there
   */
  offsets(from: 'earliest' | 'latest' | number, partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]>;
  /**
   * The records at and behind an offset, in order, of committed transactions only: as soon as there are any, else none after `waitMs`.
   * At least one, however large; beyond it up to about fetchBytesMax and fetchRecordsMax of each partition.
   * @throws `unavailable`, with retryAfterMs | `invalid_request` when a partition is not there or an offset is outside of what it holds
   */
  fetch(from: readonly PartitionOffset[], waitMs: number): Promise<readonly TopicMessage[]>;
  /** Lets go of its connections. */
  close(): Promise<void>;
}
