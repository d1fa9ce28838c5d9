/** Numbers as bits, each as long as it is large: what a walk leaves, which deflate cannot make smaller than its bytes. */
import { MetricStreamError } from '../../model/errors.ts';
import type { ColumnReader, ColumnWriter } from '../../protocols/column-bytes.ts';

/*
 * number = quotient:bit{q} 0 rest:bit{k}                    v = q·2^k + rest; q ones
 *        | 1{ESCAPE} v:bit{53}                        for the few that are far larger than the others
 * where zeros are frequent (`flagged`):
 * number = 0 | 1 (number of v − 1)
 * Bits fill bytes from the top. k fits all numbers of a column (Rice, "Some practical universal noiseless coding
 * techniques", JPL 79-22, 1979): within a few percent of the entropy of the differences of a walk.
 */
const ESCAPE = 16;
const WHOLE_BITS = 53;
const WIDEST = 52;
/** A 32-bit load at any bit has at least so many of its bits. */
const WINDOW = 25;
const HALF = 24;

/** Reused between blocks. */
export interface BitWriter {
  reset(): void;
  /** @returns whole bytes so far: the last one is filled with zeros. */
  align(): number;
  /** What was written since the reset; aligned, and valid until the next write. */
  view(): Uint8Array;
  /** @param values as `bestPacking` takes them. @param packing what it answered. */
  pack(values: Float64Array, packing: Packing): void;
}

/** Reads what a BitWriter wrote, between two of its bytes. */
export interface BitReader {
  /** Fills `into` from one place on. @throws corrupt_data */
  unpack(into: Float64Array, from: number, width: number, flagged: boolean): void;
}

/** One column in the making: bytes for deflate, and bits that it would not make smaller. */
export interface ColumnOut {
  readonly bytes: ColumnWriter;
  readonly bits: BitWriter;
}

export interface ColumnIn {
  readonly bytes: ColumnReader;
  readonly bits: BitReader;
}

/** How a column of numbers is packed. */
export interface Packing {
  readonly width: number;
  readonly flagged: boolean;
  readonly bits: number;
}

/** The packing that takes the fewest bits. @param values integers of [0, 2^53). */
export function bestPacking(values: Float64Array): Packing {
  let sum = 0;
  let zeros = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i] as number;
    if (values[i] === 0) zeros += 1;
  }
  const plain = bestWidth(values, 0, sum / Math.max(1, values.length));
  if (zeros * 8 < values.length) return { ...plain, flagged: false };
  const others = values.length - zeros;
  const flagged = bestWidth(values, 1, (sum - others) / Math.max(1, others));
  const bits = flagged.bits + values.length;
  return bits < plain.bits ? { width: flagged.width, flagged: true, bits } : { ...plain, flagged: false };
}

/** @param least values below it are left out, the others are less by it. @param mean of those: the best width is near its logarithm. */
function bestWidth(values: Float64Array, least: number, mean: number): { readonly width: number; readonly bits: number } {
  const near = Math.min(WIDEST, Math.max(0, Math.floor(Math.log2(mean + 1)) - 2));
  let best = { width: near, bits: Number.POSITIVE_INFINITY };
  for (let width = near; width <= Math.min(WIDEST, near + 3); width++) {
    const bits = bitsOf(values, least, width);
    if (bits >= best.bits) break;
    best = { width, bits };
  }
  return best;
}

function bitsOf(values: Float64Array, least: number, width: number): number {
  const inverse = 2 ** -width;
  let bits = 0;
  for (let i = 0; i < values.length; i++) {
    const value = (values[i] as number) - least;
    if (value < 0) continue;
    const quotient = value * inverse;
    bits += quotient < ESCAPE ? (quotient | 0) + 1 + width : ESCAPE + WHOLE_BITS;
  }
  return bits;
}

class GrowingBits implements BitWriter {
  #bytes = new Uint8Array(4096);
  #length = 0;
  /** Bits that make no byte yet. */
  #waiting = 0;
  #filled = 0;

  reset(): void {
    this.#length = 0;
    this.#waiting = 0;
    this.#filled = 0;
  }

  align(): number {
    if (this.#filled > 0) this.#put(0, 8 - this.#filled);
    return this.#length;
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.align());
  }

  pack(values: Float64Array, { width, flagged, bits }: Packing): void {
    this.#reserve(Math.ceil(bits / 8) + 1);
    const divisor = 2 ** width;
    const inverse = 2 ** -width;
    for (let i = 0; i < values.length; i++) {
      let value = values[i] as number;
      if (flagged) {
        if (value === 0) {
          this.#put(0, 1);
          continue;
        }
        this.#put(1, 1);
        value -= 1;
      }
      const ratio = value * inverse;
      if (ratio >= ESCAPE) {
        this.#put((1 << ESCAPE) - 1, ESCAPE);
        this.#wide(value, WHOLE_BITS);
        continue;
      }
      const quotient = ratio | 0;
      const unary = (2 << quotient) - 2;
      const rest = value - quotient * divisor;
      if (quotient + 1 + width <= HALF) this.#put((unary << width) | rest, quotient + 1 + width);
      else {
        this.#put(unary, quotient + 1);
        this.#wide(rest, width);
      }
    }
  }

  #wide(value: number, bits: number): void {
    if (bits <= HALF) {
      this.#put(value, bits);
      return;
    }
    const high = Math.floor(value / 2 ** HALF);
    this.#wide(high, bits - HALF);
    this.#put(value - high * 2 ** HALF, HALF);
  }

  /** @param bits up to HALF: with what waits they fit in 31. */
  #put(value: number, bits: number): void {
    let filled = this.#filled + bits;
    const waiting = (this.#waiting << bits) | value;
    while (filled >= 8) {
      filled -= 8;
      this.#bytes[this.#length++] = waiting >>> filled;
    }
    this.#waiting = waiting & ((1 << filled) - 1);
    this.#filled = filled;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#length + bytes, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

class BoundedBits implements BitReader {
  readonly #view: DataView;
  readonly #end: number;
  #at: number;

  constructor(view: DataView, start: number, end: number) {
    this.#view = view;
    this.#at = 8 * start;
    this.#end = 8 * end;
  }

  unpack(into: Float64Array, from: number, width: number, flagged: boolean): void {
    // A number takes a bit at least.
    if (width > WIDEST || into.length - from > this.#end - this.#at) throw ended();
    const view = this.#view;
    const scale = 2 ** width;
    const least = flagged ? 1 : 0;
    let at = this.#at;
    for (let i = from; i < into.length; i++) {
      let word = windowAt(view, at);
      if (flagged) {
        at += 1;
        if (word >= 0) {
          into[i] = 0;
          continue;
        }
        word <<= 1;
      }
      const quotient = Math.clz32(~word);
      if (quotient >= ESCAPE) {
        into[i] = least + wideAt(view, at + ESCAPE, WHOLE_BITS);
        at += ESCAPE + WHOLE_BITS;
        continue;
      }
      at += quotient + 1;
      const used = quotient + 1 + least;
      if (width === 0) into[i] = least + quotient;
      else if (used + width <= WINDOW) {
        into[i] = least + quotient * scale + ((word << (quotient + 1)) >>> (32 - width));
        at += width;
      } else {
        into[i] = least + quotient * scale + wideAt(view, at, width);
        at += width;
      }
    }
    if (at > this.#end) throw ended();
    this.#at = at;
  }
}

export function bitWriter(): BitWriter {
  return new GrowingBits();
}

/** @param end before which bits are read; bytes after it are looked at, never taken. */
export function bitReader(row: DataView, start: number, end: number): BitReader {
  return new BoundedBits(row, start, end);
}

/** The bits from one on, at the top of a word: the first WINDOW of them count. */
function windowAt(view: DataView, at: number): number {
  const byte = at >>> 3;
  return (byte + 4 <= view.byteLength ? view.getInt32(byte) : lastWord(view, byte)) << (at & 7);
}

/** Near the end of a row, where there are no four bytes. */
function lastWord(view: DataView, from: number): number {
  let word = 0;
  for (let byte = from; byte < from + 4; byte++) word = (word << 8) | (byte < view.byteLength ? view.getUint8(byte) : 0);
  return word;
}

function wideAt(view: DataView, start: number, bits: number): number {
  let value = 0;
  let at = start;
  for (let left = bits; left > 0; ) {
    const part = Math.min(left, HALF);
    value = value * 2 ** part + (windowAt(view, at) >>> (32 - part));
    at += part;
    left -= part;
  }
  return value;
}

function ended(): MetricStreamError {
  return new MetricStreamError('corrupt_data', 'A stored column ends before its last bit.');
}
