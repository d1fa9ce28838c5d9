/** Rates per second from counters that only rise. */
import { LIMITS } from '../../model/limits.ts';

/** Counters of a thing (a device, an interface), always in the same order. */
export type Counters = ReadonlyMap<string, readonly number[]>;
/** Parallel to the counters; undefined where a counter fell: it was reset or wrapped, and nobody knows when. */
export type Rates = ReadonlyMap<string, readonly (number | undefined)[]>;

/**
 * Keeps one reading and answers the rates since it; a thing that was not there before has none yet.
 * Two readings closer than agentRateSpanMsMin give none, and the earlier one stays.
 */
export function rateKeeper(): (nowMs: number, counters: Counters) => Rates {
  let before: Counters = new Map();
  let beforeMs = Number.NEGATIVE_INFINITY;
  return (nowMs, counters) => {
    const rates = new Map<string, (number | undefined)[]>();
    const elapsedMs = nowMs - beforeMs;
    if (elapsedMs < LIMITS.agentRateSpanMsMin) return rates;
    for (const [thing, values] of counters) {
      const earlier = before.get(thing);
      if (earlier === undefined) continue;
      rates.set(
        thing,
        values.map((value, index) => {
          const step = value - (earlier[index] ?? Number.NaN);
          return step >= 0 ? (step * 1_000) / elapsedMs : undefined;
        }),
      );
    }
    before = counters;
    beforeMs = nowMs;
    return rates;
  };
}
