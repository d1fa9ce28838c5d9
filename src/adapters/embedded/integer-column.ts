/** Columns of integers as bytes: a straight line, or what is left after the best of three predictions. */
import { MetricStreamError } from '../../model/errors.ts';
import { type ColumnReader, type ColumnWriter, zigzag } from '../../protocols/column-bytes.ts';

/*
 * integers = form:u8 base:zigzag rest
 *   form 0 line:           slope:zigzag                       v[i] = base + i·slope; nothing else, however long it is
 *   form 1 plain:          [step:varint] r:varint{n}          v[i] = base + step·r[i]; base is the least
 *   form 2 delta:          [step:varint] r:zigzag{n−1}        v[0] = base; v[i] = v[i−1] + step·r[i]
 *   form 3 delta of delta: [step:varint] r:zigzag{n−1}        the same for d[i] = v[i] − v[i−1], d[0] = 0
 *   form + 4: step is there; else it is 1
 * n is known from elsewhere. Plain is best for noise, delta for walks, delta of delta for clocks and counters
 * (Facebook Gorilla, VLDB 2015, section 4.1). The step is the greatest divisor that all differences share.
 * Loops count: to iterate over a typed array cost a fifth of all encoding.
 */
const LINE = 0;
const PLAIN = 1;
const DELTA = 2;
const DELTA_OF_DELTA = 3;
const STEP = 4;

/** Within ±this the zig-zag of a delta of deltas still fits in 53 bits. */
export const INTEGERS_WITHIN = 2 ** 50;

/** @param values integers within ±INTEGERS_WITHIN, no −0. */
export function writeIntegers(writer: ColumnWriter, values: Float64Array): void {
  const first = values[0] ?? 0;
  const slope = (values[1] ?? first) - first;
  if (isLine(values, slope)) {
    writer.u8(LINE);
    writer.zigzag(first);
    writer.zigzag(slope);
    return;
  }
  const { form, least, step } = plan(values);
  writer.u8(step === 1 ? form : form | STEP);
  writer.zigzag(form === PLAIN ? least : first);
  if (step !== 1) writer.varint(step);
  if (form === PLAIN) {
    for (let i = 0; i < values.length; i++) writer.varint(((values[i] as number) - least) / step);
    return;
  }
  let before = first;
  let beforeDelta = 0;
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    writer.zigzag((value - before - beforeDelta) / step);
    if (form === DELTA_OF_DELTA) beforeDelta = value - before;
    before = value;
  }
}

function isLine(values: Float64Array, slope: number): boolean {
  for (let i = 2; i < values.length; i++) if ((values[i] as number) - (values[i - 1] as number) !== slope) return false;
  return true;
}

/** Weighs the forms by the bits of their residuals: that is what deflate leaves of them. */
function plan(values: Float64Array): { readonly form: number; readonly least: number; readonly step: number } {
  let least = values[0] as number;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) < least) least = values[i] as number;
  let before = values[0] as number;
  let beforeDelta = 0;
  let plain = bitLength(before - least);
  let delta = 0;
  let deltaOfDelta = 0;
  let step = 0;
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    const d = value - before;
    plain += bitLength(value - least);
    delta += bitLength(zigzag(d));
    deltaOfDelta += bitLength(zigzag(d - beforeDelta));
    if (step !== 1) step = divisor(step, Math.abs(d));
    before = value;
    beforeDelta = d;
  }
  const form = plain <= delta && plain <= deltaOfDelta ? PLAIN : delta <= deltaOfDelta ? DELTA : DELTA_OF_DELTA;
  return { form, least, step };
}

function bitLength(value: number): number {
  return value < 0x80000000 ? 32 - Math.clz32(value) : 63 - Math.clz32(value / 0x80000000);
}

/** The greatest common one; 0 divides nothing but itself. */
function divisor(a: number, b: number): number {
  let high = a;
  let low = b;
  while (low !== 0) {
    const rest = high % low;
    high = low;
    low = rest;
  }
  return high;
}

/** @throws corrupt_data */
export function readIntegers(reader: ColumnReader, count: number): Float64Array {
  const values = new Float64Array(count);
  const head = reader.u8();
  if (head > (DELTA_OF_DELTA | STEP)) throw new MetricStreamError('corrupt_data', 'A stored column has an unknown form.');
  const form = head & DELTA_OF_DELTA;
  const base = reader.zigzag();
  if (form === LINE) {
    const slope = reader.zigzag();
    for (let i = 0; i < count; i++) values[i] = base + i * slope;
    return values;
  }
  const step = (head & STEP) === 0 ? 1 : reader.varint();
  if (form === PLAIN) {
    for (let i = 0; i < count; i++) values[i] = base + step * reader.varint();
    return values;
  }
  if (count > 0) values[0] = base;
  let value = base;
  let delta = 0;
  for (let i = 1; i < count; i++) {
    const residual = step * reader.zigzag();
    delta = form === DELTA ? residual : delta + residual;
    value += delta;
    values[i] = value;
  }
  return values;
}
