/** What an anomaly model remembers of each hour of the week, and how model and table become bytes. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import { HOUR_MS } from '../model/window.ts';
import type { ByteReader, ByteWriter } from '../protocols/bytes.ts';

const DAY_HOURS = 24;
const WEEK_HOURS = 7 * DAY_HOURS;
/** 1970-01-01 was a Thursday. */
const DAYS = ['Thursdays', 'Fridays', 'Saturdays', 'Sundays', 'Mondays', 'Tuesdays', 'Wednesdays'] as const;
/** Version of the bytes. */
const VERSION = 1;
const { anomalyHourCountMax: COUNT_MAX, anomalyMagnitudeMax: MAGNITUDE_MAX } = ALERT_LIMITS;

/** Hour of the week in UTC, 0..167, from Thursday 00:00. */
export function hourOfWeek(atMs: number): number {
  return around(Math.floor(atMs / HOUR_MS));
}

/** An hour of the week for any whole number: the one before 0 is 167. */
export function around(hour: number): number {
  return ((hour % WEEK_HOURS) + WEEK_HOURS) % WEEK_HOURS;
}

/** "Tuesdays 14:00 UTC". */
export function hourName(hour: number): string {
  const day = DAYS[Math.floor(hour / DAY_HOURS)] ?? '';
  return `${day} ${String(hour % DAY_HOURS).padStart(2, '0')}:00 UTC`;
}

/** The value in the range that is told apart. */
export function bounded(value: number): number {
  return Math.max(-MAGNITUDE_MAX, Math.min(MAGNITUDE_MAX, value));
}

/**
 * Centre, spread and count for each hour of the week: 9 bytes an hour, 1,512 in all. Room grows day by day from the first day
 * that was seen, so that a series that lives an hour takes 216.
 */
export class HourTable {
  #firstHour = 0;
  #counts = new Uint8Array(0);
  #centers = new Float32Array(0);
  #spreads = new Float32Array(0);

  count(hour: number): number {
    return this.#counts[this.#place(hour)] ?? 0;
  }

  center(hour: number): number {
    return this.#centers[this.#place(hour)] ?? 0;
  }

  spread(hour: number): number {
    return this.#spreads[this.#place(hour)] ?? 0;
  }

  /** Counts one more value of the hour. */
  learn(hour: number, center: number, spread: number): void {
    if (this.#counts.length === 0) this.#firstHour = hour - (hour % DAY_HOURS);
    const place = this.#place(hour);
    this.#reserve(place + 1);
    this.#counts[place] = Math.min(COUNT_MAX, (this.#counts[place] as number) + 1);
    this.#centers[place] = bounded(center);
    this.#spreads[place] = bounded(spread);
  }

  #place(hour: number): number {
    return around(hour - this.#firstHour);
  }

  #reserve(hours: number): void {
    if (hours <= this.#counts.length) return;
    const room = Math.ceil(hours / DAY_HOURS) * DAY_HOURS;
    const counts = new Uint8Array(room);
    const centers = new Float32Array(room);
    const spreads = new Float32Array(room);
    counts.set(this.#counts);
    centers.set(this.#centers);
    spreads.set(this.#spreads);
    this.#counts = counts;
    this.#centers = centers;
    this.#spreads = spreads;
  }

  /** `day:u8 hours:u8 count:u8[hours]`, then `center:f32 spread:f32` of each hour whose count is not 0. */
  encode(writer: ByteWriter): void {
    writer.u8(this.#firstHour / DAY_HOURS);
    writer.u8(this.#counts.length);
    writer.raw(this.#counts);
    for (let place = 0; place < this.#counts.length; place++) {
      if (this.#counts[place] === 0) continue;
      writer.u32(bitsOf(this.#centers[place] as number));
      writer.u32(bitsOf(this.#spreads[place] as number));
    }
  }

  /** @throws corrupt_data */
  static decode(reader: ByteReader): HourTable {
    const table = new HourTable();
    const day = reader.u8();
    const hours = reader.u8();
    if (day >= DAYS.length || hours > WEEK_HOURS || hours % DAY_HOURS !== 0) throw corrupt();
    table.#firstHour = day * DAY_HOURS;
    table.#reserve(hours);
    for (let place = 0; place < hours; place++) table.#counts[place] = reader.u8();
    for (let place = 0; place < hours; place++) {
      const count = table.#counts[place] as number;
      if (count > COUNT_MAX) throw corrupt();
      if (count === 0) continue;
      table.#centers[place] = inRange(floatOf(reader.u32()), -2 * MAGNITUDE_MAX);
      table.#spreads[place] = inRange(floatOf(reader.u32()), 0);
    }
    return table;
  }
}

/** The numbers of a model besides its table, in the order in which they are written. */
export interface AnomalyNumbers {
  /** Values learnt, to some bound. */
  seen: number;
  /** Values learnt in the hour of the last. */
  hourSeen: number;
  /** Time of the last, Unix ms. */
  lastMs: number;
  /** Of the last hours: mean, and mean of the distance from it. */
  mean: number;
  deviation: number;
  /** Mean square of the distance from what was usual, of the last day. */
  variance: number;
  /** How far all hours lie above what the table says. */
  level: number;
  /** The level before it last jumped, good until a time, Unix ms. */
  former: number;
  formerUntilMs: number;
  /** For how long values have lain outside, ms, below 0 where they lie below; and how far. */
  outsideMs: number;
  outsideBy: number;
}

export function freshNumbers(): AnomalyNumbers {
  return {
    seen: 0,
    hourSeen: 0,
    lastMs: Number.MIN_SAFE_INTEGER,
    mean: 0,
    deviation: 0,
    variance: 0,
    level: 0,
    former: 0,
    formerUntilMs: Number.MIN_SAFE_INTEGER,
    outsideMs: 0,
    outsideBy: 0,
  };
}

const FLOATS = [
  'lastMs',
  'mean',
  'deviation',
  'variance',
  'level',
  'former',
  'formerUntilMs',
  'outsideMs',
  'outsideBy',
] as const satisfies readonly (keyof AnomalyNumbers)[];

/** `version:u8 seen:varint hourSeen:varint`, nine f64, then the table. */
export function encodeModel(writer: ByteWriter, numbers: AnomalyNumbers, hours: HourTable): void {
  writer.u8(VERSION);
  writer.varint(numbers.seen);
  writer.varint(numbers.hourSeen);
  for (const name of FLOATS) writer.f64(numbers[name]);
  hours.encode(writer);
}

/** @throws corrupt_data | schema_newer */
export function decodeModel(reader: ByteReader): { readonly numbers: AnomalyNumbers; readonly hours: HourTable } {
  if (reader.u8() > VERSION) throw new MetricStreamError('schema_newer', 'An anomaly model was written by a newer version.');
  const numbers = freshNumbers();
  numbers.seen = reader.varint();
  numbers.hourSeen = reader.varint();
  for (const name of FLOATS) numbers[name] = finite(reader.f64());
  if (numbers.deviation < 0 || numbers.variance < 0) throw corrupt();
  return { numbers, hours: HourTable.decode(reader) };
}

function corrupt(): MetricStreamError {
  return new MetricStreamError('corrupt_data', 'A stored anomaly model cannot be decoded.');
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw corrupt();
  return value;
}

function inRange(value: number, min: number): number {
  if (!(value >= min && value <= 2 * MAGNITUDE_MAX)) throw corrupt();
  return value;
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] as number;
}

function floatOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0] as number;
}
