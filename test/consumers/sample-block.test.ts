/** Blocks of samples as sets: merged, cut and folded the same, bit for bit, whatever the order, split and repetition. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  blockOf,
  filterBlock,
  foldSamples,
  foldWindows,
  mergeBlocks,
  samplesIn as samplesCounted,
  splitBlock,
} from '../../src/consumers/sample-block.ts';
import { addSample, emptyAggregate } from '../../src/model/aggregate.ts';
import { createSeries } from '../../src/model/series.ts';
import type { SampleBlock, WindowColumn } from '../../src/ports/time-series-store.ts';
import { compareSamples, type Sample, samplesIn, windowsIn } from './shapes.ts';

const MINUTE_MS = 60_000;
const seriesByName = new Map(['a', 'b', 'c'].map((name) => [name, createSeries(name, [], '', 'gauge')]));

const value = fc.oneof(fc.constantFrom(0, -0, 1, 1e300, -1e300), fc.double({ noNaN: true, noDefaultInfinity: true }));
const sample: fc.Arbitrary<Sample> = fc.tuple(
  fc.constantFrom('a', 'b', 'c'),
  fc.nat(60).map((step) => step * 5_000),
  value,
  fc.constantFrom(0, 0, 0, 7),
);
const samples = fc.array(sample, { maxLength: 60, size: 'medium' });

/** The set that a list of samples is: of two values for one series and time the greater. */
function setOf(list: readonly Sample[]): Sample[] {
  const set = new Map<string, Sample>();
  for (const one of list) {
    const [name, ms, val, ns = 0] = one;
    const key = `${name} ${ms} ${ns}`;
    const held = set.get(key)?.[2];
    if (held === undefined || val > held || (val === held && Object.is(held, -0))) set.set(key, [name, ms, val, ns]);
  }
  return [...set.values()].sort((a, b) => a[1] - b[1] || (a[3] ?? 0) - (b[3] ?? 0) || (a[0] < b[0] ? -1 : 1));
}

function rowsOf(list: readonly Sample[]): [string, number, number, number][] {
  return list.map(([name, ms, val, ns = 0]): [string, number, number, number] => [name, ms, ns, val]).sort(compareSamples);
}

/** A block of a set of samples, as a head or a store gives it. */
function blockWith(list: readonly Sample[]): SampleBlock {
  return blockOf((sink) => {
    for (const [name, ms, val, ns = 0] of setOf(list))
      sink(ms, ns, seriesByName.get(name) ?? createSeries(name, [], '', 'gauge'), val);
  });
}

/** Splits a list into parts, by the numbers drawn for its places. */
function partsOf<T>(list: readonly T[], places: readonly number[]): T[][] {
  const parts: T[][] = Array.from({ length: 5 }, () => []);
  list.forEach((one, i) => {
    parts[(places[i] ?? 0) % parts.length]?.push(one);
  });
  return parts;
}

const places = fc.array(fc.nat(4), { maxLength: 60, size: 'medium' });

function expectSound({ timesMs, timesNs, columns }: SampleBlock): void {
  for (let i = 1; i < timesMs.length; i++) {
    const [before = 0, at = 0] = [timesMs[i - 1], timesMs[i]];
    expect(before < at || (before === at && (timesNs?.[i - 1] ?? 0) < (timesNs?.[i] ?? 0))).toBe(true);
  }
  for (const { rows, values } of columns) expect(values.length).toBe(rows?.length ?? timesMs.length);
  expect(new Set(columns.map(({ series }) => series.key)).size).toBe(columns.length);
  expect(timesNs?.some((ns) => ns !== 0) ?? true).toBe(true);
}

describe('a block', () => {
  test('says what was visited, and leaves out what is not wanted, times of it too', () => {
    fc.assert(
      fc.property(samples, (list) => {
        const block = blockWith(list);
        expectSound(block);
        expect(samplesIn(block)).toEqual(rowsOf(setOf(list)));
        expect(samplesCounted(block)).toBe(setOf(list).length);
        const wanted = blockOf(
          (sink) => {
            for (const [name, ms, val, ns = 0] of setOf(list)) sink(ms, ns, createSeries(name, [], '', 'gauge'), val);
          },
          ({ name }) => name === 'b',
        );
        expectSound(wanted);
        expect(samplesIn(wanted)).toEqual(rowsOf(setOf(list).filter(([name]) => name === 'b')));
        expect(wanted.timesMs.length).toBe(setOf(list).filter(([name]) => name === 'b').length);
      }),
    );
  });

  test('cut by time keeps exactly what passes', () => {
    fc.assert(
      fc.property(samples, fc.nat(60), fc.nat(60), (list, from, steps) => {
        const keep = (ms: number): boolean => ms >= from * 5_000 && ms < (from + steps) * 5_000;
        const whole = blockWith(list);
        const block = filterBlock(whole, keep);
        expectSound(block);
        expect(samplesIn(block)).toEqual(rowsOf(setOf(list).filter(([, ms]) => keep(ms))));
        const one = filterBlock({ ...whole, columns: whole.columns.slice(0, 1) }, keep);
        if (!whole.timesMs.every(keep)) expect(one.timesMs.length).toBe(one.columns[0]?.values.length ?? 0);
        expectSound({ ...one, timesNs: one.timesNs?.some((ns) => ns !== 0) ? one.timesNs : undefined });
      }),
    );
  });

  test('split by a span is the whole in pieces, each from its first time on', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 40 }), (list, steps) => {
        const spanMs = steps * 5_000;
        const block = blockWith(list);
        const pieces = splitBlock(block, spanMs);
        for (const piece of pieces) expectSound(piece);
        expect(pieces.flatMap(samplesIn).sort(compareSamples)).toEqual(samplesIn(block));
        const ends = pieces.map(({ timesMs }) => (timesMs[0] ?? 0) + spanMs);
        for (const [i, { timesMs }] of pieces.entries()) {
          expect(timesMs.at(-1)).toBeLessThan(ends[i] ?? 0);
          expect(timesMs[0]).toBeGreaterThanOrEqual(ends[i - 1] ?? 0);
        }
      }),
    );
  });
});

describe('a merge', () => {
  test('is the set of all samples, the greater value where two differ, however they were split and repeated', () => {
    fc.assert(
      fc.property(samples, places, places, (list, split, again) => {
        const blocks = [...partsOf(list, split), ...partsOf(list, again).slice(2)].map(blockWith);
        const merged = mergeBlocks(blocks);
        expectSound(merged);
        expect(samplesIn(merged)).toEqual(rowsOf(setOf(list)));
        expect(samplesIn(mergeBlocks(blocks.toReversed()))).toEqual(samplesIn(merged));
      }),
      { numRuns: 500 },
    );
  });

  test('of pieces that follow each other in time is the whole', () => {
    fc.assert(
      fc.property(samples, fc.array(fc.nat(61), { maxLength: 4 }), (list, cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), 61].map((step) => step * 5_000);
        const pieces = edges.slice(1).map((end, i) => list.filter(([, ms]) => ms >= (edges[i] ?? 0) && ms < end));
        const merged = mergeBlocks(pieces.map(blockWith));
        expectSound(merged);
        expect(samplesIn(merged)).toEqual(rowsOf(setOf(list)));
      }),
      { numRuns: 500 },
    );
  });

  test('of nothing is empty', () => {
    expect(samplesIn(mergeBlocks([]))).toEqual([]);
    expect(mergeBlocks([blockWith([])]).timesMs.length).toBe(0);
  });
});

describe('windows', () => {
  const fold = (block: SampleBlock): WindowColumn[] => foldSamples(block, MINUTE_MS, () => 1);

  test('are the aggregates of their samples in time order', () => {
    fc.assert(
      fc.property(samples, (list) => {
        const byWindow = new Map<string, number[]>();
        for (const [name, ms, val] of setOf(list)) {
          const key = `${name} ${Math.floor(ms / MINUTE_MS) * MINUTE_MS}`;
          byWindow.set(key, [...(byWindow.get(key) ?? []), val]);
        }
        const expected = new Map(
          [...byWindow].map(([key, values]) => {
            const aggregate = emptyAggregate();
            for (const one of values) addSample(aggregate, one);
            return [key, aggregate];
          }),
        );
        const actual = windowsIn(fold(blockWith(list))).map(
          ({ key, start, revision, ...rest }) => [`${key} ${start}`, rest] as const,
        );
        expect(new Map(actual)).toEqual(expected);
        expect(actual.length).toBe(expected.size);
      }),
    );
  });

  test('are the same bit for bit whatever the order, split and repetition of what made them', () => {
    fc.assert(
      fc.property(samples, places, places, (list, split, again) => {
        const whole = windowsIn(fold(mergeBlocks([blockWith(list)])));
        const pieces = [...partsOf(list, split), ...partsOf(list, again)].map(blockWith);
        expect(windowsIn(fold(mergeBlocks(pieces)))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  test('of ten minutes are the fold of minutes in time order, with the greatest revision of their parts', () => {
    fc.assert(
      fc.property(samples, (list) => {
        const minutes = foldSamples(blockWith(list), MINUTE_MS, (_series, start) => 1 + ((start / MINUTE_MS) % 3));
        const wide = windowsIn(foldWindows(minutes, 10 * MINUTE_MS));
        const parts = windowsIn(minutes);
        for (const window of wide) {
          const own = parts.filter(({ key, start }) => key === window.key && Number(start) < Number(window.start) + 600_000);
          const inside = own.filter(({ start }) => Number(start) >= Number(window.start));
          expect(window.count).toBe(inside.reduce((sum, { count }) => sum + Number(count), 0));
          expect(window.sum).toBe(inside.slice(1).reduce((sum, part) => sum + Number(part.sum), Number(inside[0]?.sum)));
          expect(window.revision).toBe(Math.max(...inside.map(({ revision }) => Number(revision))));
          expect([window.first, window.last]).toEqual([inside[0]?.first, inside.at(-1)?.last]);
        }
        expect(wide.reduce((sum, { count }) => sum + Number(count), 0)).toBe(setOf(list).length);
      }),
    );
  });
});
