/** What a window keeps: folds of narrower windows say the same as the samples wherever that can be exact. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Aggregate, addSample, emptyAggregate, foldAggregate } from '../../src/model/aggregate.ts';

const ofSamples = (values: readonly number[]): Aggregate => {
  const aggregate = emptyAggregate();
  for (const value of values) addSample(aggregate, value);
  return aggregate;
};

const fold = (parts: readonly Aggregate[]): Aggregate => {
  const into = emptyAggregate();
  for (const part of parts) foldAggregate(into, part);
  return into;
};

const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 0.1, 1e300, -1e300));
const windows = fc.array(fc.array(value, { maxLength: 8 }), { maxLength: 8 });
const windowsOfIntegers = fc.array(fc.array(fc.integer({ min: -1e6, max: 1e6 }), { maxLength: 8 }), { maxLength: 8 });

describe('an aggregate', () => {
  test('keeps count, sum, extremes, first, last and the positive steps', () => {
    expect(ofSamples([5, 7, 2, 4])).toEqual({ count: 4, sum: 18, min: 2, max: 7, first: 5, last: 4, increase: 4 });
  });

  test('adds in the order of the samples: the sum is theirs bit for bit', () => {
    expect(ofSamples([0.1, 0.2, 0.3]).sum).toBe(0.1 + 0.2 + 0.3);
    expect(ofSamples([1e16, 1, 1]).sum).toBe(1e16);
  });

  test('of one −0 keeps its sign', () => {
    const { sum, min, max, first, last } = ofSamples([-0]);
    expect([sum, min, max, first, last]).toEqual([-0, -0, -0, -0, -0]);
  });

  test('takes a fall of a counter as a reset that adds nothing', () => {
    expect(ofSamples([10, 15, 3, 4]).increase).toBe(6);
  });
});

describe('a fold of windows in time order', () => {
  test('has count, extremes, first and last of all samples, bit for bit', () => {
    fc.assert(
      fc.property(windows, (parts) => {
        const { count, min, max, first, last } = fold(parts.map(ofSamples));
        const all = ofSamples(parts.flat());
        expect([count, min, max, first, last]).toEqual([all.count, all.min, all.max, all.first, all.last]);
      }),
    );
  });

  test('has sum and increase of all samples too where the arithmetic is exact', () => {
    fc.assert(
      fc.property(windowsOfIntegers, (parts) => {
        expect(fold(parts.map(ofSamples))).toEqual(ofSamples(parts.flat()));
      }),
    );
  });

  test('does not depend on how the windows were grouped before', () => {
    fc.assert(
      fc.property(windowsOfIntegers, fc.nat(8), (parts, cut) => {
        const all = parts.map(ofSamples);
        expect(fold([fold(all.slice(0, cut)), fold(all.slice(cut))])).toEqual(fold(all));
      }),
    );
  });

  test('leaves its parts as they are, and empty windows change nothing', () => {
    fc.assert(
      fc.property(windows, (parts) => {
        const all = parts.map(ofSamples);
        const before = structuredClone(all);
        expect(fold([emptyAggregate(), ...all, emptyAggregate()])).toEqual(fold(all));
        expect(all).toEqual(before);
      }),
    );
  });
});
