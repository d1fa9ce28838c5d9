/** The time ranges of a host's charts: which data each one reads, and in what step. */
import { LIMITS } from '../../model/limits.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../model/window.ts';

/** The ranges that end now. `live` reads samples and the live feed. */
export const PRESETS = {
  live: { spanMs: LIMITS.pageLiveSpanMs, label: 'Live', title: 'Last 10 minutes, every sample' },
  '1h': { spanMs: HOUR_MS, label: '1 h', title: 'Last hour' },
  '24h': { spanMs: DAY_MS, label: '24 h', title: 'Last 24 hours' },
  '7d': { spanMs: 7 * DAY_MS, label: '7 d', title: 'Last 7 days' },
} as const;
export type Preset = keyof typeof PRESETS;

/** A preset, or a fixed stretch that somebody drew with the mouse. Unix ms. */
export type Range = Preset | { readonly startMs: number; readonly endMs: number };

export function isPreset(text: string): text is Preset {
  return Object.hasOwn(PRESETS, text);
}

/** Steps that divide the day and that people count in. The API takes them as text. */
const STEPS = [
  [MINUTE_MS, '1m'],
  [2 * MINUTE_MS, '2m'],
  [5 * MINUTE_MS, '5m'],
  [10 * MINUTE_MS, '10m'],
  [15 * MINUTE_MS, '15m'],
  [30 * MINUTE_MS, '30m'],
  [HOUR_MS, '1h'],
  [2 * HOUR_MS, '2h'],
  [6 * HOUR_MS, '6h'],
  [12 * HOUR_MS, '12h'],
] as const;
const COARSEST = [DAY_MS, '24h'] as const;

export interface Step {
  readonly stepMs: number;
  readonly step: string;
  /** What the store reads to make it. */
  readonly resolution: '1m' | '1h';
}

/** Hours cost a sixtieth of minutes to read: from two days on they are what is read. */
const HOURS_FROM_MS = 2 * DAY_MS;

/**
 * The finest step that keeps a series within pagePointsMax.
 * @param coarser how many steps coarser than that: for an answer that was still too large.
 */
export function chooseStep(spanMs: number, coarser = 0): Step {
  const floorMs = spanMs >= HOURS_FROM_MS ? HOUR_MS : MINUTE_MS;
  const finest = STEPS.findIndex(([ms]) => ms >= floorMs && spanMs / ms <= LIMITS.pagePointsMax);
  const [stepMs, step] = STEPS[(finest < 0 ? STEPS.length : finest) + coarser] ?? COARSEST;
  return { stepMs, step, resolution: stepMs >= HOUR_MS && spanMs >= HOURS_FROM_MS ? '1h' : '1m' };
}

export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** @param firstMs the first sample there is, where that is known: the live range of a new host begins with it. */
export function spanOf(range: Range, nowMs: number, firstMs = 0): Span {
  if (typeof range === 'object') return range;
  const startMs = nowMs - PRESETS[range].spanMs;
  if (range !== 'live') return { startMs, endMs: nowMs };
  return { startMs: Math.max(startMs, Math.min(firstMs, nowMs - LIMITS.pageLiveSpanMsMin)), endMs: nowMs };
}

/** Short stretches show every sample, longer ones windows. */
export function readsSamples(range: Range): boolean {
  return range === 'live' || (typeof range === 'object' && range.endMs - range.startMs <= LIMITS.pageSamplesSpanMs);
}

/** How often a range that ends now is read again; a fixed one never changes. undefined: not at all. */
export function refreshMs(range: Range): number | undefined {
  if (typeof range === 'object') return undefined;
  return Math.min(5 * MINUTE_MS, Math.max(LIMITS.pagePollMs, chooseStep(PRESETS[range].spanMs).stepMs / 2));
}
