/** Packed numbers: every width, to the ends of what fits, and no more bits than promised. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bestPacking, bitReader, bitWriter } from '../../../src/adapters/embedded/packed-bits.ts';
import { MetricStreamError } from '../../../src/model/errors.ts';
import { viewOf } from './bits.ts';

const number = fc.oneof(
  fc.constant(0),
  fc.nat(20),
  fc.nat(100_000),
  fc.maxSafeNat(),
  fc.constantFrom(2 ** 24 - 1, 2 ** 24, 2 ** 25, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
);
/** Alike, with one of another size now and then: what a width is chosen for. */
const column = fc.oneof(
  fc.array(number, { maxLength: 60 }),
  fc
    .tuple(
      fc.nat(52),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.boolean()), { maxLength: 60 }),
    )
    .map(([width, list]) => list.map(([share, zero]) => (zero ? 0 : Math.floor(share * 2 ** width)))),
);

function packed(columns: readonly number[][]): Uint8Array {
  const writer = bitWriter();
  for (const values of columns) writer.pack(Float64Array.from(values), bestPacking(Float64Array.from(values)));
  return writer.view().slice();
}

describe('packed bits', () => {
  test('come back as they were, one column behind another, wherever they lie in a row', () => {
    fc.assert(
      fc.property(fc.array(column, { maxLength: 4 }), fc.nat(5), fc.nat(5), (columns, before, after) => {
        const bits = packed(columns);
        const row = new Uint8Array(before + bits.length + after).fill(255);
        row.set(bits, before);
        const reader = bitReader(viewOf(row), before, before + bits.length);
        for (const values of columns) {
          const { width, flagged } = bestPacking(Float64Array.from(values));
          const into = new Float64Array(values.length + 1).fill(7);
          reader.unpack(into, 1, width, flagged);
          expect(Array.from(into)).toEqual([7, ...values]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('take the bits that were promised, and those of the best width', () => {
    fc.assert(
      fc.property(column, (values) => {
        const all = Float64Array.from(values);
        const { bits, width, flagged } = bestPacking(all);
        expect(packed([values])).toHaveLength(Math.ceil(bits / 8));
        const writer = bitWriter();
        writer.pack(all, { bits: 80 * values.length, width: Math.min(52, width + 1), flagged });
        expect(writer.view().length).toBeGreaterThanOrEqual(Math.ceil(bits / 8));
      }),
    );
  });

  test('of a uniform walk are within a tenth of its entropy; where half are zeros too', () => {
    const step = (i: number): number => Math.imul(i + 1, 2654435761) >>> 22;
    const walk = Float64Array.from({ length: 1000 }, (_, i) => step(i));
    expect(bestPacking(walk).bits / 1000).toBeLessThan(11.1);
    const half = walk.map((value, i) => (i % 2 === 0 ? 0 : value));
    expect(bestPacking(half).bits / 1000).toBeLessThan(1 + 11.1 / 2);
  });

  test('that end before their last number are corrupt_data, and never read on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.nat(40), fc.nat(63), fc.boolean(), (bytes, count, width, flagged) => {
        const reader = bitReader(viewOf(Uint8Array.of(...bytes, 255, 255)), 0, bytes.length);
        try {
          reader.unpack(new Float64Array(count), 0, width, flagged);
          expect(count).toBeLessThanOrEqual(8 * bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(MetricStreamError);
        }
      }),
      { numRuns: 1000 },
    );
    const bits = packed([[5, 1000, 3]]);
    const reader = bitReader(viewOf(bits), 0, bits.length - 1);
    expect(() => reader.unpack(new Float64Array(3), 0, bestPacking(Float64Array.of(5, 1000, 3)).width, false)).toThrow(
      'last bit',
    );
  });
});
