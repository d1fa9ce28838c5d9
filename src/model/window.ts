/** Event-time windows: how times map to minutes, hours and days, all aligned to the UTC epoch. */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Resolutions that are stored, and the width of a window of each in ms. */
export const RESOLUTION_MS = { '1m': MINUTE_MS, '1h': HOUR_MS } as const;
export type Resolution = keyof typeof RESOLUTION_MS;

/** How much event time one stored block of windows covers: minutes lie by the hour, hours by the day. */
export const BLOCK_MS = { '1m': HOUR_MS, '1h': DAY_MS } as const;

/** Start of the window of `stepMs` that holds `timeMs`: [start, start + step). */
export function windowStart(timeMs: number, stepMs: number): number {
  return Math.floor(timeMs / stepMs) * stepMs;
}
