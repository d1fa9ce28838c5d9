/** Group commit: all pushes that arrive while one commit is under way go into the next, one row and one fsync for all. */
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogRecord, MetricLog } from '../ports/metric-log.ts';

interface Waiting<T> {
  readonly record: LogRecord;
  readonly item: T;
  readonly resolve: (offset: number) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommitDependencies<T> {
  readonly clock: Clock;
  readonly log: MetricLog;
  /** 0: commit as soon as what is readable now has been read. */
  readonly lingerMs: number;
  /** Told of what is durable, in order, before the appends resolve. */
  committed(items: readonly T[], records: readonly LogRecord[], firstOffset: number, appendMs: number): void;
}

export class GroupCommit<T> {
  readonly #deps: GroupCommitDependencies<T>;
  #waiting: Waiting<T>[] = [];
  #bytes = 0;
  #cancel: (() => void) | undefined;
  #stampMs = 0;

  constructor(deps: GroupCommitDependencies<T>) {
    this.#deps = deps;
  }

  /** Bytes that wait for a commit. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Append stamps never fall below this (the newest in the log, after a restart). */
  startAt(stampMs: number): void {
    this.#stampMs = Math.max(this.#stampMs, stampMs);
  }

  /** @returns the offset once it is durable. @throws what the log threw: nothing of the batch may be counted on. */
  add(record: LogRecord, item: T): Promise<number> {
    // Together they have to fit in one row of the log.
    if (this.#bytes + record.bytes.length > LIMITS.appendBatchBytesMax) this.flush();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, item, resolve, reject });
      this.#bytes += record.bytes.length;
      if (this.#bytes >= LIMITS.appendBatchBytesMax || this.#waiting.length >= LIMITS.appendBatchRecordsMax) this.flush();
      else this.#cancel ??= this.#deps.clock.schedule(this.#deps.lingerMs, () => this.flush());
    });
  }

  /** Commits what waits, now. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    this.#bytes = 0;
    this.#stampMs = Math.max(this.#stampMs, this.#deps.clock.nowMs());
    const records = batch.map((one) => one.record);
    let first: number;
    try {
      first = this.#deps.log.append(records, this.#stampMs);
    } catch (error) {
      for (const one of batch) one.reject(error);
      return;
    }
    this.#deps.committed(
      batch.map((one) => one.item),
      records,
      first,
      this.#stampMs,
    );
    for (let i = 0; i < batch.length; i++) (batch[i] as Waiting<T>).resolve(first + i);
  }
}
