/** Exact sliding-window limits: at most N admissions in any second. */

const WINDOW_MS = 1_000;
const BUCKET_MS = 10;
const BUCKETS = WINDOW_MS / BUCKET_MS;

interface Admissions {
  /** Times of admissions, ascending; those before `first` have left the window. */
  times: number[];
  first: number;
}

/** Per key. Memory is one number per admission in the last second. */
export class SlidingWindow {
  readonly #byKey = new Map<string, Admissions>();
  #nowMs = 0;

  /** @returns 0 when admitted, else the ms after which one more will be. Time never runs backwards here. */
  take(key: string, limit: number, nowMs: number): number {
    const now = Math.max(nowMs, this.#nowMs);
    this.#nowMs = now;
    const held = this.#held(key, now);
    const inWindow = held.times.length - held.first;
    if (inWindow >= limit) return Math.max(1, (held.times[held.times.length - limit] ?? now) + WINDOW_MS - now);
    held.times.push(now);
    return 0;
  }

  /** Counts an admission of the past (from the log, after a restart), oldest first. */
  note(key: string, atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, atMs);
    this.#held(key, this.#nowMs).times.push(atMs);
  }

  #held(key: string, now: number): Admissions {
    let held = this.#byKey.get(key);
    if (held === undefined) {
      held = { times: [], first: 0 };
      this.#byKey.set(key, held);
    }
    while (held.first < held.times.length && (held.times[held.first] as number) <= now - WINDOW_MS) held.first += 1;
    if (held.first > 32 && held.first * 2 > held.times.length) {
      held.times = held.times.slice(held.first);
      held.first = 0;
    }
    return held;
  }

  /** Forgets keys without an admission in the last second. */
  sweep(nowMs: number): void {
    for (const [key, { times }] of this.#byKey) {
      if ((times[times.length - 1] ?? 0) <= nowMs - WINDOW_MS) this.#byKey.delete(key);
    }
  }
}

/** For large limits, where a time per admission would be too much: 10 ms buckets, never more than the limit in a second. */
export class BucketWindow {
  readonly #counts = new Uint32Array(BUCKETS);
  #bucket = 0;
  #total = 0;

  /** @returns 0 when admitted, else ms to wait. */
  take(limit: number, nowMs: number): number {
    const bucket = Math.max(Math.floor(nowMs / BUCKET_MS), this.#bucket);
    const steps = Math.min(bucket - this.#bucket, BUCKETS);
    for (let i = 1; i <= steps; i++) {
      const place = (this.#bucket + i) % BUCKETS;
      this.#total -= this.#counts[place] as number;
      this.#counts[place] = 0;
    }
    this.#bucket = bucket;
    if (this.#total >= limit) return BUCKET_MS;
    this.#counts[bucket % BUCKETS] = (this.#counts[bucket % BUCKETS] as number) + 1;
    this.#total += 1;
    return 0;
  }
}
