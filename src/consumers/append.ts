/** Group commit: all pushes that arrive while one commit is under way go into the next, one row and one fsync for all. */
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogRecord, MetricLog } from '../ports/metric-log.ts';

/** Who waits for a commit. */
export interface Waiting {
  readonly record: LogRecord;
  /** The record is durable. */
  committed(offset: number): void;
  /** What the log threw: nothing of the batch may be counted on. */
  failed(error: unknown): void;
}

/** How long a commit waits for more, ms, at this rate of records. 0: until what is readable now has been read. */
export type Linger = (recordsPerSecond: number) => number;

/** Where each commit is billed as a row written, and an answer may take a second: few rows when busy, quick answers when not. */
export function adaptiveLinger(recordsPerSecond: number): number {
  const { lingerQuietMs, lingerBusyMs, lingerQuietRate, lingerBusyRate } = LIMITS;
  const busy = (recordsPerSecond - lingerQuietRate) / (lingerBusyRate - lingerQuietRate);
  return lingerQuietMs + (lingerBusyMs - lingerQuietMs) * Math.min(1, Math.max(0, busy));
}

/** How many came a second, as an exponential mean over lingerMeanMs: one batch alone says little of a fleet that pushes in bursts. */
class MeanRate {
  #perSecond = 0;
  #atMs = 0;

  /** Fades while nothing comes. A clock that was set back fades nothing. */
  perSecond(nowMs: number): number {
    return this.#perSecond * Math.exp(-Math.max(0, nowMs - this.#atMs) / LIMITS.lingerMeanMs);
  }

  count(records: number, nowMs: number): void {
    this.#perSecond = this.perSecond(nowMs) + (records * 1_000) / LIMITS.lingerMeanMs;
    this.#atMs = nowMs;
  }
}

export interface GroupCommitDependencies<T extends Waiting> {
  readonly clock: Clock;
  readonly log: MetricLog;
  readonly linger: Linger;
  /** Told of what is durable, in order, before those who wait are. */
  committed(batch: readonly T[], firstOffset: number, appendMs: number): void;
}

export class GroupCommit<T extends Waiting> {
  readonly #deps: GroupCommitDependencies<T>;
  #waiting: T[] = [];
  #bytes = 0;
  #cancel: (() => void) | undefined;
  #stampMs = 0;
  readonly #rate = new MeanRate();

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

  add(waiting: T): void {
    const bytes = waiting.record.bytes.length;
    // Together they have to fit in one row of the log.
    if (this.#bytes + bytes > LIMITS.appendBatchBytesMax) this.flush();
    this.#waiting.push(waiting);
    this.#bytes += bytes;
    if (this.#bytes >= LIMITS.appendBatchBytesMax || this.#waiting.length >= LIMITS.appendBatchRecordsMax) this.flush();
    else this.#cancel ??= this.#deps.clock.schedule(this.#deps.linger(this.#rate.perSecond(this.#deps.clock.nowMs())), this.#due);
  }

  readonly #due = (): void => this.flush();

  /** Commits what waits, now. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    this.#bytes = 0;
    const nowMs = this.#deps.clock.nowMs();
    this.#rate.count(batch.length, nowMs);
    this.#stampMs = Math.max(this.#stampMs, nowMs);
    const records = batch.map((one) => one.record);
    let first: number;
    try {
      first = this.#deps.log.append(records, this.#stampMs);
    } catch (error) {
      for (const one of batch) one.failed(error);
      return;
    }
    this.#deps.committed(batch, first, this.#stampMs);
    for (let i = 0; i < batch.length; i++) (batch[i] as T).committed(first + i);
  }
}
