/** Group commit: all pushes that arrive while one commit is under way go into the next, one row and one fsync for all. The next pushes are read meanwhile. */
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

/** How much of the crowd is remembered from one commit to the next. */
const CROWD_KEPT = 0.98;

export interface GroupCommitDependencies<T extends Waiting> {
  readonly clock: Clock;
  readonly log: MetricLog;
  readonly linger: Linger;
  /** So many that wait do not linger when no commit is under way, and where many come in step, half of those. */
  readonly enough: number;
  /** Told of what is durable, in order, before those who wait are. */
  committed(batch: readonly T[], firstOffset: number, appendMs: number): void;
}

export class GroupCommit<T extends Waiting> {
  readonly #deps: GroupCommitDependencies<T>;
  #waiting: T[] = [];
  #bytes = 0;
  /** Bytes that are being committed. */
  #underWay = 0;
  /** The most that waited or were under way at once, lately. */
  #crowd = 0;
  #last: Promise<void> | undefined;
  /** The linger is over, but not the commit before. */
  #late = false;
  #cancel: (() => void) | undefined;
  #stampMs = 0;
  readonly #rate = new MeanRate();

  constructor(deps: GroupCommitDependencies<T>) {
    this.#deps = deps;
  }

  /** Bytes that wait for a commit, or for its end. */
  get bytes(): number {
    return this.#bytes + this.#underWay;
  }

  /** Append stamps never fall below this (the newest in the log, after a restart). */
  startAt(stampMs: number): void {
    this.#stampMs = Math.max(this.#stampMs, stampMs);
  }

  add(waiting: T): void {
    const bytes = waiting.record.bytes.length;
    // Together they have to fit in one row of the log.
    if (this.#bytes + bytes > LIMITS.appendBatchBytesMax) void this.flush();
    this.#waiting.push(waiting);
    this.#bytes += bytes;
    const full = this.#bytes >= LIMITS.appendBatchBytesMax || this.#waiting.length >= LIMITS.appendBatchRecordsMax;
    if (full || (this.#last === undefined && this.#isEnough())) void this.flush();
    else if (!this.#late)
      this.#cancel ??= this.#deps.clock.schedule(this.#deps.linger(this.#rate.perSecond(this.#deps.clock.nowMs())), this.#due);
  }

  /** In two halves those who push in step keep disk and processor busy; in smaller parts each commit would cost more than it gives. */
  #isEnough(): boolean {
    return this.#waiting.length >= Math.max(this.#deps.enough, this.#crowd / 2);
  }

  readonly #due = (): void => {
    this.#cancel = undefined;
    if (this.#last === undefined) void this.flush();
    else this.#late = true;
  };

  /** Commits what waits, now. Resolves when that and all before it is durable, or failed; never rejects. */
  async flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#late = false;
    const batch = this.#waiting;
    if (batch.length > 0) {
      const bytes = this.#bytes;
      this.#waiting = [];
      this.#bytes = 0;
      this.#underWay += bytes;
      const mine = this.#commit(batch).then(() => {
        this.#underWay -= bytes;
        this.#crowd = Math.max(batch.length + this.#waiting.length, this.#crowd * CROWD_KEPT);
        if (this.#last === mine) this.#last = undefined;
        if (this.#last === undefined && (this.#late || this.#isEnough())) void this.flush();
      });
      this.#last = mine;
    }
    await this.#last;
  }

  async #commit(batch: readonly T[]): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    this.#rate.count(batch.length, nowMs);
    this.#stampMs = Math.max(this.#stampMs, nowMs);
    const stampMs = this.#stampMs;
    const records = batch.map((one) => one.record);
    let first: number;
    try {
      first = await this.#deps.log.append(records, stampMs);
    } catch (error) {
      for (const one of batch) one.failed(error);
      return;
    }
    this.#deps.committed(batch, first, stampMs);
    for (let i = 0; i < batch.length; i++) (batch[i] as T).committed(first + i);
  }
}
