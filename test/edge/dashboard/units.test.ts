/** Numbers for people keep their size, their unit and their honesty. */
import { describe, expect, test } from 'vitest';
import { axisLabel, axisRange, cursorLabel, timeLabel } from '../../../src/edge/dashboard/axis.ts';
import { formatAge, freshness } from '../../../src/edge/dashboard/relative-time.ts';
import { formatBytes, formatCompact, formatDuration, formatShare, formatValue } from '../../../src/edge/dashboard/units.ts';

const MINUTE_MS = 60_000;

describe('a value is shown with its unit in a few digits', () => {
  test.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1 KiB'],
    [1_600, '1.56 KiB'],
    [1_023.9 * 1024, '1.00 MiB'],
    [3 * 2 ** 40, '3 TiB'],
    [5 * 2 ** 60, '5120 PiB'],
    [-1_536, '-1.50 KiB'],
  ])('%d bytes read %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [0, '0'],
    [0.0001, '<0.001'],
    [0.25, '0.25'],
    [1, '1'],
    [999, '999'],
    [999.9, '1.00 k'],
    [12_345, '12.3 k'],
    [3e15, '3000 T'],
    [-4_200, '-4.20 k'],
  ])('%d reads %s', (count, text) => expect(formatCompact(count)).toBe(text));

  test.each([
    [0, '0 s'],
    [2e-9, '2 ns'],
    [0.000_25, '250 µs'],
    [0.034, '34 ms'],
    [12, '12 s'],
    [200, '3 min 20 s'],
    [7_200, '2 h'],
    [187_200, '2 d 4 h'],
  ])('%d seconds read %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  test.each([
    [50, 'percent', '50 %'],
    [33.333, 'percent', '33.3 %'],
    [2 ** 20, 'bytes_per_second', '1 MiB/s'],
    [12.5, 'per_second', '12.5/s'],
    [1_500, 'milliseconds', '1.50 s'],
    [1.5, 'count', '1.50'],
    [21.5, 'celsius', '21.5 celsius'],
    [null, 'bytes', '–'],
    [undefined, '', '–'],
    [Number.NaN, 'percent', '–'],
    [Number.POSITIVE_INFINITY, 'bytes', '–'],
  ])('%s in %s reads %s', (value, unit, text) => expect(formatValue(value, unit)).toBe(text));

  test('a unit is text and is never anything else', () => {
    expect(formatValue(1, '<img src=x onerror=alert(1)>')).toBe('1 <img src=x onerror=alert(1)>');
  });
});

describe('a share never looks better than it is', () => {
  test.each([
    [9_999_999, 10_000_000, '99.999 %'],
    [10, 10, '100 %'],
    [11, 10, '100 %'],
    [1, 3, '33.333 %'],
    [0, 5, '0.000 %'],
    [0, 0, '–'],
  ])('%d of %d is %s', (part, whole, text) => expect(formatShare(part, whole)).toBe(text));
});

describe('an age tells when a host is missed', () => {
  test.each([
    [-5_000, 'now', 'live'],
    [1_999, 'now', 'live'],
    [30_000, '30 s ago', 'live'],
    [30_001, '30 s ago', 'stale'],
    [2 * MINUTE_MS, '2 min ago', 'stale'],
    [2 * MINUTE_MS + 1, '2 min ago', 'silent'],
    [47 * 60 * MINUTE_MS, '47 h ago', 'silent'],
    [50 * 60 * MINUTE_MS, '2 d ago', 'silent'],
  ])('%d ms: %s, %s', (ageMs, text, state) => {
    expect(formatAge(ageMs)).toBe(text);
    expect(freshness(ageMs)).toBe(state);
  });
});

describe('marks of an axis', () => {
  test('tell each mark from the next, however fine the step', () => {
    expect([22.7, 22.75, 22.8].map((value) => axisLabel(value, 'celsius', 0.05))).toEqual(['22.7', '22.75', '22.8']);
    expect([0, 20, 40].map((value) => axisLabel(value, 'percent', 20))).toEqual(['0 %', '20 %', '40 %']);
    expect(axisLabel(1.5 * 2 ** 30, 'bytes', 2 ** 29)).toBe('1.5 GiB');
    expect(axisLabel(64 * 2 ** 10, 'bytes_per_second', 2 ** 15)).toBe('64 KiB/s');
    expect(axisLabel(0.2, 'per_second', 0.2)).toBe('0.2/s');
  });

  test('name the day at midnight, and the second where the step is finer than a minute', () => {
    const at = (hour: number, minute = 0, second = 0): Date => new Date(2026, 10, 24, hour, minute, second);
    expect(timeLabel(at(0), 3_600_000)).toBe('24 Nov');
    expect(timeLabel(at(13, 5), 300_000)).toBe('13:05');
    expect(timeLabel(at(13, 5, 30), 30_000)).toBe('13:05:30');
    expect(cursorLabel(at(13, 5, 9), true)).toBe('13:05:09');
    expect(cursorLabel(at(13, 5), false)).toBe('24 Nov 13:05');
  });

  test('a range holds every value, never collapses, and a percentage of the whole ends at 100', () => {
    expect(axisRange('full', 'percent', 3, 4)).toEqual([0, 100]);
    expect(axisRange('zero', 'percent', 0, 99)).toEqual([0, 100]);
    expect(axisRange('zero', 'percent', 0, 0)).toEqual([0, 5]);
    expect(axisRange('zero', '', 0, 0)).toEqual([0, 1]);
    expect(axisRange('mirror', 'bytes_per_second', 0, 0)).toEqual([0, 1]);
    for (const [low, high] of [
      [-5, -5],
      [7, 7],
      [60, 61],
      [-3, 4],
      [0, 1e12],
    ] as const) {
      for (const scale of ['zero', 'mirror', 'free'] as const) {
        const [from, to] = axisRange(scale, '', low, high);
        expect(from).toBeLessThan(to);
        if (scale !== 'mirror' || low <= 0) expect(from).toBeLessThanOrEqual(low);
        expect(to).toBeGreaterThanOrEqual(high);
      }
    }
  });
});
