/** A client's samples in memory, in time order: rows of one time, each with the series of the push that brought it. */
import type { Series, Shape } from '../model/series.ts';
import { MINUTE_MS, windowStart } from '../model/window.ts';
import type { SampleBlock } from '../ports/time-series-store.ts';
import { blockOf, type SampleSink } from './sample-block.ts';

/** What became of one push's samples. */
export interface InsertCount {
  stored: number;
  duplicate: number;
  conflict: number;
}

/** The series of a row: those of a push, or those that a stored block has at one time. */
type RowShape = Pick<Shape, 'series' | 'distinct'>;

/** Given for `onChange`: what was read back and comes again is not sealed after all. A replay meets only records of which that is true. */
export const UNSEAL = (): void => undefined;

/** Offset of rows that were read back from the store: they are sealed already. */
const SEALED = -1;
const ROW_BYTES = 28;
const BASE_BYTES = 700;
const ROWS_MIN = 8;

/**
 * Rows are kept sorted by (ms, ns); rows of one time stand together and never hold the same series twice. A row costs
 * 28 bytes and 8 a sample, whether its push was wide or a single sample: staggered times cannot blow it up, as a
 * matrix of times × series would.
 */
export class ClientHead {
  #rows = 0;
  #ms = new Float64Array(ROWS_MIN);
  #ns = new Int32Array(ROWS_MIN);
  /** Index into #shapes, or ~index into #singles for a row of one sample. */
  #shape = new Int32Array(ROWS_MIN);
  #start = new Int32Array(ROWS_MIN);
  #offset = new Float64Array(ROWS_MIN);
  #values = new Float64Array(ROWS_MIN * 8);
  #used = 0;
  #shapes: RowShape[] = [];
  #singles: Series[] = [];
  #singleOf = new Map<string, number>();

  get rows(): number {
    return this.#rows;
  }

  /** Bytes held, for the memory bound. */
  get bytes(): number {
    return BASE_BYTES + this.#ms.length * ROW_BYTES + this.#values.length * 8;
  }

  /** Unix ms of the newest sample; −Infinity when empty. */
  get lastMs(): number {
    return this.#rows === 0 ? Number.NEGATIVE_INFINITY : (this.#ms[this.#rows - 1] as number);
  }

  /**
   * Adds a push's samples at one time. Of two values for one (series, time) the greater stays.
   * @param offset of the record. @param onChange told of each series whose set of samples changed.
   */
  insert(
    shape: RowShape,
    values: Float64Array,
    ms: number,
    ns: number,
    offset: number,
    count: InsertCount,
    onChange?: (series: Series) => void,
  ): void {
    const at = this.#rows === 0 || ms > (this.#ms[this.#rows - 1] as number) ? this.#rows : this.#upperBound(ms, ns);
    const sameTime = at > 0 && this.#ms[at - 1] === ms && this.#ns[at - 1] === ns;
    if (!sameTime && shape.distinct) {
      this.#addRow(at, ms, ns, this.#shapeIndex(shape), offset, values);
      count.stored += values.length;
      if (onChange !== undefined) for (const series of shape.series) onChange(series);
      return;
    }
    for (let i = 0; i < values.length; i++)
      this.insertOne(shape.series[i] as Series, values[i] as number, ms, ns, offset, count, onChange, i);
  }

  /** Adds one sample. @param near where the series probably stands in a row of that time: a repeat has the same shape. */
  insertOne(
    series: Series,
    value: number,
    ms: number,
    ns: number,
    offset: number,
    count: InsertCount,
    onChange?: (series: Series) => void,
    near = 0,
  ): void {
    const at = this.#upperBound(ms, ns);
    for (let row = at - 1; row >= 0 && this.#ms[row] === ms && this.#ns[row] === ns; row--) {
      const place = this.#placeOf(row, series.key, near);
      if (place < 0) continue;
      const held = this.#values[place] as number;
      if (Object.is(held, value)) {
        count.duplicate += 1;
        if (onChange === UNSEAL && (this.#offset[row] as number) === SEALED) this.#offset[row] = offset;
        return;
      }
      count.conflict += 1;
      if (!isGreater(value, held)) return;
      this.#values[place] = value;
      // A sealed row that changed has to be sealed again.
      if ((this.#offset[row] as number) === SEALED) this.#offset[row] = offset;
      onChange?.(series);
      return;
    }
    this.#addRow(at, ms, ns, ~this.#singleIndex(series), offset, Float64Array.of(value));
    count.stored += 1;
    onChange?.(series);
  }

  /** Rows read back from the store: already sealed. */
  insertSealed({ timesMs, timesNs, columns }: SampleBlock): void {
    const ignored = { stored: 0, duplicate: 0, conflict: 0 };
    const next = new Int32Array(columns.length);
    let shape: RowShape = { series: [], distinct: true };
    for (let time = 0; time < timesMs.length; time++) {
      const series: Series[] = [];
      const values: number[] = [];
      columns.forEach((column, c) => {
        const at = next[c] as number;
        if (at >= column.values.length || (column.rows?.[at] ?? at) !== time) return;
        series.push(column.series);
        values.push(column.values[at] as number);
        next[c] = at + 1;
      });
      const same = series.length === shape.series.length && series.every((one, i) => one === shape.series[i]);
      if (!same) shape = { series, distinct: true };
      if (series.length > 0)
        this.insert(shape, Float64Array.from(values), timesMs[time] as number, timesNs?.[time] ?? 0, SEALED, ignored);
    }
  }

  /** Keys of the series that have a sample in [startMs, endMs). */
  keysIn(startMs: number, endMs: number): Set<string> {
    const keys = new Set<string>();
    const end = this.#lowerBound(endMs);
    for (let row = this.#lowerBound(startMs); row < end; row++) this.#visit(row, (_ms, _ns, series) => keys.add(series.key));
    return keys;
  }

  /** Samples with startMs ≤ time < endMs. @param unsealedOnly leaves out what was read back from the store. */
  samples(startMs: number, endMs: number, want?: (series: Series) => boolean, unsealedOnly = false): SampleBlock {
    const start = this.#lowerBound(startMs);
    const end = this.#lowerBound(endMs);
    return blockOf((sink) => {
      for (let row = start; row < end; row++) {
        if (!unsealedOnly || this.#offset[row] !== SEALED) this.#visit(row, sink);
      }
    }, want);
  }

  /** The distinct series that the rows may hold. */
  series(): Series[] {
    const byKey = new Map(this.#singles.map((series) => [series.key, series]));
    for (const shape of this.#shapes) for (const series of shape.series) byKey.set(series.key, series);
    return [...byKey.values()];
  }

  /** The least offset of an unsealed row at or after `fromMs`; Infinity where there is none. */
  safeOffset(fromMs = Number.NEGATIVE_INFINITY): number {
    let least = Number.POSITIVE_INFINITY;
    for (let row = this.#lowerBound(fromMs); row < this.#rows; row++) {
      const offset = this.#offset[row] as number;
      if (offset !== SEALED && offset < least) least = offset;
    }
    return least;
  }

  /** Starts of the minutes with rows in [startMs, endMs), ascending. @param unsealedOnly counts rows that are not in the store. */
  minutesIn(startMs: number, endMs: number, unsealedOnly = false): number[] {
    const minutes: number[] = [];
    const end = this.#lowerBound(endMs);
    for (let row = this.#lowerBound(startMs); row < end; row++) {
      if (unsealedOnly && this.#offset[row] === SEALED) continue;
      const minute = windowStart(this.#ms[row] as number, MINUTE_MS);
      if (minutes[minutes.length - 1] !== minute) minutes.push(minute);
    }
    return minutes;
  }

  /** Forgets all rows before `ms`, and gives their memory back. */
  dropBefore(ms: number): void {
    const from = this.#lowerBound(ms);
    if (from === 0) return;
    const old = { rows: this.#rows, ms: this.#ms, ns: this.#ns, shape: this.#shape, start: this.#start, offset: this.#offset };
    const values = this.#values;
    const shapes = this.#shapes;
    const singles = this.#singles;
    this.#rows = 0;
    this.#used = 0;
    this.#shapes = [];
    this.#singles = [];
    this.#singleOf = new Map();
    this.#allocate(old.rows - from);
    for (let row = from; row < old.rows; row++) {
      const index = old.shape[row] as number;
      const start = old.start[row] as number;
      const local = index >= 0 ? this.#shapeIndex(shapes[index] as RowShape) : ~this.#singleIndex(singles[~index] as Series);
      const width = index >= 0 ? (shapes[index] as RowShape).series.length : 1;
      const [time, ns, offset] = [old.ms[row] as number, old.ns[row] as number, old.offset[row] as number];
      this.#addRow(this.#rows, time, ns, local, offset, values.subarray(start, start + width));
    }
  }

  #visit(row: number, sink: SampleSink): void {
    const index = this.#shape[row] as number;
    const ms = this.#ms[row] as number;
    const ns = this.#ns[row] as number;
    const start = this.#start[row] as number;
    if (index < 0) {
      sink(ms, ns, this.#singles[~index] as Series, this.#values[start] as number);
      return;
    }
    const { series } = this.#shapes[index] as RowShape;
    for (let i = 0; i < series.length; i++) sink(ms, ns, series[i] as Series, this.#values[start + i] as number);
  }

  /** Where the value of a series stands in a row, or −1. */
  #placeOf(row: number, key: string, near: number): number {
    const index = this.#shape[row] as number;
    const start = this.#start[row] as number;
    if (index < 0) return (this.#singles[~index] as Series).key === key ? start : -1;
    const { series } = this.#shapes[index] as RowShape;
    if (series[near]?.key === key) return start + near;
    for (let i = 0; i < series.length; i++) if ((series[i] as Series).key === key) return start + i;
    return -1;
  }

  #shapeIndex(shape: RowShape): number {
    const index = this.#shapes.lastIndexOf(shape);
    return index >= 0 ? index : this.#shapes.push(shape) - 1;
  }

  #singleIndex(series: Series): number {
    let index = this.#singleOf.get(series.key);
    if (index === undefined) {
      index = this.#singles.push(series) - 1;
      this.#singleOf.set(series.key, index);
    }
    return index;
  }

  #addRow(at: number, ms: number, ns: number, shape: number, offset: number, values: Float64Array): void {
    if (this.#rows === this.#ms.length) this.#allocate(this.#rows * 2);
    if (this.#used + values.length > this.#values.length) {
      const grown = new Float64Array(Math.max(this.#used + values.length, Math.ceil(this.#values.length * 1.5)));
      grown.set(this.#values);
      this.#values = grown;
    }
    if (at < this.#rows) {
      for (const column of [this.#ms, this.#ns, this.#shape, this.#start, this.#offset])
        column.copyWithin(at + 1, at, this.#rows);
    }
    this.#ms[at] = ms;
    this.#ns[at] = ns;
    this.#shape[at] = shape;
    this.#start[at] = this.#used;
    this.#offset[at] = offset;
    this.#values.set(values, this.#used);
    this.#used += values.length;
    this.#rows += 1;
  }

  #allocate(rows: number): void {
    const capacity = Math.max(ROWS_MIN, rows);
    const grow = <T extends Float64Array | Int32Array>(old: T, fresh: T): T => {
      fresh.set(old.subarray(0, this.#rows));
      return fresh;
    };
    this.#ms = grow(this.#ms, new Float64Array(capacity));
    this.#ns = grow(this.#ns, new Int32Array(capacity));
    this.#shape = grow(this.#shape, new Int32Array(capacity));
    this.#start = grow(this.#start, new Int32Array(capacity));
    this.#offset = grow(this.#offset, new Float64Array(capacity));
    if (this.#rows === 0) this.#values = new Float64Array(capacity * 4);
  }

  /** First row with time ≥ ms. */
  #lowerBound(ms: number): number {
    let low = 0;
    let high = this.#rows;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ms[middle] as number) < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** First row with time > (ms, ns). */
  #upperBound(ms: number, ns: number): number {
    let low = 0;
    let high = this.#rows;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const time = this.#ms[middle] as number;
      if (time < ms || (time === ms && (this.#ns[middle] as number) <= ns)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The order of values under conflict: numeric, and 0 above −0. */
function isGreater(a: number, b: number): boolean {
  return a > b || (a === 0 && b === 0 && Object.is(b, -0));
}
