/** Queries that are refused: what is wrong with them, too much of an answer, too many at once. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import type { MetricReader } from '../../src/ports/metric-reader.ts';
import type { WindowColumn } from '../../src/ports/time-series-store.ts';
import { createEdge, NOW_MS } from './harness.ts';
import { CPU, column, get, HOUR_START, MINUTE, RANGE, readerOf } from './query-lab.ts';

describe('a query is refused, and told which parameter is wrong', () => {
  const rows: readonly (readonly [string, string, Record<string, string | number>, string])[] = [
    ['start after end', 'windows', { start: 2, end: 1 }, 'start'],
    ['no start', 'windows', { end: 1 }, 'start'],
    ['no end', 'samples', { start: 1 }, 'end'],
    ['an empty start', 'windows', { start: '', end: 1 }, 'start'],
    ['a start that is no number', 'windows', { start: 'yesterday', end: 1 }, 'start'],
    ['a start before the epoch', 'windows', { start: -1, end: 1 }, 'start'],
    ['an exponent', 'windows', { start: 0, end: '1e3' }, 'end'],
    ['a resolution that there is not', 'windows', { start: 0, end: 1, resolution: '1s' }, 'resolution'],
    ['a step of seconds over ten years', 'windows', { start: 0, end: 315_360_000_000, step: '1s' }, 'step'],
    ['a step between the minutes', 'windows', { start: 0, end: 1, step: '90s' }, 'step'],
    ['a step between the hours', 'windows', { start: 0, end: 1, step: '90m', resolution: '1h' }, 'step'],
    ['a step that is none', 'windows', { start: 0, end: 1, step: '5 minutes' }, 'step'],
    ['a format that there is not', 'windows', { start: 0, end: 1, format: 'xml' }, 'format'],
    ['samples as columns', 'samples', { start: 0, end: 1, format: 'columns' }, 'format'],
    ['a field that there is not', 'windows', { start: 0, end: 1, fields: 'avg,p99' }, 'fields'],
    ['open that is neither', 'windows', { start: 0, end: 1, open: 'yes' }, 'open'],
    ['a client that can be none', 'windows', { start: 0, end: 1, client: "a' OR 1=1" }, 'client'],
    ['a parameter that is a typo', 'windows', { start: 0, end: 1, resolutoin: '1h' }, 'resolutoin'],
    ['a key, which does not belong in a URL', 'windows', { start: 0, end: 1, key: 'x' }, 'key'],
    ['__proto__', 'windows', { start: 0, end: 1, __proto__x: 'x' }, '__proto__x'],
    ['a parameter of another query', 'clients', { metric: 'cpu' }, 'metric'],
    ['any parameter, where none is taken', 'metrics', { client: 'a' }, 'client'],
  ];
  test.each(rows)('%s', async (_, path, query, field) => {
    const { status, json } = await get(createEdge(), `/api/v1/${path}`, query);
    expect(status).toBe(422);
    expect(json).toMatchObject({ code: 'invalid_query', detail: expect.stringContaining(field) });
  });

  test.each(['start=1&start=2&end=3', 'start=1&end=2&label.a=1&label.a=2', 'start=1&end=2&__proto__=3'])('%s', async (query) => {
    const edge = createEdge();
    const response = await edge.send('GET', `/api/v1/windows?${query}`, { key: await edge.key({ role: 'read' }) });
    expect(response.status).toBe(422);
  });
});

describe('an answer that would be too large', () => {
  const long = (count: number): WindowColumn =>
    column(
      CPU,
      Array.from({ length: count }, (_, i) => [HOUR_START + i * MINUTE, i, 1] as const),
    );
  const range = { start: HOUR_START, end: HOUR_START + 60_000 * MINUTE };

  test('is refused with cap and count, and not read on for', async () => {
    let read = 0;
    const reader: MetricReader = {
      ...readerOf(),
      async *windows() {
        for (; read < 100; read++) yield { client: `c${read}`, openFromMs: Number.POSITIVE_INFINITY, columns: [long(60_000)] };
      },
    };
    const { status, json } = await get(createEdge({ reader }), '/api/v1/windows', range);
    expect(status).toBe(422);
    expect(json).toMatchObject({
      code: 'too_many_points',
      detail: expect.stringMatching(/at least 120000 windows; the limit is 100000/),
    });
    expect(read).toBe(1);
  });

  test('at the bound is answered', async () => {
    const columns = [long(60_000), long(40_000)];
    const reader = readerOf({ client: 'a', openFromMs: Number.POSITIVE_INFINITY, columns });
    const { status, json } = await get(createEdge({ reader }), '/api/v1/windows', range);
    expect(status).toBe(200);
    expect((json as { windows: unknown[] }).windows).toHaveLength(LIMITS.pointsMax);
  });

  test('as columns is refused before anything is read, if one series is too long', async () => {
    const edge = createEdge({ reader: readerOf({ client: 'a', openFromMs: Number.POSITIVE_INFINITY, columns: [long(1)] }) });
    const { status, json } = await get(edge, '/api/v1/windows', { start: 0, end: 999_999_999_999_999, format: 'columns' });
    expect(status).toBe(422);
    expect(json).toMatchObject({ code: 'too_many_points', detail: expect.stringContaining(String(LIMITS.columnPointsMax)) });
  });

  test('of samples is refused with cap and count', async () => {
    const values = new Float64Array(LIMITS.pointsMax + 1);
    const block = { timesMs: values, timesNs: undefined, columns: [{ series: CPU, rows: undefined, values }] };
    const reader: MetricReader = {
      ...readerOf(),
      async *samples() {
        yield { client: 'a', block };
      },
    };
    const { status, json } = await get(createEdge({ reader }), '/api/v1/samples', RANGE);
    expect(status).toBe(422);
    expect(json).toMatchObject({ detail: expect.stringMatching(/100001 samples; the limit is 100000/) });
  });
});

describe('queries share the server', () => {
  const hanging: MetricReader = { ...readerOf(), clients: () => new Promise(() => {}) };

  test('so many at once, then 503; and a place is given back', async () => {
    const edge = createEdge({ reader: hanging });
    const key = await edge.key({ role: 'read' });
    const running = Array.from({ length: LIMITS.queriesConcurrentMax }, () => edge.send('GET', '/api/v1/clients', { key }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const refused = await edge.send('GET', '/api/v1/clients', { key });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    edge.clock.advance(LIMITS.queryTimeoutMs * 1.25);
    for (const response of await Promise.all(running)) expect(response.status).toBe(503);
    expect((await edge.send('GET', '/api/v1/metrics', { key })).status).toBe(200);
  });

  test('a stream holds its place until it is read or left', async () => {
    const columns = [column(CPU, [[HOUR_START, 1, 1]])];
    const clients = Array.from({ length: 9 }, (_, i) => ({ client: `c${i}`, openFromMs: Number.POSITIVE_INFINITY, columns }));
    const edge = createEdge({ reader: readerOf(...clients) });
    const key = await edge.key({ role: 'read' });
    const csv = (): Promise<Response> => edge.send('GET', `/api/v1/windows?start=0&end=${NOW_MS}&format=csv`, { key });
    const streams = await Promise.all(Array.from({ length: LIMITS.queriesConcurrentMax }, csv));
    expect((await csv()).status).toBe(503);
    await streams[0]?.body?.cancel();
    expect((await streams[1]?.text())?.split('\r\n')).toHaveLength(11);
    const after = [await csv(), await csv(), await csv()];
    expect(after.map(({ status }) => status)).toEqual([200, 200, 503]);
    edge.clock.advance(LIMITS.idleTimeoutMs);
    await expect(streams[2]?.text()).rejects.toThrow();
    expect((await csv()).status).toBe(200);
  });

  test('a stream that fails in the middle breaks off, and never looks complete', async () => {
    const reader: MetricReader = {
      ...readerOf(),
      async *windows() {
        yield { client: 'a', openFromMs: Number.POSITIVE_INFINITY, columns: [column(CPU, [[HOUR_START, 1, 1]])] };
        throw new Error('the disk is gone');
      },
    };
    const edge = createEdge({ reader });
    const key = await edge.key({ role: 'read' });
    const response = await edge.send('GET', `/api/v1/windows?start=0&end=${NOW_MS}&format=csv`, { key });
    await expect(response.text()).rejects.toThrow();
  });

  test('a reader is told when nobody reads on', async () => {
    let returned = false;
    const reader: MetricReader = {
      ...readerOf(),
      async *windows() {
        try {
          for (;;) yield { client: 'a', openFromMs: Number.POSITIVE_INFINITY, columns: [column(CPU, [[HOUR_START, 1, 1]])] };
        } finally {
          returned = true;
        }
      },
    };
    const edge = createEdge({ reader });
    const key = await edge.key({ role: 'read' });
    const response = await edge.send('GET', `/api/v1/windows?start=0&end=${NOW_MS}&format=csv`, { key });
    const body = response.body?.getReader();
    await body?.read();
    await body?.read();
    await body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(returned).toBe(true);
  });
});
