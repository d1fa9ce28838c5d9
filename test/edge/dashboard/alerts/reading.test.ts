/** Values have their units, and a threshold is drawn only where it is known. */
import { describe, expect, it } from 'vitest';
import { measureOf, readingText, spanAround } from '../../../../src/edge/dashboard/alerts/reading.ts';

const rule = (expr: string, params: Record<string, number> = {}) => ({ expr, params, overrides: [] });
const override = {
  match: { host: '*' },
  enabled: null,
  params: { t: 1 },
  for_ms: null,
  keep_firing_for_ms: null,
  severity: null,
};
const noUnit = () => undefined;

describe('the metric and threshold of a rule', () => {
  it.each([
    ['avg(cpu) > params.t', { metric: 'cpu', level: 90 }],
    ['last("http.latency_ms") >= 250 && avg(cpu) > 1', { metric: 'http.latency_ms', level: 250 }],
    ['last(disk_free) < 20 * GiB', { metric: 'disk_free', level: 20 * 2 ** 30 }],
    ['rate(errors) > 5', { metric: 'errors', level: undefined }],
    ['anomaly(cpu) > 4', { metric: 'cpu', level: undefined }],
    ['absent(cpu)', { metric: 'cpu', level: undefined }],
    ['avg(cpu) > params.t * 2', { metric: 'cpu', level: undefined }],
    ['avg(cpu) > avg(load)', { metric: 'cpu', level: undefined }],
    ['avg(cpu) > params.unknown', { metric: 'cpu', level: undefined }],
  ])('of %s', (expr, measure) => {
    expect(measureOf(rule(expr, { t: 90 }))).toEqual(measure);
  });

  it('a rule that reads no metric has none', () => {
    expect(measureOf(rule('silence() > 300'))).toBeUndefined();
  });

  it('is not guessed at where an override may change it', () => {
    expect(measureOf({ ...rule('avg(cpu) > params.t', { t: 90 }), overrides: [override] })?.level).toBeUndefined();
  });
});

describe('a value', () => {
  it.each([
    ['avg(cpu)', 93.21, '93.2 %'],
    ['last(disk_free)', 2 ** 30, '1 GiB'],
    ['silence()', 320, '5 min 20 s'],
    ['anomaly(cpu)', 3.9, '3.90 spreads'],
    ['count(cpu)', 6, '6'],
    ['odd', 2, '2'],
  ])('%s has the unit of what it read', (written, value, text) => {
    expect(readingText(written, value, noUnit)).toBe(text);
  });

  it('of a metric of one’s own has its unit', () => {
    expect(readingText('avg("http.latency")', 250, () => 'ms')).toBe('250 ms');
  });
});

it('the chart of an incident begins before it did and ends within bounds', () => {
  const bounds = { leastMs: 10, mostMs: 100 };
  expect(spanAround(50, 52, bounds)).toEqual({ startMs: 40, endMs: 54.5 });
  const long = spanAround(50, 1_000, bounds);
  expect(long.startMs).toBe(25);
  expect(long.endMs).toBe(125);
});
