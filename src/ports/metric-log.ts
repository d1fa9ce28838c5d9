/** The partitioned log: what was acknowledged, in order, until all of it is sealed. */

export interface LogRecord {
  readonly partition: number;
  /** An encoded record (protocols/log-record.ts). */
  readonly bytes: Uint8Array;
}

/** A record as read: offsets rise within a partition, with gaps. */
export interface StoredRecord extends LogRecord {
  readonly offset: number;
  /** Append stamp of its batch, Unix ms; never falls from one batch to the next. */
  readonly appendMs: number;
  /** Stood in a batch that is damaged: nothing more is known of it. `partition` is -1 and `bytes` is empty. */
  readonly lost?: true;
}

/** What a consumer needs of a log. */
export interface LogReader {
  /** The offset after the last durable record, as far as is known here; 0 in an empty log. */
  end(): number;
  /**
   * Whole batches in order, the first one being that which holds `fromOffset` (records before it left out), up to about `bytesMax`.
   * A batch whose bytes cannot be decoded is not an error, or nobody could ever read on: each of its records comes as `lost`.
   * @throws `unavailable` where the log is elsewhere and cannot be reached: ask again.
   */
  read(fromOffset: number, bytesMax: number): StoredRecord[] | Promise<StoredRecord[]>;
}

/** A log in this process: it reads at once. */
export interface MetricLog extends LogReader {
  /**
   * Appends all or nothing, in order of the calls; another append need not wait for it. Read back only once it is durable.
   * @returns the offset of the first, when they are durable; the others follow by one.
   * @throws `storage_full`, with retryAfterMs, when the disk is, else `internal`; then nothing of it may be counted on, though it may show
   * later, and nothing is torn.
   */
  append(records: readonly LogRecord[], appendMs: number): Promise<number>;
  /** As of every log, without waiting. */
  read(fromOffset: number, bytesMax: number): StoredRecord[];
  /**
   * Deletes whole batches older than `olderThanMs`, and the oldest beyond `bytesMax`, but none that holds an offset ≥ `safeOffset`.
   * Bounded work a call. @returns batches deleted, and bytes still held.
   */
  trim(safeOffset: number, olderThanMs: number, bytesMax: number): { readonly deleted: number; readonly bytes: number };
}
