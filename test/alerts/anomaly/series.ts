/** Made-up series: seeded noise over daily and weekly patterns. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/model/window.ts';

export const WEEK_MINUTES = 7 * 24 * 60;

/** Uniform in [0, 1), by the seed: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Normally distributed. */
export function normal(chance: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
}

/** −1..1 over a day, in the hours of a place that is `hours` ahead. */
export function daily(atMs: number, hours = 0): number {
  return Math.sin((((atMs + hours * HOUR_MS) % DAY_MS) / DAY_MS) * 2 * Math.PI);
}

/** The minute's time in weeks that begin on a Thursday, as the epoch does. */
export function minuteMs(minute: number): number {
  return minute * MINUTE_MS;
}
