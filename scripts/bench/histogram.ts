/** Latencies: a log-linear histogram of microseconds, exact below 2 ms and within 0.1 % above. */

/** Sub-buckets of each power of two, as in HdrHistogram with three significant digits. */
const SUB_BITS = 10;
const SUB = 1 << SUB_BITS;
const BUCKETS = (32 - SUB_BITS) * SUB;

export interface Histogram {
  /** @param us microseconds, 0..2^31; fractions are cut off. */
  record(us: number): void;
  /** The upper edge, in µs, of the bucket that holds the share `q` (0..1) of what was recorded; 0 of nothing. */
  quantile(q: number): number;
  readonly count: number;
  reset(): void;
}

export function histogram(): Histogram {
  const buckets = new Uint32Array(BUCKETS);
  let count = 0;
  return {
    record(us) {
      const whole = us > 0 ? Math.min(Math.trunc(us), 0x7fffffff) : 0;
      const at = bucketOf(whole);
      buckets[at] = (buckets[at] ?? 0) + 1;
      count += 1;
    },
    quantile(q) {
      let left = Math.max(1, Math.ceil(count * q));
      if (count === 0) return 0;
      for (let at = 0; at < BUCKETS; at += 1) {
        left -= buckets[at] ?? 0;
        if (left <= 0) return upperEdge(at);
      }
      return 0x7fffffff;
    },
    get count() {
      return count;
    },
    reset() {
      buckets.fill(0);
      count = 0;
    },
  };
}

function bucketOf(us: number): number {
  const shift = Math.max(0, 31 - SUB_BITS - Math.clz32(us));
  return shift * SUB + (us >>> shift);
}

function upperEdge(at: number): number {
  const shift = Math.max(0, (at >>> SUB_BITS) - 1);
  return (at - shift * SUB + 1) * 2 ** shift - 1;
}
