/** Raw samples of one client as a block of bytes: a table of times by series, column by column. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Series } from '../../model/series.ts';
import type { SampleBlock, SampleColumn } from '../../ports/time-series-store.ts';
import type { ShapeInterner } from '../../protocols/log-record.ts';
import type { ColumnPlace, ColumnsReader, ColumnsWriter } from './block-columns.ts';
import { descale, readDoubles, scaleToIntegers, writeDoubles } from './decimal-column.ts';
import { readIntegers, writeIntegers } from './integer-column.ts';
import type { ColumnIn, ColumnOut } from './packed-bits.ts';
import { readRows, writeRows } from './row-set.ts';

/*
 * body     = n:varint times shape:block column{one a series}
 * times    = a column of ms:integers{n} ( 0:u8 | 1:u8 ns:integers{n} )
 * column   = a column (block-columns.ts) of rows values
 * values   = 0:u8 d:u8 integers                              value = integer / 10^d
 *          | 1:u8 d:u8 back:varint base:zigzag               the same steps as the column `back` places before
 *          | 2:u8 d:u8 back:varint base:zigzag               the opposite steps: used and free, a percentage and its rest
 *          | 3:u8 doubles
 * shape    = the list of series as in protocols/log-record.ts; integers, doubles and rows: see their files
 */
const DECIMAL = 0;
const SAME_STEPS = 1;
const OPPOSITE_STEPS = 2;
const DOUBLES = 3;

/** Appends the body of a block. */
export function writeRawBody(writer: ColumnsWriter, block: SampleBlock, shapes: ShapeInterner): void {
  const { timesMs, timesNs, columns } = block;
  writer.body.varint(timesMs.length);
  writer.column((out) => {
    writeIntegers(out, timesMs);
    out.bytes.u8(timesNs === undefined ? 0 : 1);
    if (timesNs !== undefined) writeIntegers(out, Float64Array.from(timesNs));
  });
  writer.body.block(shapes.intern(columns.map((column) => column.series)).bytes);
  const earlier = new Map<number, Stepped>();
  columns.forEach(({ rows, values }, place) => {
    writer.column((out) => {
      writeRows(out, rows, timesMs.length);
      writeValues(out, values, place, earlier);
    });
  });
}

/** A column that others can refer to. */
interface Stepped {
  readonly place: number;
  readonly integers: Float64Array;
}

function writeValues(out: ColumnOut, values: Float64Array, place: number, earlier: Map<number, Stepped>): void {
  const { bytes: writer } = out;
  const integers = new Float64Array(values.length);
  const decimals = scaleToIntegers(values, integers);
  if (decimals === undefined) {
    writer.u8(DOUBLES);
    writeDoubles(out, values);
    return;
  }
  const hash = hashOfSteps(integers);
  const like = hash === undefined ? undefined : earlier.get(hash);
  const sign = like === undefined ? 0 : signOfSteps(integers, like.integers);
  if (like !== undefined && sign !== 0) {
    writer.u8(sign > 0 ? SAME_STEPS : OPPOSITE_STEPS);
    writer.u8(decimals);
    writer.varint(place - like.place);
    writer.zigzag(integers[0] as number);
    return;
  }
  if (hash !== undefined) earlier.set(hash, { place, integers });
  writer.u8(DECIMAL);
  writer.u8(decimals);
  writeIntegers(out, integers);
}

/** Of the absolute steps; undefined for a straight line, which is shorter than a reference. */
function hashOfSteps(integers: Float64Array): number | undefined {
  const slope = (integers[1] ?? 0) - (integers[0] ?? 0);
  let straight = true;
  let hash = integers.length;
  for (let i = 1; i < integers.length; i++) {
    const step = (integers[i] as number) - (integers[i - 1] as number);
    straight &&= step === slope;
    hash = Math.imul(hash, 31) + Math.abs(step);
  }
  return straight ? undefined : hash | 0;
}

/** 1 where all steps are equal, −1 where they are opposite, else 0. */
function signOfSteps(a: Float64Array, b: Float64Array): -1 | 0 | 1 {
  if (a.length !== b.length) return 0;
  const difference = (a[0] as number) - (b[0] as number);
  const total = (a[0] as number) + (b[0] as number);
  let same = true;
  let opposite = true;
  for (let i = 1; i < a.length && (same || opposite); i++) {
    same &&= (a[i] as number) - (b[i] as number) === difference;
    opposite &&= (a[i] as number) + (b[i] as number) === total;
  }
  return same ? 1 : opposite ? -1 : 0;
}

/** @returns only the wanted columns; undefined: all. @throws corrupt_data for whatever `writeRawBody` cannot have written. */
export function readRawBody(
  reader: ColumnsReader,
  shapes: ShapeInterner,
  want: ((series: Series) => boolean) | undefined,
): SampleBlock {
  const total = reader.varint();
  let room = LIMITS.blockPointsMax - total;
  if (room < 0) throw new MetricStreamError('corrupt_data', 'A block holds too many times.');
  const times = reader.column();
  const timesMs = readIntegers(times, total);
  const timesNs = times.bytes.u8() === 0 ? undefined : Int32Array.from(readIntegers(times, total));
  const { series } = shapes.internBytes(reader.block());
  const places: ColumnPlace[] = [];
  const columns: SampleColumn[] = [];
  for (const one of series) {
    places.push(reader.place());
    if (want !== undefined && !want(one)) {
      reader.skip();
      continue;
    }
    const column = reader.column();
    const rows = readRows(column, total);
    const count = rows?.length ?? total;
    room -= count;
    if (room < 0) throw new MetricStreamError('corrupt_data', 'A block holds too many samples.');
    columns.push({ series: one, rows, values: readValues(column, count, places, reader, total) });
  }
  return { timesMs, timesNs, columns };
}

/** @param places of the columns up to this one. */
function readValues(
  column: ColumnIn,
  count: number,
  places: readonly ColumnPlace[],
  block: ColumnsReader,
  total: number,
): Float64Array {
  const { bytes: reader } = column;
  const kind = reader.u8();
  if (kind === DOUBLES) return readDoubles(column, count);
  const decimals = reader.u8();
  if (kind === DECIMAL) return descale(readIntegers(column, count), decimals);
  if (kind > DOUBLES) throw new MetricStreamError('corrupt_data', 'A stored column has an unknown kind.');
  const place = places[places.length - 1 - reader.varint()];
  const base = reader.zigzag();
  const like = place === undefined ? undefined : readReferred(block.columnAt(place), total);
  if (like?.length !== count) throw new MetricStreamError('corrupt_data', 'A stored column refers to one that does not fit it.');
  const first = like[0] ?? 0;
  for (let i = 0; i < count; i++) {
    const step = (like[i] as number) - first;
    like[i] = kind === SAME_STEPS ? base + step : base - step;
  }
  return descale(like, decimals);
}

/** The integers of another column; undefined where it has none of its own. */
function readReferred(column: ColumnIn, total: number): Float64Array | undefined {
  const count = readRows(column, total)?.length ?? total;
  if (column.bytes.u8() !== DECIMAL) return undefined;
  column.bytes.u8();
  return readIntegers(column, count);
}
