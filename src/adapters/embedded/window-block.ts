/** Closed windows of one client as a block of bytes: a table of starts by series, column by column. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Series } from '../../model/series.ts';
import type { WindowColumn } from '../../ports/time-series-store.ts';
import type { ShapeInterner } from '../../protocols/log-record.ts';
import type { ColumnsReader, ColumnsWriter } from './block-columns.ts';
import { powerOfTen, readDoubles, scaleToIntegers, writeDoubles } from './decimal-column.ts';
import { INTEGERS_WITHIN, readIntegers, writeIntegers } from './integer-column.ts';
import type { ColumnIn, ColumnOut } from './packed-bits.ts';
import { readRows, writeRows } from './row-set.ts';

/*
 * body     = n:varint starts shape:block column{one a series}
 * starts   = a column (block-columns.ts) of integers{n}, ms: all that some series has
 * column   = a column of rows count:integers revision:integers values
 * values   = 0:u8 d:u8 ends:integers{2m} low:integers high:integers sum:total increase:total
 *          | 1:u8 doubles{6}                                              first last min max sum increase
 *   ends   = first and last of each window in turn: neighbours in time, so that walks have small steps
 *   low    = least of first and last, less min;  high = max less the greatest of them
 * total    = 0:u8 integers                                                value = (predicted + integer) / 10^d
 *          | 1:u8 integers power:zigzag integers                          … + second integer · 2^power: what rounding left
 *          | 2:u8 doubles
 *          | 3:u8 integers power:zigzag integers                          value = path + (floor(integer / 10^d / 2^power + ½) + second) · 2^power
 * A sum of decimals carries the rounding of each addition, so that it is no decimal itself: hence form 1. An increase is made
 * of differences of doubles near each other, which are exact: multiples of the last bit of those doubles, far coarser than
 * its own. Hence form 3, whose path is the least increase, computed in doubles too: what is left is within a few last bits.
 */
const DECIMAL = 0;
const DOUBLES = 1;
const EXACT = 0;
const ROUNDED = 1;
const TOTAL_DOUBLES = 2;
const ON_GRID = 3;

/** Powers of two from here on are normal doubles, and so are their inverses. */
const POWER_LEAST = -1022;

/** Appends the body of a block. */
export function writeWindowBody(writer: ColumnsWriter, columns: readonly WindowColumn[], shapes: ShapeInterner): void {
  const starts = allStarts(columns);
  writer.body.varint(starts.length);
  writer.column((out) => writeIntegers(out, starts));
  writer.body.block(shapes.intern(columns.map((column) => column.series)).bytes);
  for (const column of columns) {
    writer.column((out) => {
      writeRows(out, rowsOf(column.starts, starts), starts.length);
      writeIntegers(out, column.count);
      writeIntegers(out, column.revision);
      writeValues(out, column);
    });
  }
}

function allStarts(columns: readonly WindowColumn[]): Float64Array {
  const starts = new Set<number>();
  for (const column of columns) for (const start of column.starts) starts.add(start);
  return Float64Array.from(starts).sort();
}

function rowsOf(some: Float64Array, all: Float64Array): Int32Array | undefined {
  if (some.length === all.length) return undefined;
  let row = 0;
  return Int32Array.from(some, (start) => {
    while (all[row] !== start) row += 1;
    return row;
  });
}

function writeValues(out: ColumnOut, column: WindowColumn): void {
  const count = column.starts.length;
  const four = new Float64Array(4 * count);
  for (let i = 0; i < count; i++) {
    four[2 * i] = column.first[i] as number;
    four[2 * i + 1] = column.last[i] as number;
  }
  four.set(column.min, 2 * count);
  four.set(column.max, 3 * count);
  const integers = new Float64Array(4 * count);
  const decimals = scaleToIntegers(four, integers);
  if (decimals === undefined) {
    out.bytes.u8(DOUBLES);
    for (const field of ['first', 'last', 'min', 'max', 'sum', 'increase'] as const) writeDoubles(out, column[field]);
    return;
  }
  const ends = integers.subarray(0, 2 * count);
  const min = integers.subarray(2 * count, 3 * count);
  const max = integers.subarray(3 * count);
  out.bytes.u8(DECIMAL);
  out.bytes.u8(decimals);
  writeIntegers(out, ends);
  const predicted = predict(ends, min, max, column.count);
  for (let i = 0; i < count; i++) {
    min[i] = Math.min(ends[2 * i] as number, ends[2 * i + 1] as number) - (min[i] as number);
    max[i] = (max[i] as number) - Math.max(ends[2 * i] as number, ends[2 * i + 1] as number);
  }
  writeIntegers(out, min);
  writeIntegers(out, max);
  const power = powerOfTen(decimals);
  writeTotal(out, column.sum, predicted.sum, power);
  writeTotal(out, column.increase, predicted.increase, power, pathOf(column));
}

/**
 * Integers near what the sum and the increase will be. The sum: both ends, and the samples between them half way
 * from min to max. The increase: the least that a path from first over min and max to last can have.
 */
function predict(
  ends: Float64Array,
  min: Float64Array,
  max: Float64Array,
  count: Float64Array,
): { sum: Float64Array; increase: Float64Array } {
  const sum = new Float64Array(min.length);
  const increase = new Float64Array(min.length);
  for (let i = 0; i < min.length; i++) {
    const first = ends[2 * i] as number;
    const last = ends[2 * i + 1] as number;
    const low = min[i] as number;
    const high = max[i] as number;
    sum[i] = first + last + Math.floor((((count[i] as number) - 2) * (low + high)) / 2);
    increase[i] = Math.min(high - low, high - first + last - low);
  }
  return { sum, increase };
}

/** The least increase in doubles, as `predict` has it in integers. */
function pathOf({ first, last, min, max }: Pick<WindowColumn, 'first' | 'last' | 'min' | 'max'>): Float64Array {
  const paths = new Float64Array(max.length);
  for (let i = 0; i < paths.length; i++) {
    const high = max[i] as number;
    const low = min[i] as number;
    paths[i] = Math.min(high - low, high - (first[i] as number) + ((last[i] as number) - low));
  }
  return paths;
}

/** What `readTotal` computes; the writer proves with it that nothing is lost. */
function total(predicted: number, integer: number, power: number): number {
  return (predicted + integer) / power;
}

function onGrid(path: number, integer: number, power: number, rest: number, unit: number): number {
  return path + (nearest(integer / power / unit) + rest) * unit;
}

/** Math.round is a call to the runtime in JavaScriptCore. */
function nearest(value: number): number {
  return Math.floor(value + 0.5);
}

/** @param paths undefined: not on a grid. */
function writeTotal(out: ColumnOut, values: Float64Array, predicted: Float64Array, power: number, paths?: Float64Array): void {
  const integers = new Float64Array(values.length);
  const rounded = new Float64Array(values.length);
  let exact = true;
  let small = true;
  for (let i = 0; i < values.length; i++) {
    const integer = nearest((values[i] as number) * power) - (predicted[i] as number);
    integers[i] = integer;
    rounded[i] = total(predicted[i] as number, integer, power);
    exact &&= Object.is(rounded[i], values[i]);
    small &&= Math.abs(integer) < INTEGERS_WITHIN;
  }
  if (small && exact) {
    out.bytes.u8(EXACT);
    writeIntegers(out, integers);
    return;
  }
  const grid = small && paths !== undefined ? restsOnGrid(values, integers, power, paths) : undefined;
  const rests = grid ?? (small ? restsOfRounding(values, rounded) : undefined);
  if (rests === undefined) {
    out.bytes.u8(TOTAL_DOUBLES);
    writeDoubles(out, values);
    return;
  }
  out.bytes.u8(grid === undefined ? ROUNDED : ON_GRID);
  writeIntegers(out, integers);
  out.bytes.zigzag(rests.power);
  writeIntegers(out, rests.values);
}

/** What the integers of a total leave, in units of 2^power. */
interface Rests {
  readonly values: Float64Array;
  readonly power: number;
}

/** @returns undefined where something would be lost. */
function restsOfRounding(values: Float64Array, rounded: Float64Array): Rests | undefined {
  const rests = differences(values, rounded);
  const power = lowestBits(rests);
  if (power < POWER_LEAST) return undefined;
  const unit = 2 ** power;
  for (let i = 0; i < rests.length; i++) {
    const rest = (rests[i] as number) / unit;
    rests[i] = rest;
    if (!(Math.abs(rest) < INTEGERS_WITHIN && Object.is((rounded[i] as number) + rest * unit, values[i]))) return undefined;
  }
  return { values: rests, power };
}

/** @returns undefined where something would be lost. */
function restsOnGrid(values: Float64Array, integers: Float64Array, power: number, paths: Float64Array): Rests | undefined {
  const rests = differences(values, paths);
  const lowest = lowestBits(rests);
  if (lowest < POWER_LEAST) return undefined;
  const unit = 2 ** lowest;
  for (let i = 0; i < rests.length; i++) {
    const integer = integers[i] as number;
    const rest = (rests[i] as number) / unit - nearest(integer / power / unit);
    rests[i] = rest;
    if (!(Math.abs(rest) < INTEGERS_WITHIN && Object.is(onGrid(paths[i] as number, integer, power, rest, unit), values[i])))
      return undefined;
  }
  return { values: rests, power: lowest };
}

function differences(values: Float64Array, others: Float64Array): Float64Array {
  const rests = new Float64Array(values.length);
  for (let i = 0; i < rests.length; i++) rests[i] = (values[i] as number) - (others[i] as number);
  return rests;
}

/** The exponent of the lowest bit that is set in any of the values; 0 where all are 0. */
function lowestBits(values: Float64Array): number {
  const view = new DataView(new ArrayBuffer(8));
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 0) lowest = Math.min(lowest, lowestBit(values[i] as number, view));
  }
  return lowest === Number.POSITIVE_INFINITY ? 0 : lowest;
}

/** The exponent of the lowest bit that is set in a double other than 0. @param view eight bytes of scratch. */
function lowestBit(value: number, view: DataView): number {
  view.setFloat64(0, value);
  const high = view.getUint32(0);
  const low = view.getUint32(4);
  const mantissa = (high & 0xfffff) | 0x100000;
  const zeros = low !== 0 ? trailingZeros(low) : 32 + trailingZeros(mantissa);
  return ((high >>> 20) & 0x7ff) - 1075 + zeros;
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** @returns only the wanted columns; undefined: all. @throws corrupt_data for whatever `writeWindowBody` cannot have written. */
export function readWindowBody(
  reader: ColumnsReader,
  shapes: ShapeInterner,
  want: ((series: Series) => boolean) | undefined,
): WindowColumn[] {
  const all = reader.varint();
  let room = LIMITS.blockPointsMax - all;
  if (room < 0) throw new MetricStreamError('corrupt_data', 'A block holds too many starts.');
  const starts = readIntegers(reader.column(), all);
  const { series } = shapes.internBytes(reader.block());
  const columns: WindowColumn[] = [];
  for (const one of series) {
    if (want !== undefined && !want(one)) {
      reader.skip();
      continue;
    }
    const column = reader.column();
    const rows = readRows(column, all);
    room -= rows?.length ?? all;
    if (room < 0) throw new MetricStreamError('corrupt_data', 'A block holds too many windows.');
    columns.push(readColumn(column, one, rows === undefined ? starts : Float64Array.from(rows, (row) => starts[row] as number)));
  }
  return columns;
}

function readColumn(column: ColumnIn, series: Series, starts: Float64Array): WindowColumn {
  const m = starts.length;
  const count = readIntegers(column, m);
  const revision = readIntegers(column, m);
  if (column.bytes.u8() === DOUBLES) {
    const [first, last, min, max] = [
      readDoubles(column, m),
      readDoubles(column, m),
      readDoubles(column, m),
      readDoubles(column, m),
    ];
    return {
      series,
      starts,
      count,
      sum: readDoubles(column, m),
      min,
      max,
      first,
      last,
      increase: readDoubles(column, m),
      revision,
    };
  }
  const power = powerOfTen(column.bytes.u8());
  const ends = readIntegers(column, 2 * m);
  const min = readIntegers(column, m);
  const max = readIntegers(column, m);
  const first = new Float64Array(m);
  const last = new Float64Array(m);
  for (let i = 0; i < m; i++) {
    const from = ends[2 * i] as number;
    const to = ends[2 * i + 1] as number;
    min[i] = Math.min(from, to) - (min[i] as number);
    max[i] = Math.max(from, to) + (max[i] as number);
    first[i] = from / power;
    last[i] = to / power;
  }
  const predicted = predict(ends, min, max, count);
  for (let i = 0; i < m; i++) {
    min[i] = (min[i] as number) / power;
    max[i] = (max[i] as number) / power;
  }
  const sum = readTotal(column, predicted.sum, power);
  const increase = readTotal(column, predicted.increase, power, { first, last, min, max });
  return { series, starts, count, sum, min, max, first, last, increase, revision };
}

function readTotal(
  column: ColumnIn,
  predicted: Float64Array,
  power: number,
  ends?: Pick<WindowColumn, 'first' | 'last' | 'min' | 'max'>,
): Float64Array {
  const m = predicted.length;
  const form = column.bytes.u8();
  if (form === TOTAL_DOUBLES) return readDoubles(column, m);
  const values = readIntegers(column, m);
  if (form === ON_GRID && ends !== undefined) {
    const paths = pathOf(ends);
    const unit = 2 ** column.bytes.zigzag();
    const rests = readIntegers(column, m);
    for (let i = 0; i < m; i++) {
      values[i] = onGrid(paths[i] as number, values[i] as number, power, rests[i] as number, unit);
    }
    return values;
  }
  for (let i = 0; i < m; i++) values[i] = total(predicted[i] as number, values[i] as number, power);
  if (form === EXACT) return values;
  const unit = 2 ** column.bytes.zigzag();
  const rests = readIntegers(column, m);
  for (let i = 0; i < m; i++) values[i] = (values[i] as number) + (rests[i] as number) * unit;
  return values;
}
