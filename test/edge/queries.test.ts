/** What queries answer, in each form, and which they refuse. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import type { MetricReader, WindowQuery } from '../../src/ports/metric-reader.ts';
import { createEdge, NOW_MS } from './harness.ts';
import { CPU, column, edgeWithData, get, HOUR_START, MINUTE, RANGE, readerOf } from './query-lab.ts';

describe('windows', () => {
  test('are minutes aligned to the epoch, with their aggregates', async () => {
    const { json, status } = await get(await edgeWithData(), '/api/v1/windows', { metric: 'cpu', client: 'a', ...RANGE });
    expect(status).toBe(200);
    const { windows } = json as { windows: unknown[] };
    expect(windows).toHaveLength(10);
    expect(windows[3]).toEqual({
      client_id: 'a',
      metric: 'cpu',
      labels: {},
      start: HOUR_START + 3 * MINUTE,
      count: 2,
      sum: 13,
      min: 6,
      max: 7,
      avg: 6.5,
      revision: 1,
    });
  });

  test('lie in [start, end) by their start', async () => {
    const edge = await edgeWithData();
    const starts = async (start: number, end: number): Promise<number[]> => {
      const { json } = await get(edge, '/api/v1/windows', { client: 'a', start, end });
      return (json as { windows: { start: number }[] }).windows.map((window) => (window.start - HOUR_START) / MINUTE);
    };
    expect(await starts(HOUR_START + MINUTE, HOUR_START + 3 * MINUTE)).toEqual([1, 2]);
    expect(await starts(HOUR_START + MINUTE + 1, HOUR_START + 3 * MINUTE + 1)).toEqual([2, 3]);
    expect(await starts(HOUR_START, HOUR_START)).toEqual([]);
  });

  test('of a step are the fold of whole minutes, whatever part of it the range cuts', async () => {
    const edge = await edgeWithData();
    const { json } = await get(edge, '/api/v1/windows', {
      client: 'a',
      start: HOUR_START - 1,
      end: HOUR_START + 6 * MINUTE,
      step: '5m',
    });
    expect(json).toMatchObject({
      windows: [
        { start: HOUR_START, count: 10, sum: 45, min: 0, max: 9, avg: 4.5 },
        { start: HOUR_START + 5 * MINUTE, count: 10, sum: 145, min: 10, max: 19 },
      ],
    });
    const later = await get(edge, '/api/v1/windows', {
      client: 'a',
      start: HOUR_START + 1,
      end: HOUR_START + 6 * MINUTE,
      step: '5m',
    });
    expect(later.json).toMatchObject({ windows: [{ start: HOUR_START + 5 * MINUTE, sum: 145 }] });
  });

  test('of an hour are the fold of its minutes', async () => {
    const { json } = await get(await edgeWithData(), '/api/v1/windows', { client: 'a', ...RANGE, resolution: '1h' });
    expect(json).toMatchObject({ windows: [{ start: HOUR_START, count: 20, sum: 190 }] });
  });

  test('are chosen by labels', async () => {
    const edge = await edgeWithData();
    const all = await get(edge, '/api/v1/windows', { metric: 'disk_reads', ...RANGE });
    expect((all.json as { windows: unknown[] }).windows).toHaveLength(20);
    const one = await get(edge, '/api/v1/windows', { 'label.device': 'vdb', ...RANGE });
    expect((one.json as { windows: { labels: object }[] }).windows.map(({ labels }) => labels)).toEqual(
      Array.from({ length: 10 }, () => ({ device: 'vdb' })),
    );
    expect((await get(edge, '/api/v1/windows', { 'label.device': 'vdc', ...RANGE })).json).toEqual({ windows: [] });
  });

  test('say the fields that were asked for, in the one order', async () => {
    const { text } = await get(await edgeWithData(), '/api/v1/windows', {
      client: 'a',
      start: HOUR_START,
      end: HOUR_START + MINUTE,
      fields: 'increase,avg,first,last',
    });
    expect(text).toBe(
      `{"windows":[{"client_id":"a","metric":"cpu","labels":{},"start":${HOUR_START},"avg":0.5,"first":0,"last":1,"increase":1}]}`,
    );
  });

  test('as columns are aligned to one axis, with null where there is no window', async () => {
    const edge = await edgeWithData();
    const { json } = await get(edge, '/api/v1/windows', {
      start: HOUR_START - 2 * MINUTE,
      end: HOUR_START + 2 * MINUTE,
      format: 'columns',
      fields: 'avg,count',
    });
    expect(json).toEqual({
      start: HOUR_START - 2 * MINUTE,
      step: MINUTE,
      series: [
        { client_id: 'a', metric: 'cpu', labels: {}, unit: 'percent', avg: [null, null, 0.5, 2.5], count: [null, null, 2, 2] },
        {
          client_id: 'b',
          metric: 'disk_reads',
          labels: { device: 'vda' },
          unit: 'per_second',
          avg: [null, null, 0.5, 2.5],
          count: [null, null, 2, 2],
        },
        {
          client_id: 'b',
          metric: 'disk_reads',
          labels: { device: 'vdb' },
          unit: 'per_second',
          avg: [null, null, 1, 5],
          count: [null, null, 2, 2],
        },
      ],
    });
  });

  test('as CSV are one line each', async () => {
    const { text, type } = await get(await edgeWithData(), '/api/v1/windows', {
      'label.device': 'vda',
      start: HOUR_START,
      end: HOUR_START + 2 * MINUTE,
      format: 'csv',
    });
    expect(type).toBe('text/csv; charset=utf-8; header=present');
    expect(text.split('\r\n')).toEqual([
      'client_id,metric,labels,start,count,sum,min,max,avg,revision,open',
      `b,disk_reads,"{""device"":""vda""}",${HOUR_START},2,1,0,1,0.5,1,false`,
      `b,disk_reads,"{""device"":""vda""}",${HOUR_START + MINUTE},2,5,2,3,2.5,1,false`,
      '',
    ]);
  });

  test('that are open come only when asked for, and say so', async () => {
    const edge = createEdge();
    await edge.push(
      { client_id: 'a', metrics: [{ name: 'cpu', value: 5, timestamp: NOW_MS - 1000 }] },
      { key: await edge.key() },
    );
    const range = { start: NOW_MS - 5 * MINUTE, end: NOW_MS };
    expect((await get(edge, '/api/v1/windows', range)).json).toEqual({ windows: [] });
    const open = await get(edge, '/api/v1/windows', { ...range, open: 'true' });
    expect(open.json).toMatchObject({ windows: [{ count: 1, sum: 5, open: true }] });
    const columns = await get(edge, '/api/v1/windows', { ...range, open: 'true', format: 'columns', step: '5m' });
    expect(columns.json).toMatchObject({ series: [{ open_from: expect.any(Number) }] });
  });
});

test('a step’s revision rises with each correction inside, and it is open as long as one window inside is', async () => {
  const columns = [
    column(CPU, [
      [HOUR_START, 1, 3],
      [HOUR_START + MINUTE, 2, 2],
      [HOUR_START + 5 * MINUTE, 3, 1],
      [HOUR_START + 6 * MINUTE, 4, 1],
    ]),
  ];
  const edge = createEdge({ reader: readerOf({ client: 'a', openFromMs: HOUR_START + 6 * MINUTE, columns }) });
  const { json } = await get(edge, '/api/v1/windows', { ...RANGE, step: '5m', open: 'true' });
  const { windows } = json as { windows: Record<string, unknown>[] };
  expect(windows.map(({ revision, open }) => [revision, open])).toEqual([
    [4, undefined],
    [1, true],
  ]);
});

test('samples come back bit for bit, times to the nanosecond', async () => {
  const edge = createEdge();
  const ns = `${NOW_MS - 1000}000001`;
  const values = [-0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, -1.5];
  const metrics = values.map((value, i) => ({ name: `m${i}`, value, timestamp: i === 0 ? ns : NOW_MS - 2000, unit: 'widgets' }));
  const body = JSON.stringify({ client_id: 'a', metrics }).replace('"value":0,', '"value":-0,');
  await edge.push(body, { key: await edge.key() });
  const { json } = await get(edge, '/api/v1/samples', { start: NOW_MS - 3000, end: NOW_MS });
  const { samples } = json as { samples: { metric: string; value: number; timestamp: number | string; unit: string }[] };
  const byName = new Map(samples.map((sample) => [sample.metric, sample]));
  values.forEach((value, i) => {
    expect(Object.is(byName.get(`m${i}`)?.value, value)).toBe(true);
  });
  expect(byName.get('m0')?.timestamp).toBe(ns);
  expect(byName.get('m1')).toEqual({
    client_id: 'a',
    metric: 'm1',
    labels: {},
    unit: 'widgets',
    timestamp: NOW_MS - 2000,
    value: 5e-324,
  });
  const csv = await get(edge, '/api/v1/samples', { start: NOW_MS - 3000, end: NOW_MS, format: 'csv', metric: 'm0' });
  expect(csv.text).toBe(`client_id,metric,labels,unit,timestamp,value\r\na,m0,{},widgets,${ns},-0\r\n`);
});

test('a cell that a spreadsheet would run as a formula is text', async () => {
  const edge = createEdge();
  const metrics = ['=1+1', '@SUM(A1)', '+1', '-1', 'a"b', 'a,b'].map((unit, i) => ({
    name: `m${i}`,
    value: 1,
    timestamp: NOW_MS,
    unit,
  }));
  await edge.push({ client_id: '-host', metrics }, { key: await edge.key() });
  const { text } = await get(edge, '/api/v1/samples', { start: NOW_MS, end: NOW_MS + 1, format: 'csv' });
  expect(
    text
      .split('\r\n')
      .slice(1, -1)
      .map((line) => line.split(`,${NOW_MS},1`)[0]),
  ).toEqual([
    "'-host,m0,{},'=1+1",
    "'-host,m1,{},'@SUM(A1)",
    "'-host,m2,{},'+1",
    "'-host,m3,{},'-1",
    `'-host,m4,{},"a""b"`,
    `'-host,m5,{},"a,b"`,
  ]);
});

test('clients are listed with what each should have sent and what arrived', async () => {
  const edge = createEdge();
  const bad = { name: 'cpu', value: -1, timestamp: NOW_MS };
  const good = { name: 'cpu', value: 1, timestamp: NOW_MS };
  const headers = { 'x-sent-at': String(NOW_MS - 250), 'x-datacenter': 'fra' };
  await edge.push({ client_id: 'b', metrics: [good, bad] }, { key: await edge.key(), headers });
  await edge.push({ client_id: 'a', metrics: [] }, { key: await edge.key() });
  expect((await get(edge, '/api/v1/clients', {})).json).toEqual({
    clients: [
      {
        client_id: 'a',
        last_seen: NOW_MS,
        skew_ms: null,
        datacenter: null,
        environment: null,
        pushes: { expected: 1, received: 1, duplicate: 0, late: 0, conflict: 0 },
        samples: { stored: 0, duplicate: 0, conflict: 0, rejected: {} },
      },
      {
        client_id: 'b',
        last_seen: NOW_MS,
        skew_ms: 250,
        datacenter: 'fra',
        environment: null,
        pushes: { expected: 1, received: 1, duplicate: 0, late: 0, conflict: 0 },
        samples: { stored: 1, duplicate: 0, conflict: 0, rejected: { out_of_range: 1 } },
      },
    ],
  });
  expect((await get(edge, '/api/v1/clients', { client: 'b' })).json).toMatchObject({ clients: [{ client_id: 'b' }] });
});

test('metrics are listed with their series and how many clients have them', async () => {
  const edge = await edgeWithData();
  expect((await get(edge, '/api/v1/metrics', {})).json).toEqual({
    metrics: [
      { name: 'cpu', unit: 'percent', kind: 'gauge', clients: 1, series: [{ labels: {} }] },
      {
        name: 'disk_reads',
        unit: 'per_second',
        kind: 'gauge',
        clients: 1,
        series: [{ labels: { device: 'vda' } }, { labels: { device: 'vdb' } }],
      },
    ],
  });
});

test('all that there is can be asked for; the reader is asked only where there can be data', async () => {
  const edge = await edgeWithData();
  let asked: WindowQuery | undefined;
  const { windows } = edge.deps.reader;
  const noting: MetricReader['windows'] = (query) => {
    asked = query;
    return windows(query);
  };
  Object.assign(edge.deps.reader, { windows: noting });
  const { json } = await get(edge, '/api/v1/windows', { client: 'a', start: 0, end: 999_999_999_999_999, step: '5m' });
  expect((json as { windows: unknown[] }).windows).toHaveLength(2);
  expect(asked?.startMs).toBe(Math.floor((edge.clock.nowMs() - LIMITS.queryBackMsMax) / 300_000) * 300_000);
  expect(asked?.endMs).toBeLessThan(edge.clock.nowMs() + LIMITS.queryAheadMsMax + 300_000);
  expect((await get(edge, '/api/v1/samples', { start: 999_999_999_999_998, end: 999_999_999_999_999 })).json).toEqual({
    samples: [],
  });
});
