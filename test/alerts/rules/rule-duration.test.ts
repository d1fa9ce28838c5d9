/** Durations are read as Prometheus reads them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/alerts/rule-duration.ts';

test.each([
  ['0', 0],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1d2h3m4s5ms', 93_784_005],
  ['1y', 31_536_000_000],
  ['2w', 1_209_600_000],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', '-5m', '1.5h', '5 m', '30m1h', '5m5m', 'm', '5M', '1e3s', '99999999999999999999y'])('%j is none', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test('what is written is read back, for every whole number of ms', () => {
  fc.assert(fc.property(fc.nat({ max: 10 ** 12 }), (ms) => void expect(parseDuration(formatDuration(ms))).toBe(ms)));
});
