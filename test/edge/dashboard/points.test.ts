/** What a chart draws is what was measured: no spike lost, no hole bridged, no sample moved. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignPoints, downsample, lonePlaces, type Points, stackColumns } from '../../../src/edge/dashboard/points.ts';
import { minuteHistory, sparkPaths } from '../../../src/edge/dashboard/sparkline.ts';

const points = fc
  .uniqueArray(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 300 })
  .map((times) => times.sort((a, b) => a - b))
  .chain((times) =>
    fc.record({
      times: fc.constant(times),
      values: fc.array(fc.double({ noNaN: true }), { minLength: times.length, maxLength: times.length }),
    }),
  );

describe('downsampling', () => {
  test('keeps the extremes, the order and the bound, and invents nothing', () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 4, max: 400 }), (all: Points, max) => {
        const kept = downsample(all, max);
        expect(kept.times.length).toBeLessThanOrEqual(max);
        expect(Math.max(...kept.values)).toBe(Math.max(...all.values));
        expect(Math.min(...kept.values)).toBe(Math.min(...all.values));
        expect([...kept.times].sort((a, b) => a - b)).toEqual(kept.times);
        kept.times.forEach((time, index) => {
          expect(kept.values[index]).toBe(all.values[all.times.indexOf(time)]);
        });
      }),
    );
  });
});

describe('one time axis for several series', () => {
  test('has every sample of every series at its own time, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(points, { minLength: 1, maxLength: 4 }), (all) => {
        const { times, columns } = alignPoints(all);
        columns.forEach((column, series) => {
          const seen = column.flatMap((cell, index) => (typeof cell === 'number' ? [[times[index], cell]] : []));
          expect(seen).toEqual(all[series]?.times.map((time, index) => [time, all[series]?.values[index]]));
        });
      }),
    );
  });

  test('breaks the line where a series was quiet, and only of that series', () => {
    const steady = { times: [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100], values: Array(11).fill(1) };
    const broken = { times: [0, 10, 20, 80, 90, 100], values: Array(6).fill(2) };
    const { times, columns } = alignPoints([steady, broken]);
    const [first = [], second = []] = columns;
    expect(times).toContain(21);
    expect(first.filter((cell) => cell === null)).toEqual([]);
    expect(times.filter((_, index) => second[index] === null)).toEqual([21, 30, 40, 50, 60, 70]);
  });

  test('one lost push does not break it', () => {
    const { columns } = alignPoints([{ times: [0, 10, 20, 40, 50], values: [1, 1, 1, 1, 1] }]);
    expect(columns[0]).toEqual([1, 1, 1, 1, 1]);
  });
});

describe('stacking', () => {
  test('adds what is shown, leaves out what is hidden, and keeps holes', () => {
    const columns = [
      [1, null, null],
      [2, 2, null],
      [4, 4, undefined],
    ];
    expect(stackColumns(columns, [true, true, true])).toEqual([
      [1, 0, null],
      [3, 2, null],
      [7, 6, null],
    ]);
    expect(stackColumns(columns, [true, false, true])).toEqual([
      [1, 0, null],
      [2, 2, null],
      [5, 4, null],
    ]);
  });
});

test('a value alone between holes is drawn as a dot', () => {
  expect(lonePlaces([1, null, 2, 3, null, undefined, 4, undefined])).toEqual([0, 6]);
  expect(lonePlaces([undefined, 1, undefined])).toEqual([1]);
  expect(lonePlaces([1, undefined, 2])).toEqual([]);
});

describe('the last hour of a sparkline', () => {
  const MINUTE_MS = 60_000;

  test('is what windows say, and live samples go on with it', () => {
    const history = minuteHistory(5);
    history.load(10 * MINUTE_MS, MINUTE_MS, [1, null, 3]);
    history.add(13 * MINUTE_MS, 4);
    history.add(13 * MINUTE_MS + 9_000, 6);
    expect(history.values(14 * MINUTE_MS)).toEqual([1, null, 3, 5, null]);
    expect(history.values(17 * MINUTE_MS)).toEqual([5, null, null, null, null]);
    expect(history.values(14 * MINUTE_MS, 2)).toEqual([5, null]);
    expect([14, 17, 18].map((minute) => history.knownMinutes(minute * MINUTE_MS))).toEqual([5, 5, 0]);
  });

  test('windows replace what live samples had made of a minute, and older ones change nothing', () => {
    const history = minuteHistory(3);
    history.add(5 * MINUTE_MS, 50);
    history.load(5 * MINUTE_MS, MINUTE_MS, [20]);
    history.load(2 * MINUTE_MS, MINUTE_MS, [99]);
    expect(history.values(5 * MINUTE_MS)).toEqual([null, null, 20]);
  });

  test('is drawn within its box, broken at holes, with dots for lone values', () => {
    expect(sparkPaths([0, 100, null, 50], 100)).toEqual({
      line: 'M0.0 30.5L40.0 1.5M120.0 16.0h0',
      area: 'M0.0 32L0.0 30.5L40.0 1.5L40.0 32Z',
    });
    expect(sparkPaths([null, null], 100)).toEqual({ line: '', area: '' });
    expect(sparkPaths([250, -250], 100).line).toBe('M0.0 1.5L120.0 30.5');
  });
});
