/** The metrics that scripted clients send: plain ones, and every kind that can go wrong in time, value or number. */
import { LIMITS } from '../../src/model/limits.ts';
import { HOUR_MS, MINUTE_MS, windowStart } from '../../src/model/window.ts';
import { type ClaimedSample, WEIGHTS_PER_MINUTE } from './claims.ts';
import type { Fault, FaultCounts } from './faults.ts';
import type { Random } from './random.ts';

/** One metric as JSON, and the sample that it claims; undefined where it can only be refused. */
export interface MadeMetric {
  readonly json: object;
  readonly claim: ClaimedSample | undefined;
}

export const HABITS = [
  'plain',
  'staggered',
  'nanoseconds',
  'backlog',
  'boundary',
  'late_minutes',
  'late_hours',
  'too_old',
  'in_future',
  'unstamped',
  'conflict',
  'repeated',
  'many_series',
  'invalid',
  'heartbeat',
] as const;
export type Habit = (typeof HABITS)[number];

const COUNTED: Partial<Record<Habit, Fault>> = {
  staggered: 'samples_staggered',
  nanoseconds: 'samples_by_nanoseconds',
  boundary: 'samples_at_a_boundary',
  late_minutes: 'samples_late_by_minutes',
  late_hours: 'samples_late_by_hours',
  too_old: 'samples_too_old',
  in_future: 'samples_in_future',
  unstamped: 'samples_unstamped',
  conflict: 'samples_in_conflict',
  repeated: 'samples_repeated',
};

interface SeriesName {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly key: string;
}

const WEIGHTS: readonly SeriesName[] = [
  { name: 'weight', labels: undefined, key: 'weight' },
  { name: 'weight', labels: { device: 'a' }, key: 'weight\0device\0a' },
];
const NOISE: SeriesName = { name: 'noise', labels: undefined, key: 'noise' };
const TICK: SeriesName = { name: 'tick', labels: undefined, key: 'tick' };
const NS_PER_MS = 1_000_000;

export class SampleMaker {
  readonly #random: Random;
  readonly #faults: FaultCounts;
  readonly #series: readonly SeriesName[];
  /** Digits used, by series and minute; times used, by series. */
  readonly #digits = new Map<string, number>();
  readonly #used = new Set<string>();
  #noise: ClaimedSample[] = [];
  #weights: { readonly series: SeriesName; readonly claim: ClaimedSample }[] = [];
  #ticks = 0;

  constructor(random: Random, faults: FaultCounts, seriesCount: number) {
    this.#random = random;
    this.#faults = faults;
    this.#series = [...WEIGHTS, NOISE].slice(0, seriesCount);
  }

  /** @param nowMs by the client's clock. */
  make(habit: Habit, nowMs: number): MadeMetric[] {
    const fault = COUNTED[habit];
    if (fault !== undefined) this.#faults.count(fault);
    const random = this.#random;
    switch (habit) {
      case 'staggered':
        return this.#series.flatMap((series) => this.#at(series, nowMs - random.whole(0, 4_000)));
      case 'nanoseconds':
        return this.#all(nowMs, () => random.whole(1, NS_PER_MS - 1));
      case 'backlog':
        return Array.from({ length: random.whole(2, 5) }, (_, back) => this.#all(nowMs - back * 9_000)).flat();
      case 'boundary':
        return this.#all(windowStart(nowMs, random.chance(0.3) ? HOUR_MS : MINUTE_MS) - random.whole(0, 1));
      case 'late_minutes':
        return this.#late(nowMs, random.whole(1, 20) * MINUTE_MS);
      case 'late_hours':
        return this.#late(nowMs, random.whole(1, 23) * HOUR_MS);
      case 'too_old':
        return this.#all(nowMs - LIMITS.sampleAgeMsMax - random.whole(1, 300) * MINUTE_MS);
      case 'in_future':
        return this.#all(nowMs + LIMITS.sampleFutureMsMax + random.whole(1, 90) * MINUTE_MS);
      case 'unstamped':
        return [this.#tick(), ...(random.chance(0.5) ? this.#all(nowMs) : [])];
      case 'conflict':
        return this.#conflict(nowMs);
      case 'repeated':
        return this.#repeat(nowMs);
      case 'many_series':
        return [...this.#all(nowMs), ...this.#many(nowMs)];
      case 'invalid':
        return [{ json: { name: '', value: 1 }, claim: undefined }, ...this.#all(nowMs)];
      case 'heartbeat':
        return [];
      default:
        return this.#all(nowMs);
    }
  }

  #all(ms: number, ns: () => number = () => 0): MadeMetric[] {
    return this.#series.flatMap((series) => this.#at(series, ms, ns()));
  }

  #late(nowMs: number, ageMs: number): MadeMetric[] {
    const at = nowMs - ageMs + this.#random.whole(-30_000, 30_000);
    return this.#all(this.#random.chance(0.2) ? windowStart(at, MINUTE_MS) : at);
  }

  /** A fresh sample; none where the minute has all its digits, or the time is taken. */
  #at(series: SeriesName, ms: number, ns = 0): MadeMetric[] {
    const time = `${series.key} ${ms}.${ns}`;
    const minute = `${series.key} ${windowStart(ms, MINUTE_MS)}`;
    const digit = this.#digits.get(minute) ?? 0;
    if (this.#used.has(time) || digit >= WEIGHTS_PER_MINUTE) return [];
    this.#used.add(time);
    this.#digits.set(minute, digit + 1);
    const claim = { series: series.key, ms, ns, value: series === NOISE ? this.#value() : 4 ** digit };
    if (series === NOISE) this.#noise = [...this.#noise.slice(-30), claim];
    else this.#weights = [...this.#weights.slice(-30), { series, claim }];
    return [metric(series, claim)];
  }

  /** Doubles of every kind, −0 and the longest among them. */
  #value(): number {
    const random = this.#random;
    const scale = random.pick([1, 100, 1e6, 1e-9, 1e15, 1e300]);
    return random.pick([
      0,
      -0,
      0.1,
      5e-324,
      Number.MAX_VALUE / 1e9,
      random.next() * scale,
      -random.next() * scale,
      random.whole(0, 100),
    ]);
  }

  /** Another value for a time that has one. */
  #conflict(nowMs: number): MadeMetric[] {
    if (this.#noise.length === 0) return this.#all(nowMs);
    const claim = { ...this.#random.pick(this.#noise), value: this.#value() };
    return [metric(NOISE, claim)];
  }

  /** Samples that were sent before, once more. */
  #repeat(nowMs: number): MadeMetric[] {
    if (this.#weights.length === 0) return this.#all(nowMs);
    const { series, claim } = this.#random.pick(this.#weights);
    return [metric(series, claim), ...this.#all(nowMs)];
  }

  #tick(): MadeMetric {
    this.#ticks += 1;
    return metric(TICK, { series: TICK.key, ms: undefined, ns: 0, value: this.#ticks });
  }

  #many(ms: number): MadeMetric[] {
    return Array.from({ length: 16 }, (_, i) => `extra${i}`).map((name) => {
      const claim = { series: name, ms, ns: 0, value: 1 };
      return metric({ name, labels: undefined, key: name }, claim);
    });
  }
}

function metric({ name, labels }: SeriesName, claim: ClaimedSample): MadeMetric {
  const { ms, ns, value } = claim;
  const timestamp = ms === undefined ? undefined : ns === 0 ? ms : `${ms}${String(ns).padStart(6, '0')}`;
  return { json: { name, value, labels, timestamp }, claim };
}
