/** Columns of integers as bytes: a straight line, or what is left after the best of three predictions. */
import { MetricStreamError } from '../../model/errors.ts';
import type { ByteReader, ByteWriter } from '../../protocols/bytes.ts';

/*
 * integers = form:u8 base:zigzag rest
 *   form 0 line:           slope:zigzag                       v[i] = base + i·slope; nothing else, however long it is
 *   form 1 plain:          [step:varint] r:varint{n}          v[i] = base + step·r[i]; base is the least
 *   form 2 delta:          [step:varint] r:zigzag{n−1}        v[0] = base; v[i] = v[i−1] + step·r[i]
 *   form 3 delta of delta: [step:varint] r:zigzag{n−1}        the same for d[i] = v[i] − v[i−1], d[0] = 0
 *   form + 4: step is there; else it is 1
 * n is known from elsewhere. Plain is best for noise, delta for walks, delta of delta for clocks and counters
 * (Facebook Gorilla, VLDB 2015, section 4.1). The step is the greatest divisor that all differences share.
 */
const LINE = 0;
const PLAIN = 1;
const DELTA = 2;
const DELTA_OF_DELTA = 3;
const STEP = 4;

/** Below this the zig-zag of a delta of deltas still fits in 53 bits. */
export const INTEGER_LIMIT = 2 ** 50;

/** Non-negative for every integer within ±2^52. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unzigzag(value: number): number {
  if (value <= 0x7fffffff) return (value >>> 1) ^ -(value & 1);
  const half = Math.floor(value / 2);
  return half * 2 === value ? half : -half - 1;
}

export function writeZigzag(writer: ByteWriter, value: number): void {
  writer.varint(zigzag(value));
}

export function readZigzag(reader: ByteReader): number {
  return unzigzag(reader.varint());
}

function bitLength(value: number): number {
  return value < 4294967296 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / 4294967296);
}

function divisor(a: number, b: number): number {
  let [high, low] = [a, b];
  while (low !== 0) [high, low] = [low, high % low];
  return high;
}

interface Plan {
  readonly form: number;
  readonly least: number;
  readonly step: number;
}

/** Weighs the forms by the bits of their residuals, which is what deflate leaves of them. */
function plan(values: Float64Array): Plan {
  let least = values[0] as number;
  for (const value of values) if (value < least) least = value;
  let plain = bitLength((values[0] as number) - least);
  let delta = 0;
  let deltaOfDelta = 0;
  let step = 0;
  let straight = true;
  let before = values[0] as number;
  let beforeDelta = values.length > 1 ? (values[1] as number) - before : 0;
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    const d = value - before;
    const dd = d - beforeDelta;
    straight &&= dd === 0;
    if (step !== 1) step = divisor(Math.abs(d), step);
    plain += bitLength(value - least);
    delta += bitLength(zigzag(d));
    deltaOfDelta += bitLength(zigzag(dd));
    before = value;
    beforeDelta = d;
  }
  if (straight) return { form: LINE, least, step: 1 };
  const form = plain <= delta && plain <= deltaOfDelta ? PLAIN : delta <= deltaOfDelta ? DELTA : DELTA_OF_DELTA;
  return { form, least, step };
}

/** @param values integers within ±INTEGER_LIMIT, no −0. */
export function writeIntegers(writer: ByteWriter, values: Float64Array): void {
  const { form, least, step } = plan(values);
  const first = values[0] ?? 0;
  writer.u8(step === 1 ? form : form | STEP);
  writeZigzag(writer, form === PLAIN ? least : first);
  if (form === LINE) {
    writeZigzag(writer, values.length > 1 ? (values[1] as number) - first : 0);
    return;
  }
  if (step !== 1) writer.varint(step);
  if (form === PLAIN) {
    for (const value of values) writer.varint((value - least) / step);
    return;
  }
  let before = first;
  let beforeDelta = 0;
  for (let i = 1; i < values.length; i++) {
    const d = (values[i] as number) - before;
    writer.varint(zigzag((d - beforeDelta) / step));
    before = values[i] as number;
    if (form === DELTA_OF_DELTA) beforeDelta = d;
  }
}

/** @throws corrupt_data */
export function readIntegers(reader: ByteReader, count: number): Float64Array {
  const values = new Float64Array(count);
  const head = reader.u8();
  const form = head & 3;
  const base = readZigzag(reader);
  if (head > 7) throw new MetricStreamError('corrupt_data', 'A stored column has an unknown form.');
  if (form === LINE) {
    const slope = readZigzag(reader);
    for (let i = 0; i < count; i++) values[i] = base + i * slope;
    return values;
  }
  const step = (head & STEP) === 0 ? 1 : reader.varint();
  if (form === PLAIN) {
    for (let i = 0; i < count; i++) values[i] = base + step * reader.varint();
    return values;
  }
  let value = base;
  let delta = 0;
  if (count > 0) values[0] = base;
  for (let i = 1; i < count; i++) {
    const residual = step * unzigzag(reader.varint());
    delta = form === DELTA ? residual : delta + residual;
    value += delta;
    values[i] = value;
  }
  return values;
}
