/** Closed windows of one client as a block of bytes: a table of starts by series, column by column. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Series } from '../../model/series.ts';
import type { WindowColumn } from '../../ports/time-series-store.ts';
import { ByteReader, type ByteWriter } from '../../protocols/bytes.ts';
import { ColumnReader, type ColumnWriter } from '../../protocols/column-bytes.ts';
import type { ShapeInterner } from '../../protocols/log-record.ts';
import { powerOfTen, readDoubles, scaleToIntegers, writeDoubles } from './decimal-column.ts';
import { INTEGERS_WITHIN, readIntegers, writeIntegers } from './integer-column.ts';
import { readRows, writeRows } from './row-set.ts';

/*
 * body     = n:varint starts:block shape:block column{one a series}       starts: integers{n}, ms; all that some series has
 * column   = length:varint rows count:integers revision:integers values
 * values   = 0:u8 d:u8 ends:integers{2m} low:integers high:integers sum:total increase:total
 *          | 1:u8 doubles{6}                                              first last min max sum increase
 *   ends   = first and last of each window in turn: neighbours in time, so that walks have small steps
 *   low    = least of first and last, less min;  high = max less the greatest of them
 * total    = 0:u8 integers                                                value = (predicted + integer) / 10^d
 *          | 1:u8 integers power:zigzag integers                          … + second integer · 2^power: what rounding left
 *          | 2:u8 doubles
 * A sum of decimals carries the rounding of each addition, so that it is no decimal itself: hence `power`.
 */
const DECIMAL = 0;
const DOUBLES = 1;
const EXACT = 0;
const ROUNDED = 1;
const TOTAL_DOUBLES = 2;

/** Powers of two from here on are normal doubles, and so are their inverses. */
const POWER_LEAST = -1022;

/** Appends the body of a block. @param scratch is reset for every part. */
export function writeWindowBody(
  writer: ByteWriter,
  scratch: ColumnWriter,
  columns: readonly WindowColumn[],
  shapes: ShapeInterner,
): void {
  const starts = allStarts(columns);
  writer.varint(starts.length);
  scratch.reset();
  writeIntegers(scratch, starts);
  writer.block(scratch.view());
  writer.block(shapes.intern(columns.map((column) => column.series)).bytes);
  for (const column of columns) {
    scratch.reset();
    writeRows(scratch, rowsOf(column.starts, starts), starts.length);
    writeIntegers(scratch, column.count);
    writeIntegers(scratch, column.revision);
    writeValues(scratch, column);
    writer.block(scratch.view());
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

function writeValues(writer: ColumnWriter, column: WindowColumn): void {
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
    writer.u8(DOUBLES);
    for (const field of ['first', 'last', 'min', 'max', 'sum', 'increase'] as const) writeDoubles(writer, column[field]);
    return;
  }
  const ends = integers.subarray(0, 2 * count);
  const min = integers.subarray(2 * count, 3 * count);
  const max = integers.subarray(3 * count);
  writer.u8(DECIMAL);
  writer.u8(decimals);
  writeIntegers(writer, ends);
  const predicted = predict(ends, min, max, column.count);
  writeIntegers(
    writer,
    min.map((value, i) => Math.min(ends[2 * i] as number, ends[2 * i + 1] as number) - value),
  );
  writeIntegers(
    writer,
    max.map((value, i) => value - Math.max(ends[2 * i] as number, ends[2 * i + 1] as number)),
  );
  writeTotal(writer, column.sum, predicted.sum, powerOfTen(decimals));
  writeTotal(writer, column.increase, predicted.increase, powerOfTen(decimals));
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

/** What `readTotal` computes; the writer proves with it that nothing is lost. */
function total(predicted: number, integer: number, power: number): number {
  return (predicted + integer) / power;
}

function writeTotal(writer: ColumnWriter, values: Float64Array, predicted: Float64Array, power: number): void {
  const integers = new Float64Array(values.length);
  const rests = new Float64Array(values.length);
  let grid = 0;
  let exact = true;
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const integer = Math.round(value * power) - (predicted[i] as number);
    const rest = value - total(predicted[i] as number, integer, power);
    integers[i] = integer;
    rests[i] = rest;
    if (rest !== 0) {
      grid = exact ? lowestBit(rest, view) : Math.min(grid, lowestBit(rest, view));
      exact = false;
    }
  }
  const unit = 2 ** grid;
  for (let i = 0; i < values.length; i++) rests[i] = (rests[i] as number) / unit;
  const kept =
    grid >= POWER_LEAST &&
    values.every((value, i) => {
      const integer = integers[i] as number;
      const rest = rests[i] as number;
      const small = Math.abs(integer) < INTEGERS_WITHIN && Math.abs(rest) < INTEGERS_WITHIN;
      return small && Object.is(total(predicted[i] as number, integer, power) + rest * unit, value);
    });
  if (!kept) {
    writer.u8(TOTAL_DOUBLES);
    writeDoubles(writer, values);
    return;
  }
  writer.u8(exact ? EXACT : ROUNDED);
  writeIntegers(writer, integers);
  if (exact) return;
  writer.zigzag(grid);
  writeIntegers(writer, rests);
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
  body: Uint8Array,
  shapes: ShapeInterner,
  want: ((series: Series) => boolean) | undefined,
): WindowColumn[] {
  const reader = new ByteReader(body);
  const all = reader.varint();
  let room = LIMITS.blockPointsMax - all;
  if (room < 0) throw new MetricStreamError('corrupt_data', 'A block holds too many starts.');
  const starts = readIntegers(new ColumnReader(reader.block()), all);
  const { series } = shapes.internBytes(reader.block());
  const columns: WindowColumn[] = [];
  for (const one of series) {
    const bytes = reader.block();
    if (want !== undefined && !want(one)) continue;
    const column = new ColumnReader(bytes);
    const rows = readRows(column, all);
    room -= rows?.length ?? all;
    if (room < 0) throw new MetricStreamError('corrupt_data', 'A block holds too many windows.');
    columns.push(readColumn(column, one, rows === undefined ? starts : Float64Array.from(rows, (row) => starts[row] as number)));
  }
  return columns;
}

function readColumn(reader: ColumnReader, series: Series, starts: Float64Array): WindowColumn {
  const m = starts.length;
  const count = readIntegers(reader, m);
  const revision = readIntegers(reader, m);
  if (reader.u8() === DOUBLES) {
    const [first, last, min, max] = [
      readDoubles(reader, m),
      readDoubles(reader, m),
      readDoubles(reader, m),
      readDoubles(reader, m),
    ];
    return {
      series,
      starts,
      count,
      sum: readDoubles(reader, m),
      min,
      max,
      first,
      last,
      increase: readDoubles(reader, m),
      revision,
    };
  }
  const power = powerOfTen(reader.u8());
  const ends = readIntegers(reader, 2 * m);
  const min = readIntegers(reader, m);
  const max = readIntegers(reader, m);
  for (let i = 0; i < m; i++) {
    const first = ends[2 * i] as number;
    const last = ends[2 * i + 1] as number;
    min[i] = Math.min(first, last) - (min[i] as number);
    max[i] = Math.max(first, last) + (max[i] as number);
  }
  const predicted = predict(ends, min, max, count);
  const sum = readTotal(reader, predicted.sum, power);
  const increase = readTotal(reader, predicted.increase, power);
  const first = new Float64Array(m);
  const last = new Float64Array(m);
  for (let i = 0; i < m; i++) {
    first[i] = (ends[2 * i] as number) / power;
    last[i] = (ends[2 * i + 1] as number) / power;
    min[i] = (min[i] as number) / power;
    max[i] = (max[i] as number) / power;
  }
  return { series, starts, count, sum, min, max, first, last, increase, revision };
}

function readTotal(reader: ColumnReader, predicted: Float64Array, power: number): Float64Array {
  const m = predicted.length;
  const form = reader.u8();
  if (form === TOTAL_DOUBLES) return readDoubles(reader, m);
  const values = readIntegers(reader, m);
  for (let i = 0; i < m; i++) values[i] = total(predicted[i] as number, values[i] as number, power);
  if (form === EXACT) return values;
  const unit = 2 ** reader.zigzag();
  const rests = readIntegers(reader, m);
  for (let i = 0; i < m; i++) values[i] = (values[i] as number) + (rests[i] as number) * unit;
  return values;
}
