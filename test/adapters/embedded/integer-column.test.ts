/** Columns of integers: every form, to the ends of what fits. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { INTEGERS_WITHIN, readIntegers, writeIntegers } from '../../../src/adapters/embedded/integer-column.ts';
import { bitReader, bitWriter } from '../../../src/adapters/embedded/packed-bits.ts';
import { ColumnReader, ColumnWriter } from '../../../src/protocols/column-bytes.ts';
import { viewOf } from './bits.ts';

const MOST = INTEGERS_WITHIN - 1;

function written(values: readonly number[]): { readonly bytes: Uint8Array; readonly bits: Uint8Array } {
  const out = { bytes: new ColumnWriter(), bits: bitWriter() };
  writeIntegers(out, Float64Array.from(values));
  return { bytes: out.bytes.view(), bits: out.bits.view() };
}

function length(values: readonly number[]): number {
  const { bytes, bits } = written(values);
  return bytes.length + bits.length;
}

function roundTrip(values: readonly number[]): number[] {
  const { bytes, bits } = written(values);
  const column = { bytes: new ColumnReader(bytes), bits: bitReader(viewOf(bits), 0, bits.length) };
  return Array.from(readIntegers(column, values.length));
}

/** A number of 32 bits that looks like chance. */
function scattered(i: number): number {
  const mixed = Math.imul(i ^ 0x9e3779b9, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 0;
}

test('integers come back, however large their steps', () => {
  const integer = fc.oneof(
    fc.integer({ min: -MOST, max: MOST }),
    fc.integer({ min: -300, max: 300 }),
    fc.constantFrom(MOST, -MOST, 0),
  );
  fc.assert(
    fc.property(fc.array(integer, { maxLength: 40 }), (values) => {
      expect(roundTrip(values)).toEqual(values);
    }),
    { numRuns: 1000 },
  );
});

test('the widest zigzag between the ends comes back', () => {
  const values = Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? MOST : -MOST));
  expect(roundTrip(values)).toEqual(values);
});

test.each([
  ['a constant', Array(1000).fill(5), 3],
  ['a straight line', Array.from({ length: 1000 }, (_, i) => 7 + 3 * i), 3],
  ['noise above a high floor', Array.from({ length: 100 }, (_, i) => 1_000_000 + ((i * 37) % 100)), 104],
  ['a walk', Array.from({ length: 100 }, (_, i) => 1_000_000 + 60 * (i % 50) + (i % 3)), 106],
  ['steps of whole pages', Array.from({ length: 100 }, (_, i) => 4096 * ((i * i * 37) % 101)), 106],
  ['a walk whose every step is another', Array.from({ length: 100 }, (_, i) => scattered(i) >>> 22), 136],
  ['a clock that trembles', Array.from({ length: 100 }, (_, i) => 10_000 * i + (i % 7 === 0 ? 1 : 0)), 104],
])('%s takes few bytes', (_, values, bytes) => {
  expect(length(values)).toBeLessThanOrEqual(bytes);
  expect(roundTrip(values)).toEqual(values);
});
