/** Columns of windows: cut and joined without losing, doubling or reordering one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldSamples } from '../../src/consumers/sample-block.ts';
import { cutWindows, joinWindows, windowsBetween } from '../../src/consumers/window-columns.ts';
import { createSeries } from '../../src/model/series.ts';
import type { WindowColumn } from '../../src/ports/time-series-store.ts';
import { windowsIn } from './shapes.ts';

const window = fc.record({ name: fc.constantFrom('a', 'b', 'c'), start: fc.nat(30), value: fc.integer(), part: fc.nat(3) });
const windows = fc.uniqueArray(window, { selector: ({ name, start }) => `${name} ${start}`, maxLength: 40 });
type Window = typeof window extends fc.Arbitrary<infer Value> ? Value : never;

/** One column per series of these windows, ascending. */
function columnsOf(list: readonly Window[]): WindowColumn[] {
  return ['a', 'b', 'c'].flatMap((name) => {
    const own = list.filter((one) => one.name === name).sort((a, b) => a.start - b.start);
    if (own.length === 0) return [];
    const column = {
      series: createSeries(name, [], '', 'gauge'),
      rows: undefined,
      values: Float64Array.from(own, (one) => one.value),
    };
    return foldSamples(
      { timesMs: Float64Array.from(own, (one) => one.start), timesNs: undefined, columns: [column] },
      1,
      (_series, start) => start,
    );
  });
}

function expectAscending(columns: readonly WindowColumn[]): void {
  for (const { starts } of columns) {
    expect(starts.length).toBeGreaterThan(0);
    for (let i = 1; i < starts.length; i++) expect(starts[i]).toBeGreaterThan(starts[i - 1] ?? 0);
  }
  expect(new Set(columns.map(({ series }) => series.key)).size).toBe(columns.length);
}

describe('columns of windows', () => {
  test('joined are all windows of all parts, one ascending column per series', () => {
    fc.assert(
      fc.property(windows, (list) => {
        const parts = [0, 1, 2, 3].flatMap((part) => columnsOf(list.filter((one) => one.part === part)));
        const joined = joinWindows(parts);
        expectAscending(joined);
        expect(windowsIn(joined)).toEqual(windowsIn(columnsOf(list)));
      }),
    );
  });

  test('cut keep every field of exactly the windows whose start passes', () => {
    fc.assert(
      fc.property(windows, fc.nat(30), (list, from) => {
        const cut = cutWindows(columnsOf(list), (start) => start >= from);
        expectAscending(cut);
        expect(windowsIn(cut)).toEqual(windowsIn(columnsOf(list.filter(({ start }) => start >= from))));
      }),
    );
  });

  test('between two times are those that start there, and empty columns are left out', () => {
    fc.assert(
      fc.property(windows, fc.nat(30), fc.nat(31), (list, from, to) => {
        const between = windowsBetween(columnsOf(list), from, to);
        expectAscending(between);
        expect(windowsIn(between)).toEqual(windowsIn(columnsOf(list.filter(({ start }) => start >= from && start < to))));
      }),
    );
  });

  test('cut and joined again are what they were', () => {
    fc.assert(
      fc.property(windows, fc.nat(30), (list, at) => {
        const columns = columnsOf(list);
        const parts = [...cutWindows(columns, (start) => start >= at), ...cutWindows(columns, (start) => start < at)];
        expect(windowsIn(joinWindows(parts))).toEqual(windowsIn(columns));
      }),
    );
  });
});
