/** How unusual a value of a series is: median and spread by hour of the week, learnt as values come. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { HOUR_MS, MINUTE_MS } from '../model/window.ts';
import type { ByteReader, ByteWriter } from '../protocols/bytes.ts';
import type { SeriesModels } from './alert-store.ts';
import {
  type AnomalyNumbers,
  around,
  bounded,
  decodeModel,
  encodeModel,
  freshNumbers,
  HourTable,
  hourName,
  hourOfWeek,
} from './anomaly-state.ts';
import type { AnomalyScore } from './compiled-rule.ts';

/** Values before the first score: fewer say nothing of a spread. */
const SEEN_MIN = 30;
/** Values of earlier weeks that make an hour known. */
const HOUR_SEEN_MIN = 10;
const { anomalyCountMax: SEEN_MAX, anomalyScoreMax: SCORE_MAX } = ALERT_LIMITS;
/** Spreads beyond which a value lies outside. */
const OUTSIDE = 3;
/** No spread is less than this part of the usual value: what hardly ever moves may move by so much; or than this. */
const SPREAD_PART_MIN = 0.02;
const SPREAD_MIN = 1e-9;
/** No hour's spread is less than this part of all hours': where most values are the same, their median distance is 0. */
const SHARED_PART_MIN = 1 / 3;
/** The spread of all hours counts as so many values of each. */
const SHARED_COUNT = 60;
/** Time constants: of what stands in for an hour that is not known, and of the spread of all hours. */
const RECENT_MS = 2 * HOUR_MS;
const SHARED_MS = 24 * HOUR_MS;
/** A gap counts for no more. */
const STEP_MS_MAX = 10 * MINUTE_MS;
/**
 * Spreads that one value counts for at most in a mean. Of all hours it is more: a series that is 0 but for one value in 20 has the spread
 * of those, and not of nothing; and an hour of outliers still no more than doubles it.
 */
const RECENT_BOUND = 3;
const SHARED_BOUND = 6;
/** Standard deviation of a normal distribution by mean distance, and by median distance. */
const BY_MEAN_DISTANCE = 1.2533;
const BY_MEDIAN_DISTANCE = 1.4826;
/** Best gains, by count, for the median of a normal distribution and for the logarithm of its median distance. */
const CENTER_GAIN = 1.25;
const SPREAD_GAIN = 1.165;
/** Gains fall no further than after so many values, two weeks of an hour: so a bad hour moves its median by less than a spread. */
const SETTLED_COUNT = 120;
/** Of a spread, a value: seven spreads a day, for what grows steadily. */
const LEVEL_GAIN = 1 / 200;
/** Outside for so long, on one side, and the level jumps; the former stays usual for a week: a holiday ends. */
const SHIFT_MS = 12 * HOUR_MS;
/** Outside for so long, and neither level nor the spread of all hours learns from it: either it ends, or the level jumps. */
const STRAY_MS = HOUR_MS / 2;
const SHIFT_MEAN_MS = HOUR_MS;
const FORMER_MS = 7 * 24 * HOUR_MS;

/**
 * One series. Usual is `level + median of this hour of the week`, and the spread is 1.4826 × the median distance from it (MAD), in
 * which a normal distribution counts standard deviations. Both are stochastic approximations (Robbins and Monro 1951; as a streaming
 * median: Ma, Muthukrishnan and Sandler, "Frugal Streaming", 2013): each value moves the estimate by a bounded step towards itself,
 * so an outlier moves it as far as any other value does. An hour's spread is drawn towards that of all hours, a mean square in which
 * no value counts for more than six spreads (Huber 1964). The level follows all hours alike, by bounded steps; outside for half a
 * day, it jumps. Values one hour late or early are usual, so that a change to summer time is no anomaly.
 * Until an hour is known from an earlier week, the exponentially weighted mean and mean distance of the last hours stand in (Roberts 1959).
 *
 * Deterministic on every host: only + − × ÷ and √. In a checkpoint 1,595 bytes at most, when all 168 hours are known, and 297 after the first
 * day; in memory a little more. Meant for a value a minute, at least ten an hour: of fewer no hour is ever known.
 */
export class AnomalyModel {
  readonly #numbers: AnomalyNumbers;
  readonly #hours: HourTable;

  constructor(from: { readonly numbers: AnomalyNumbers; readonly hours: HourTable } | undefined = undefined) {
    this.#numbers = from?.numbers ?? freshNumbers();
    this.#hours = from?.hours ?? new HourTable();
  }

  /** @returns undefined while too little is known, or for what is not finite. Changes nothing. */
  score(value: number, atMs: number): AnomalyScore | undefined {
    if (!Number.isFinite(value) || this.#numbers.seen < SEEN_MIN) return undefined;
    const x = bounded(value);
    const hour = hourOfWeek(atMs);
    if (!this.#knows(hour, atMs)) {
      const { mean } = this.#numbers;
      const spread = this.#recentSpread();
      return scoreOf(Math.abs(x - mean) / spread, 'of the last hours', mean, spread);
    }
    const usual = this.#nearest(x, hour, atMs);
    return scoreOf(usual.distance, `for ${hourName(hour)}`, usual.center, usual.spread);
  }

  /** Takes a value over, after it was scored. Times ascend: one that does not come after the last is passed over. */
  learn(value: number, atMs: number): void {
    const numbers = this.#numbers;
    if (!Number.isFinite(value) || atMs <= numbers.lastMs) return;
    const x = bounded(value);
    const hour = hourOfWeek(atMs);
    const sinceMs = numbers.seen === 0 ? MINUTE_MS : Math.min(STEP_MS_MAX, atMs - numbers.lastMs);
    const known = this.#knows(hour, atMs);
    if (known) this.#followLevel(x, hour, atMs, sinceMs);
    this.#learnRecent(x, sinceMs);
    this.#learnHour(x, hour, sinceMs, known);
    const sameHour = Math.floor(atMs / HOUR_MS) === Math.floor(numbers.lastMs / HOUR_MS);
    numbers.hourSeen = Math.min(SEEN_MAX, sameHour ? numbers.hourSeen + 1 : 1);
    numbers.seen = Math.min(SEEN_MAX, numbers.seen + 1);
    numbers.lastMs = atMs;
  }

  encode(writer: ByteWriter): void {
    encodeModel(writer, this.#numbers, this.#hours);
  }

  /** @throws corrupt_data | schema_newer */
  static decode(reader: ByteReader): AnomalyModel {
    return new AnomalyModel(decodeModel(reader));
  }

  /** Whether earlier weeks, not just this very hour, say what is usual now. */
  #knows(hour: number, atMs: number): boolean {
    const { lastMs, hourSeen } = this.#numbers;
    const now = Math.floor(atMs / HOUR_MS) === Math.floor(lastMs / HOUR_MS) ? hourSeen : 0;
    return this.#hours.count(hour) >= HOUR_SEEN_MIN + now;
  }

  #recentSpread(): number {
    const { mean, deviation } = this.#numbers;
    return Math.max(BY_MEAN_DISTANCE * deviation, floorOf(mean));
  }

  #hourSpread(hour: number, usual: number): number {
    const count = this.#hours.count(hour);
    const shared = Math.sqrt(this.#numbers.variance);
    const blended = (count * this.#hours.spread(hour) + SHARED_COUNT * shared) / (count + SHARED_COUNT);
    return Math.max(blended, SHARED_PART_MIN * shared, floorOf(usual));
  }

  /** The nearest of what is usual in this hour and those beside it, at this level and, for a while, at the former. */
  #nearest(x: number, hour: number, atMs: number): Usual {
    const { level, former, formerUntilMs } = this.#numbers;
    const now = this.#nearestAt(x, hour, level);
    if (atMs >= formerUntilMs) return now;
    const before = this.#nearestAt(x, hour, former);
    return before.distance < now.distance ? before : now;
  }

  #nearestAt(x: number, hour: number, level: number): Usual {
    let nearest = this.#usual(x, hour, level);
    for (const beside of [around(hour - 1), around(hour + 1)]) {
      if (this.#hours.count(beside) < HOUR_SEEN_MIN) continue;
      const usual = this.#usual(x, beside, level);
      if (usual.distance < nearest.distance) nearest = usual;
    }
    return nearest;
  }

  #usual(x: number, hour: number, level: number): Usual {
    const center = level + this.#hours.center(hour);
    const spread = this.#hourSpread(hour, center);
    return { center, spread, distance: Math.abs(x - center) / spread };
  }

  /** Of the last hours. The first values count alike, and in full. */
  #learnRecent(x: number, sinceMs: number): void {
    const numbers = this.#numbers;
    if (numbers.seen === 0) {
      numbers.mean = x;
      return;
    }
    const gain = Math.max(sinceMs / (RECENT_MS + sinceMs), 1 / (numbers.seen + 1));
    const bound = numbers.seen < SEEN_MIN ? Number.POSITIVE_INFINITY : RECENT_BOUND * this.#recentSpread();
    const off = clamp(x - numbers.mean, bound);
    numbers.mean += gain * off;
    numbers.deviation += gain * (Math.abs(off) - numbers.deviation);
  }

  /** One step towards the value, of the hour's median, of its spread, and of the spread of all hours. */
  #learnHour(x: number, hour: number, sinceMs: number, known: boolean): void {
    const numbers = this.#numbers;
    const before = this.#hours.count(hour);
    if (before === 0) {
      const recent = this.#recentSpread();
      const start = numbers.mean + clamp(x - numbers.mean, RECENT_BOUND * recent);
      this.#hours.learn(hour, start - numbers.level, recent);
      return;
    }
    const center = this.#hours.center(hour);
    const usual = numbers.level + center;
    const spread = this.#hourSpread(hour, usual);
    const off = x - usual;
    const count = Math.min(before + 1, SETTLED_COUNT);
    const grown = 1 + SPREAD_GAIN / count;
    const own = Math.max(SPREAD_MIN, this.#hours.spread(hour));
    const wider = Math.abs(off) * BY_MEDIAN_DISTANCE > own;
    this.#hours.learn(hour, center + Math.sign(off) * (CENTER_GAIN / count) * spread, wider ? own * grown : own / grown);
    if (before < HOUR_SEEN_MIN || Math.abs(numbers.outsideMs) >= STRAY_MS) return;
    const gain = Math.max(sinceMs / (SHARED_MS + sinceMs), 1 / (numbers.seen + 1));
    const counted = known ? clamp(off, SHARED_BOUND * Math.max(spread, Math.sqrt(numbers.variance))) : off;
    numbers.variance += gain * (counted * counted - numbers.variance);
  }

  #followLevel(x: number, hour: number, atMs: number, sinceMs: number): void {
    const numbers = this.#numbers;
    if (atMs < numbers.formerUntilMs && this.#nearestAt(x, hour, numbers.level).distance > OUTSIDE) {
      if (this.#nearestAt(x, hour, numbers.former).distance <= OUTSIDE) {
        const { level } = numbers;
        numbers.level = numbers.former;
        numbers.former = level;
      }
    }
    const usual = this.#usual(x, hour, numbers.level);
    const off = x - usual.center;
    if (this.#nearestAt(x, hour, numbers.level).distance <= OUTSIDE) {
      const restMs = Math.max(0, Math.abs(numbers.outsideMs) - 2 * sinceMs);
      numbers.outsideMs = Math.sign(numbers.outsideMs) * restMs;
    } else if (numbers.outsideMs * off <= 0) {
      numbers.outsideMs = Math.sign(off) * sinceMs;
      numbers.outsideBy = off;
    } else {
      numbers.outsideMs += Math.sign(off) * sinceMs;
      numbers.outsideBy += (sinceMs / (SHIFT_MEAN_MS + sinceMs)) * (off - numbers.outsideBy);
    }
    const longMs = Math.abs(numbers.outsideMs);
    if (longMs < STRAY_MS) numbers.level = bounded(numbers.level + Math.sign(off) * LEVEL_GAIN * usual.spread);
    if (longMs < SHIFT_MS) return;
    numbers.former = numbers.level;
    numbers.formerUntilMs = atMs + FORMER_MS;
    numbers.level = bounded(numbers.level + numbers.outsideBy);
    numbers.outsideMs = 0;
  }
}

/** For the judge: a model for each series whose score a rule reads. */
export const ANOMALY_MODELS: SeriesModels = {
  create: () => new AnomalyModel(),
  decode: (reader) => AnomalyModel.decode(reader),
};

interface Usual {
  readonly center: number;
  readonly spread: number;
  /** Of the value, in spreads. */
  readonly distance: number;
}

function floorOf(usual: number): number {
  return Math.max(SPREAD_PART_MIN * Math.abs(usual), SPREAD_MIN);
}

function clamp(value: number, bound: number): number {
  return Math.max(-bound, Math.min(bound, value));
}

function scoreOf(distance: number, of: string, usual: number, spread: number): AnomalyScore {
  const score = Math.min(distance, SCORE_MAX);
  const often = distance > SCORE_MAX ? `more than ${SCORE_MAX}` : score.toFixed(1);
  return { score, explanation: `${often}× the usual spread ${of} (${short(usual)} ± ${short(spread)})` };
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
