/** Exact sliding-window limits: at most N admissions in any second. */
import { LIMITS } from '../model/limits.ts';

/** One more than the window holds: the oldest counts until the last of its admissions has left the window. */
const BUCKETS = LIMITS.limitWindowMs / LIMITS.limitBucketMs + 1;

/** Time that goes on from where it was when the clock is set back: standing still would admit nobody for as long. */
class SteadyTime {
  #lastMs = 0;
  #aheadMs = 0;

  at(nowMs: number): number {
    this.#aheadMs = Math.max(this.#aheadMs, this.#lastMs - nowMs);
    this.#lastMs = nowMs + this.#aheadMs;
    return this.#lastMs;
  }
}

/** The admissions of one client. Memory is one number per admission in the last second. */
export class SlidingWindow {
  /** Times of admissions, ascending; those before `#first` have left the window. */
  #times: number[] = [];
  #first = 0;
  readonly #time = new SteadyTime();

  /** @returns 0 when admitted, else the ms after which one more will be. */
  take(limit: number, nowMs: number): number {
    const now = this.#time.at(nowMs);
    this.#leave(now);
    const inWindow = this.#times.length - this.#first;
    if (inWindow >= limit) return Math.max(1, (this.#times[this.#times.length - limit] ?? now) + LIMITS.limitWindowMs - now);
    this.#times.push(now);
    return 0;
  }

  /** How much of the limit was used up when something was admitted last, 0..1. */
  share(limit: number): number {
    return (this.#times.length - this.#first) / limit;
  }

  /** Counts an admission of the past (from the log, after a restart), oldest first. */
  note(atMs: number): void {
    const at = this.#time.at(atMs);
    this.#leave(at);
    this.#times.push(at);
  }

  /** Lets go of what has left the window. */
  #leave(now: number): void {
    const times = this.#times;
    while (this.#first < times.length && (times[this.#first] as number) <= now - LIMITS.limitWindowMs) this.#first += 1;
    if (this.#first === times.length) {
      times.length = 0;
      this.#first = 0;
    } else if (this.#first > 32 && this.#first * 2 > times.length) {
      this.#times = times.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** For large limits, where a time per admission would be too much: 10 ms buckets, never more than the limit in a second. */
export class BucketWindow {
  readonly #counts = new Uint32Array(BUCKETS);
  readonly #time = new SteadyTime();
  #bucket = 0;
  #total = 0;

  /** Counts an admission of the past (from the log, after a restart), oldest first. */
  note(atMs: number): void {
    this.take(Number.POSITIVE_INFINITY, atMs);
  }

  /** @returns 0 when admitted, else ms to wait. */
  take(limit: number, nowMs: number): number {
    const bucket = Math.floor(this.#time.at(nowMs) / LIMITS.limitBucketMs);
    const steps = Math.min(bucket - this.#bucket, BUCKETS);
    for (let i = 1; i <= steps; i++) {
      const place = (this.#bucket + i) % BUCKETS;
      this.#total -= this.#counts[place] as number;
      this.#counts[place] = 0;
    }
    this.#bucket = bucket;
    if (this.#total >= limit) return LIMITS.limitBucketMs;
    this.#counts[bucket % BUCKETS] = (this.#counts[bucket % BUCKETS] as number) + 1;
    this.#total += 1;
    return 0;
  }
}
