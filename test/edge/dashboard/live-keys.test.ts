/** Series are the same series whether they come from the live feed or from a query, and planted markup stays text. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FLEET_METRICS } from '../../../src/edge/dashboard/fleet.ts';
import { livePath, parseLiveKey, seriesId, timestampMs } from '../../../src/edge/dashboard/live-keys.ts';
import { LIMITS } from '../../../src/model/limits.ts';

test('the feed is asked for what is drawn, in words that cannot be taken for others', () => {
  expect(livePath({})).toBe('/api/v1/live');
  expect(livePath({ client: 'web-1:a&metric=x' })).toBe('/api/v1/live?client=web-1%3Aa%26metric%3Dx');
  const { searchParams } = new URL(livePath({ metrics: FLEET_METRICS }), 'http://127.0.0.1');
  expect(searchParams.get('metric')?.split(',')).toEqual(FLEET_METRICS);
  expect(FLEET_METRICS.length).toBeLessThanOrEqual(LIMITS.liveMetricsMax);
});

test.each([
  ['cpu', 'cpu', {}],
  ['disk_used_percent{mount=/,device=vda1,fstype=ext4}', 'disk_used_percent', { mount: '/', device: 'vda1', fstype: 'ext4' }],
  ['m{a=1=2}', 'm', { a: '1=2' }],
  ['m{a=x, y and z,b=2}', 'm', { a: 'x, y and z', b: '2' }],
  ['m{a=}', 'm', { a: '' }],
  ['m{a={b}}', 'm', { a: '{b}' }],
  ['m{unfinished', 'm{unfinished', {}],
  ['m{}', 'm', {}],
])('%s is read', (key, metric, labels) => expect(parseLiveKey(key)).toEqual({ metric, labels }));

test('a planted name and label come through as they are', () => {
  const planted = '<img src=x onerror=alert(1)>';
  expect(parseLiveKey(`${planted}{a=${planted}}`)).toEqual({ metric: planted, labels: { a: planted } });
});

test('whatever the server writes, the page reads back', () => {
  const name = fc.stringMatching(/^[a-z_][a-z0-9_.:/-]{0,20}$/);
  const label = fc.stringMatching(/^[a-z_][a-z0-9_.-]{0,10}$/);
  const labels = fc.dictionary(label, fc.stringMatching(/^[^,\0]{0,20}$/), { maxKeys: 5, noNullPrototype: true });
  fc.assert(
    fc.property(name, labels, (metric, given) => {
      const pairs = Object.entries(given).map(([key, value]) => `${key}=${value}`);
      const key = pairs.length === 0 ? metric : `${metric}{${pairs.join(',')}}`;
      expect(parseLiveKey(key)).toEqual({ metric, labels: given });
    }),
  );
});

test('the order of labels makes no other series, their values do', () => {
  expect(seriesId('m', { a: '1', b: '2' })).toBe(seriesId('m', { b: '2', a: '1' }));
  expect(seriesId('m', { a: '1' })).not.toBe(seriesId('m', { a: '2' }));
  expect(seriesId('m', {})).not.toBe(seriesId('m', { a: '' }));
});

test('nanoseconds in text are cut to milliseconds without a double in between', () => {
  expect(timestampMs(1_763_910_767_123)).toBe(1_763_910_767_123);
  expect(timestampMs('1763910767123999999')).toBe(1_763_910_767_123);
});
