/** Our JSON push: one bad metric never costs the good ones, and the fast path means exactly what the slow one does. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Shape } from '../../src/model/series.ts';
import { type DecodedPush, decodeJsonPush, type PushContext } from '../../src/protocols/json.ts';
import { BodyTemplates } from '../../src/protocols/json-template.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { bodyOf, NOW_MS, nearMiss, PUSHES } from './json-bodies.ts';

const shapes = shapeInterner();

function contextWith(hint: Shape | undefined): PushContext {
  let stamps = 0;
  return {
    shapes,
    templates: new BodyTemplates(),
    nowMs: NOW_MS,
    sampleAgeMsMax: 86_400_000,
    hint: () => hint,
    stamp: () => ({ ms: NOW_MS, ns: stamps++ }),
  };
}

const decode = (body: Uint8Array | string, hint?: Shape): DecodedPush =>
  decodeJsonPush(typeof body === 'string' ? new TextEncoder().encode(body) : body, contextWith(hint));
const push = (metrics: readonly unknown[]): DecodedPush => decode(bodyOf(metrics));
const codes = (metrics: readonly unknown[]): string[] => push(metrics).rejections.map(({ code }) => code);
const code = (fields: Record<string, unknown>): string | undefined => codes([{ name: 'queue', value: 1, ...fields }])[0];

describe('the fast path', () => {
  test('gives exactly what the slow path gives, for 20,000 bodies that are the same or nearly so', () => {
    let same = 0;
    fc.assert(
      fc.property(nearMiss, ({ known, metrics }) => {
        const hint = push(known).shape;
        const body = bodyOf(metrics);
        const hinted = decode(body, hint);
        const { shape, ...rest } = decode(body);
        expect(hinted.shape).toBe(shape);
        expect(hinted).toEqual({ shape, ...rest });
        if (shape === hint) same += 1;
      }),
      { numRuns: 20_000 },
    );
    expect(same).toBeGreaterThan(2_000);
  });

  test.each(PUSHES.map((metrics, i) => [i, metrics] as const))(
    'brings back push %i with the values and times it had',
    (_i, metrics) => {
      const { shape } = push(metrics);
      const { values, timesMs, rejections } = decode(bodyOf(metrics), shape);
      expect(rejections).toEqual([]);
      expect([...values]).toEqual(metrics.map(({ value }) => value));
      const times = metrics.map(({ timestamp }) => Math.floor(Number(timestamp)));
      expect([...timesMs]).toEqual(new Set(times).size === 1 ? times.slice(0, 1) : times);
    },
  );
});

describe('a body', () => {
  test.each([
    ['empty_body', ''],
    ['invalid_json', '{"metrics":[{'],
    ['invalid_json', '{"metrics":[{"name":"a","value":NaN}]}'],
    ['invalid_json', '{"metrics":[]} trailing'],
    ['invalid_body', '5'],
    ['invalid_body', 'null'],
    ['invalid_body', '[]'],
    ['invalid_body', '{}'],
    ['invalid_body', '{"metrics":{}}'],
    ['invalid_body', '{"client_id":5,"metrics":[]}'],
    ['too_many_metrics', `{"metrics":[${'0,'.repeat(1_000)}0]}`],
  ])('is refused as %s: %.40s', (expected, body) => {
    expect(() => decode(body)).toThrow(expect.objectContaining({ code: expected }));
  });

  test('that is no UTF-8 is refused, not mended', () => {
    expect(() => decode(Uint8Array.of(0x7b, 0xff))).toThrow(expect.objectContaining({ code: 'invalid_encoding' }));
  });

  test('may begin with a byte order mark and hold fields that a newer agent sends', () => {
    const decoded = decode('\ufeff{"client_id":"a","version":2,"metrics":[{"name":"q","value":1,"exemplar":{}}]}');
    expect([decoded.clientId, decoded.metrics, decoded.rejections]).toEqual(['a', 1, []]);
  });

  test('of a million nested arrays is answered, not a stack overflow', () => {
    const metrics = `{"metrics":[${'['.repeat(100_000)}${']'.repeat(100_000)}]}`;
    expect(decode(metrics).rejections.map((one) => one.code)).toEqual(['invalid_metric']);
  });

  test('without metrics is a heartbeat', () => {
    const { shape, values, timesMs, metrics } = push([]);
    expect([shape.series, [...values], [...timesMs], metrics]).toEqual([[], [], [], 0]);
  });
});

describe('a metric', () => {
  test.each([
    ['invalid_name', { name: '' }],
    ['invalid_name', { name: 'x'.repeat(201) }],
    ['invalid_name', { name: 'a\u0000b' }],
    ['invalid_value', { value: '1' }],
    ['invalid_value', { value: null }],
    ['invalid_labels', { labels: [] }],
    ['invalid_labels', { labels: { a: 1 } }],
    ['invalid_labels', { labels: { 'a b': 'x' } }],
    ['invalid_labels', { labels: { a: 'x'.repeat(257) } }],
    ['invalid_labels', { labels: { a: 'line\nbreak' } }],
    ['invalid_labels', { labels: { a: '\ud800' } }],
    ['reserved_label', { labels: { tenant: 'other' } }],
    ['reserved_label', { labels: { host: 'other' } }],
    ['reserved_label', { labels: { __name__: 'other' } }],
    ['reserved_label', { labels: JSON.parse('{"__proto__":"x"}') }],
    ['too_many_labels', { labels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`l${i}`, ''])) }],
    ['invalid_unit', { unit: 5 }],
    ['invalid_unit', { unit: 'x'.repeat(33) }],
    ['unit_mismatch', { name: 'cpu', unit: 'bytes' }],
    ['invalid_kind', { kind: 'histogram' }],
    ['invalid_kind', { name: 'cpu', kind: 'counter' }],
    ['out_of_range', { name: 'cpu', value: 100.1 }],
    ['out_of_range', { name: 'memory_used', value: -1 }],
    ['invalid_timestamp', { timestamp: 'yesterday' }],
    ['sample_too_old', { timestamp: NOW_MS - 25 * 3_600_000 }],
    ['sample_in_future', { timestamp: NOW_MS + 11 * 60_000 }],
  ])('is refused as %s: %j', (expected, fields) => {
    expect(code(fields)).toBe(expected);
  });

  test.each([
    [{}],
    [{ value: -0 }],
    [{ value: 5e-324 }],
    [{ name: 'constructor', labels: { constructor: 'x', toString: '' } }],
    [{ labels: null, unit: null, kind: null, timestamp: null }],
    [{ labels: { a: 'x'.repeat(256) }, unit: 'é'.repeat(32) }],
    [{ timestamp: NOW_MS - 86_400_000 }],
    [{ timestamp: NOW_MS + 600_000 }],
  ])('is taken: %j', (fields) => {
    expect(code(fields)).toBeUndefined();
  });

  test('that is 1e999 is refused: it would be Infinity', () => {
    expect(decode('{"metrics":[{"name":"a","value":1e999}]}').rejections[0]?.code).toBe('invalid_value');
  });

  test('that is bad costs only itself; the others keep their places in the body', () => {
    const decoded = push([{ name: 'a', value: 1 }, null, { name: 'b', value: 'x' }, { name: 'c', value: 2 }]);
    expect(decoded.rejections.map(({ index, code: reason }) => [index, reason])).toEqual([
      [1, 'invalid_metric'],
      [2, 'invalid_value'],
    ]);
    expect(decoded.shape.series.map(({ name }) => name)).toEqual(['a', 'c']);
    expect([[...decoded.values], [...(decoded.indices ?? [])], decoded.metrics]).toEqual([[1, 2], [0, 3], 4]);
  });

  test('of the catalogue has its unit, said or not; labels make a series in any order', () => {
    const labelled = { value: 1, labels: { mount: '/', device: 'vda' } };
    const turned = { value: 1, labels: { device: 'vda', mount: '/' }, unit: 'bytes' };
    const { shape } = push([{ name: 'disk_used', ...labelled }]);
    expect(push([{ name: 'disk_used', ...turned }]).shape).toBe(shape);
    expect(shape.series[0]?.unit).toBe('bytes');
  });
});

describe('times', () => {
  test('that are left out are one stamp for all, and a later one for each repeat of a series', () => {
    const decoded = push([
      { name: 'a', value: 1 },
      { name: 'b', value: 2 },
      { name: 'a', value: 3 },
      { name: 'c', value: 4, timestamp: NOW_MS - 1 },
    ]);
    expect([...decoded.timesMs]).toEqual([NOW_MS, NOW_MS, NOW_MS, NOW_MS - 1]);
    expect([...(decoded.timesNs ?? [])]).toEqual([0, 0, 1, 0]);
    expect(decoded.stamped).toBe(true);
  });

  test('to the nanosecond are kept so', () => {
    const decoded = push([{ name: 'a', value: 1, timestamp: `${NOW_MS}456789` }]);
    expect([[...decoded.timesMs], [...(decoded.timesNs ?? [])], decoded.stamped]).toEqual([[NOW_MS], [456789], false]);
  });
});
