/** Appends records to partitions of Kafka topics: many callers, few requests. */

export interface TopicRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array;
  /** In order; a name may stand in it more than once. */
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
  /** Unix ms; undefined: now. A topic with LogAppendTime replaces it. */
  readonly timestampMs: number | undefined;
}

export interface TopicProducer {
  /**
   * Resolves when all in-sync replicas have the record (acks=all), once and in the order of the calls for a partition.
   * @returns its offset, below 2^53.
   * @throws `unavailable`, with retryAfterMs, when that is not known before the deadline of a produce, or too much waits already: the record may be kept, and
   *   may be sent again | `invalid_request` when the topic or the partition is not there, or the record is larger than the topic takes: it is not kept.
   */
  send(record: TopicRecord): Promise<number>;
  /** Sends what waits, then lets go of its connections. Later sends throw `unavailable`. */
  close(): Promise<void>;
}
