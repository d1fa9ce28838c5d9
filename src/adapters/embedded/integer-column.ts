/** Columns of integers as bytes: a straight line, or what is left after the best of three predictions. */
import { MetricStreamError } from '../../model/errors.ts';
import { zigzag } from '../../protocols/column-bytes.ts';
import { bestPacking, type ColumnIn, type ColumnOut } from './packed-bits.ts';

/*
 * integers = form:u8 base:zigzag rest
 *   form 0 line:           slope:zigzag                       v[i] = base + i·slope; nothing else, however long it is
 *   form 1 plain:          [step:varint] r{n}                 v[i] = base + step·r[i]; base is the least
 *   form 2 delta:          [step:varint] r{n−1}, zigzag       v[0] = base; v[i] = v[i−1] + step·r[i]
 *   form 3 delta of delta: [step:varint] r{n−1}, zigzag       the same for d[i] = v[i] − v[i−1], d[0] = 0
 *   form + 4: step is there; else it is 1
 *   form + 8: r are numbers among the bits (packed-bits.ts), after width:u8; width + 64: flagged. Else varints here
 * n is known from elsewhere. Plain is best for noise, delta for walks, delta of delta for clocks and counters
 * (Facebook Gorilla, VLDB 2015, section 4.1). The step is the greatest divisor that all differences share.
 * Bits are best where each r is another, varints where they repeat, since those go through deflate.
 * Loops count: to iterate over a typed array cost a fifth of all encoding.
 */
const LINE = 0;
const PLAIN = 1;
const DELTA = 2;
const DELTA_OF_DELTA = 3;
const STEP = 4;
const PACKED = 8;
const FLAGGED = 64;

const LARGEST_INT = 0x7fffffff;
/** What a byte costs deflate where it has not met it before, by trial: 8 took 3 % more for a real host's minutes. */
const NEW_BITS = 6;
/** How many residuals are looked at before all are weighed. */
const SPOTS = 16;
/** Prime, so that steps of whole pages do not fall together; an array of up to 1,000 bytes is cheap to make in JavaScriptCore. */
const PLACES = 499;

/** Within ±this the zig-zag of a delta of deltas still fits in 53 bits. */
export const INTEGERS_WITHIN = 2 ** 50;

/** @param values integers within ±INTEGERS_WITHIN, no −0. */
export function writeIntegers({ bytes, bits }: ColumnOut, values: Float64Array): void {
  const first = values[0] ?? 0;
  const slope = (values[1] ?? first) - first;
  if (isLine(values, slope)) {
    bytes.u8(LINE);
    bytes.zigzag(first);
    bytes.zigzag(slope);
    return;
  }
  const { form, least, step } = plan(values);
  const residuals = residualsOf(values, form, least, step);
  const packing = bestPacking(residuals);
  const packed = seldomRepeat(residuals) || packing.bits < deflatedBits(residuals);
  bytes.u8(form | (step === 1 ? 0 : STEP) | (packed ? PACKED : 0));
  bytes.zigzag(form === PLAIN ? least : first);
  if (step !== 1) bytes.varint(step);
  if (packed) {
    bytes.u8(packing.width | (packing.flagged ? FLAGGED : 0));
    bits.pack(residuals, packing);
  } else for (let i = 0; i < residuals.length; i++) bytes.varint(residuals[i] as number);
}

function residualsOf(values: Float64Array, form: number, least: number, step: number): Float64Array {
  if (form === PLAIN) {
    const over = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) over[i] = ((values[i] as number) - least) / step;
    return over;
  }
  const residuals = new Float64Array(values.length - 1);
  let before = values[0] as number;
  let beforeDelta = 0;
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    residuals[i - 1] = zigzag((value - before - beforeDelta) / step);
    if (form === DELTA_OF_DELTA) beforeDelta = value - before;
    before = value;
  }
  return residuals;
}

/** Whether a few of them, evenly spread, are all different: where residuals repeat often enough for deflate, some are not. */
function seldomRepeat(residuals: Float64Array): boolean {
  const stride = residuals.length / SPOTS;
  if (stride < 2) return false;
  for (let i = 1; i < SPOTS; i++) {
    const value = residuals[Math.floor(i * stride)];
    for (let j = 0; j < i; j++) if (residuals[Math.floor(j * stride)] === value) return false;
  }
  return true;
}

/**
 * About what deflate leaves of them as varints: their entropy, and each that is new in full. Residuals that fall in one
 * place are taken for equal, which is rare enough.
 */
function deflatedBits(residuals: Float64Array): number {
  const times = new Uint16Array(PLACES);
  const total = residuals.length;
  const each = Math.log2(total);
  let bits = 0;
  for (let i = 0; i < total; i++) {
    const value = residuals[i] as number;
    const place = value < LARGEST_INT ? (value | 0) % PLACES : Math.floor(value / LARGEST_INT) % PLACES;
    const before = times[place] as number;
    times[place] = before + 1;
    bits += each;
    if (before === 0) bits += NEW_BITS * bytesOf(value);
    else bits -= (before + 1) * Math.log2(before + 1) - before * Math.log2(before);
  }
  return bits;
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

function bytesOf(value: number): number {
  return Math.max(1, Math.ceil(bitLength(value) / 7));
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
export function readIntegers({ bytes, bits }: ColumnIn, count: number): Float64Array {
  const values = new Float64Array(count);
  const head = bytes.u8();
  if (head > (DELTA_OF_DELTA | STEP | PACKED))
    throw new MetricStreamError('corrupt_data', 'A stored column has an unknown form.');
  const form = head & DELTA_OF_DELTA;
  const base = bytes.zigzag();
  if (form === LINE) {
    const slope = bytes.zigzag();
    for (let i = 0; i < count; i++) values[i] = base + i * slope;
    return values;
  }
  const step = (head & STEP) === 0 ? 1 : bytes.varint();
  const from = form === PLAIN ? 0 : 1;
  if ((head & PACKED) !== 0) {
    const width = bytes.u8();
    bits.unpack(values, from, width & (FLAGGED - 1), (width & FLAGGED) !== 0);
  } else for (let i = from; i < count; i++) values[i] = bytes.varint();
  restore(values, form, base, step);
  return values;
}

/** Turns residuals into what they were left of, in place. */
function restore(values: Float64Array, form: number, base: number, step: number): void {
  if (form === PLAIN) {
    for (let i = 0; i < values.length; i++) values[i] = base + step * (values[i] as number);
    return;
  }
  if (values.length > 0) values[0] = base;
  let value = base;
  if (form === DELTA) {
    for (let i = 1; i < values.length; i++) {
      value += step * unzigzag(values[i] as number);
      values[i] = value;
    }
    return;
  }
  let delta = 0;
  for (let i = 1; i < values.length; i++) {
    delta += step * unzigzag(values[i] as number);
    value += delta;
    values[i] = value;
  }
}

function unzigzag(value: number): number {
  if (value <= LARGEST_INT) return (value >>> 1) ^ -(value & 1);
  const half = Math.floor(value / 2);
  return half * 2 === value ? half : -half - 1;
}
