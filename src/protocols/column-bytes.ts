/** The bytes of one column, written and read number by number: the inner loop of every block. */
import { MetricStreamError } from '../model/errors.ts';

/** Varints are LEB128 of up to 53 bits; a zig-zag number is 2n, or −2n − 1 where n is negative. */
const LARGEST_INT = 0x7fffffff;
const VARINT_BYTES = 8;

/** Non-negative for every integer; within 53 bits for those below 2^52. */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export class ColumnWriter {
  #bytes = new Uint8Array(4096);
  #length = 0;

  reset(): void {
    this.#length = 0;
  }

  /** What was written since the reset; valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#length + bytes, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  varint(value: number): void {
    this.#reserve(VARINT_BYTES);
    let high = value;
    while (high > LARGEST_INT) {
      const rest = Math.floor(high / 0x80);
      this.#bytes[this.#length++] = (high - rest * 0x80) | 0x80;
      high = rest;
    }
    let low = high | 0;
    while (low >= 0x80) {
      this.#bytes[this.#length++] = low | 0x80;
      low >>>= 7;
    }
    this.#bytes[this.#length++] = low;
  }

  zigzag(value: number): void {
    this.varint(zigzag(value));
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}

/** Reads what ColumnWriter wrote; whatever else it meets, it throws corrupt_data and never reads past the end. */
export class ColumnReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  u8(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new MetricStreamError('corrupt_data', 'A stored column ends too early.');
    return byte;
  }

  varint(): number {
    const byte = this.u8();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    for (let i = 1; i < VARINT_BYTES; i++) {
      const next = this.u8();
      value += (next & 0x7f) * scale;
      if (next < 0x80) return value;
      scale *= 0x80;
    }
    throw new MetricStreamError('corrupt_data', 'A stored number is too large.');
  }

  zigzag(): number {
    const value = this.varint();
    if (value <= LARGEST_INT) return (value >>> 1) ^ -(value & 1);
    const half = Math.floor(value / 2);
    return half * 2 === value ? half : -half - 1;
  }

  /** A view of the next bytes, not a copy. */
  raw(length: number): Uint8Array {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new MetricStreamError('corrupt_data', 'A stored column ends too early.');
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }
}
