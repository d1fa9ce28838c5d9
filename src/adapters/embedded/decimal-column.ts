/** Columns of doubles as bytes, bit for bit: integers by their decimals where that is exact, else the eight bytes of each. */
import { MetricStreamError } from '../../model/errors.ts';
import { INTEGERS_WITHIN } from './integer-column.ts';
import type { ColumnIn, ColumnOut } from './packed-bits.ts';

/** The difference of two still fits in a column of integers. */
const SCALED_WITHIN = INTEGERS_WITHIN / 2;
const MOST_DECIMALS = 15;
/** Exact doubles, so that a quotient is rounded once: integer / 10^d is the double nearest to that decimal. */
const POWERS_OF_TEN: readonly number[] = Array.from({ length: MOST_DECIMALS + 1 }, (_, decimals) => Number(`1e${decimals}`));

/** @returns undefined where `value` is no integer / power, bit for bit; −0 and what is not finite are none. */
function scaled(value: number, power: number): number | undefined {
  const integer = Math.round(value * power);
  const exact = integer / power === value && Math.abs(integer) < SCALED_WITHIN && !Object.is(integer, -0);
  return exact ? integer : undefined;
}

/**
 * Scales all values by the least number of decimals that keeps every one.
 * @param into receives the integers, each within ±SCALED_WITHIN; as long as `values`.
 * @returns the decimals; undefined where there are none.
 */
export function scaleToIntegers(values: Float64Array, into: Float64Array): number | undefined {
  let decimals = 0;
  let power = 1;
  for (let i = 0; i < values.length; i++) {
    const integer = scaled(values[i] as number, power);
    if (integer !== undefined) {
      into[i] = integer;
      continue;
    }
    const next = POWERS_OF_TEN[++decimals];
    if (next === undefined) return undefined;
    // One decimal more, for all: those before are scaled anew.
    power = next;
    i = -1;
  }
  return decimals;
}

/** 10^decimals. @throws corrupt_data */
export function powerOfTen(decimals: number): number {
  const power = POWERS_OF_TEN[decimals];
  if (power === undefined) throw new MetricStreamError('corrupt_data', 'A stored column has too many decimals.');
  return power;
}

/** Turns integers into what they were scaled from, in place. @throws corrupt_data */
export function descale(integers: Float64Array, decimals: number): Float64Array {
  const power = powerOfTen(decimals);
  if (power !== 1) for (let i = 0; i < integers.length; i++) integers[i] = (integers[i] as number) / power;
  return integers;
}

/** Eight planes: byte 7 of each value XOR the one before, then byte 6 … so that equal exponents lie together for deflate. */
export function writeDoubles({ bytes: writer }: ColumnOut, values: Float64Array): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let plane = 7; plane >= 0; plane--) {
    let before = 0;
    for (let at = plane; at < bytes.length; at += 8) {
      const byte = bytes[at] as number;
      writer.u8(byte ^ before);
      before = byte;
    }
  }
}

/** @throws corrupt_data */
export function readDoubles({ bytes: reader }: ColumnIn, count: number): Float64Array {
  const values = new Float64Array(count);
  const bytes = new Uint8Array(values.buffer);
  for (let plane = 7; plane >= 0; plane--) {
    let before = 0;
    for (let at = plane; at < bytes.length; at += 8) {
      before ^= reader.u8();
      bytes[at] = before;
    }
  }
  return values;
}
