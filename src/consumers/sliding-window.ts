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

interface Admissions {
  /** Times of admissions, ascending; those before `first` have left the window. */
  times: number[];
  first: number;
}

/** Per key. Memory is one number per admission in the last second. */
export class SlidingWindow {
  readonly #byKey = new Map<string, Admissions>();
  readonly #time = new SteadyTime();

  /** @returns 0 when admitted, else the ms after which one more will be. */
  take(key: string, limit: number, nowMs: number): number {
    const now = this.#time.at(nowMs);
    const held = this.#held(key, now);
    const inWindow = held.times.length - held.first;
    if (inWindow >= limit) return Math.max(1, (held.times[held.times.length - limit] ?? now) + LIMITS.limitWindowMs - now);
    held.times.push(now);
    return 0;
  }

  /** Counts an admission of the past (from the log, after a restart), oldest first. */
  note(key: string, atMs: number): void {
    const at = this.#time.at(atMs);
    this.#held(key, at).times.push(at);
  }

  #held(key: string, now: number): Admissions {
    let held = this.#byKey.get(key);
    if (held === undefined) {
      held = { times: [], first: 0 };
      this.#byKey.set(key, held);
    }
    while (held.first < held.times.length && (held.times[held.first] as number) <= now - LIMITS.limitWindowMs) held.first += 1;
    if (held.first > 32 && held.first * 2 > held.times.length) {
      held.times = held.times.slice(held.first);
      held.first = 0;
    }
    return held;
  }

  /** Forgets keys without an admission in the last second. */
  sweep(nowMs: number): void {
    const now = this.#time.at(nowMs);
    for (const [key, { times }] of this.#byKey) {
      if ((times[times.length - 1] ?? 0) <= now - LIMITS.limitWindowMs) this.#byKey.delete(key);
    }
  }
}

/** For large limits, where a time per admission would be too much: 10 ms buckets, never more than the limit in a second. */
export class BucketWindow {
  readonly #counts = new Uint32Array(BUCKETS);
  readonly #time = new SteadyTime();
  #bucket = 0;
  #total = 0;

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
