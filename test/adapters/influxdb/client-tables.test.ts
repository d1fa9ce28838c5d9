/** Clients that are read together cost one query, and each is told what is its own. */
import { flux } from '@influxdata/influxdb-client';
import { expect, test } from 'vitest';
import { type ClientQuery, clientTables } from '../../../src/adapters/influxdb/client-tables.ts';
import type { FluxTable } from '../../../src/adapters/influxdb/flux-tables.ts';
import type { RunFlux } from '../../../src/adapters/influxdb/query.ts';
import { influxTimeSeriesStore } from '../../../src/adapters/influxdb/time-series-store.ts';
import { systemClock } from '../../../src/adapters/system/clock.ts';
import { metricReader } from '../../../src/consumers/reader.ts';
import { fieldsRead } from '../../../src/edge/window-fold.ts';
import { MetricStreamError } from '../../../src/model/errors.ts';
import { LIMITS } from '../../../src/model/limits.ts';

const EACH: ClientQuery = (isTheirs) => flux`each |> filter(fn: (r) => ${isTheirs})`;
const LAST: ClientQuery = (isTheirs) => flux`last |> filter(fn: (r) => ${isTheirs})`;

/** An InfluxDB with two rows of every host, in tables of their own, and none of `silent`. */
function influx(fails: (hosts: readonly string[]) => unknown = () => undefined) {
  const queries: string[] = [];
  const run: RunFlux = async (query, what) => {
    const text = String(query);
    const hosts = [...text.matchAll(/r\.host == "([^"]*)"/g)].map(([, host]) => host ?? '');
    queries.push(`${text.split(' ')[0]} ${hosts.join(' ')}: ${what}`);
    const failure = fails(hosts);
    if (failure !== undefined) throw failure;
    // Those of one host do not stand together.
    return ['cpu', 'disk'].flatMap((metric) =>
      hosts.filter((host) => host !== 'silent').map((host): FluxTable => tableOf(host, metric)),
    );
  };
  return { queries, read: clientTables(run) };
}

function tableOf(host: string, metric: string): FluxTable {
  const tags = new Map([
    ['host', host],
    ['metric_name', metric],
  ]);
  return { result: '', tags, timesMs: [], timesNs: [], numbers: [1], texts: [] };
}

function metricsOf(tables: readonly FluxTable[]): string[] {
  return tables.map(({ tags }) => `${tags.get('host')} ${tags.get('metric_name')}`);
}

test('what is asked alike in one go is one query, up to the most that one asks about', async () => {
  const { queries, read } = influx();
  const clients = ['a', 'b', 'silent', '%00', 'e', 'f'];
  const found = await Promise.all(clients.map((client) => read(client === '%00' ? '' : client, EACH, 'here')));
  expect(found.map(metricsOf)).toEqual(clients.map((one) => (one === 'silent' ? [] : [`${one} cpu`, `${one} disk`])));
  expect(LIMITS.influxClientsPerQueryMax).toBe(4);
  expect(queries).toEqual([
    'each a b silent %00: for what is kept of a and 3 more here',
    'each e f: for what is kept of e and 1 more here',
  ]);
});

test('other words, another place or a later turn are a query of their own', async () => {
  const { queries, read } = influx();
  await Promise.all([read('a', EACH, 'here'), read('b', LAST, 'here'), read('c', EACH, 'there'), read('d', EACH, 'here')]);
  await read('e', EACH, 'here');
  expect(queries).toEqual([
    'each a d: for what is kept of a and 1 more here',
    'last b: for what is kept of b here',
    'each c: for what is kept of c there',
    'each e: for what is kept of e here',
  ]);
});

test('who asks about the same client at once is told the same', async () => {
  const { queries, read } = influx();
  const [one, other] = await Promise.all([read('a', EACH, 'here'), read('a', EACH, 'here')]);
  expect([one, other].map((tables) => metricsOf(tables ?? []))).toEqual(Array(2).fill(['a cpu', 'a disk']));
  expect(queries).toEqual(['each a: for what is kept of a here']);
});

test('what is too much of several is asked of each', async () => {
  const { queries, read } = influx((hosts) => {
    return hosts.length > 1 || hosts[0] === 'huge' ? new MetricStreamError('too_many_points') : undefined;
  });
  const found = await Promise.allSettled(['a', 'huge', 'c'].map((client) => read(client, EACH, 'here')));
  expect(found.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(queries).toHaveLength(4);
});

test('a query that fails has failed for all of its clients, and is not asked again', async () => {
  const { queries, read } = influx(() => new MetricStreamError('unavailable'));
  const found = await Promise.allSettled(['a', 'b'].map((client) => read(client, EACH, 'here')));
  expect(found).toMatchObject(Array(2).fill({ status: 'rejected', reason: { code: 'unavailable' } }));
  expect(queries).toHaveLength(1);
});

/** What a reader asks InfluxDB about eight hosts of which nothing is kept, its lists of them left out. */
async function askedOf(days: number): Promise<string[]> {
  const hosts = Array.from({ length: 8 }, (_, i) => `web-${i}`);
  const queries: string[] = [];
  const listed = `#datatype,string,long,string\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n${hosts
    .map((host) => `,,0,${host}`)
    .join('\r\n')}\r\n`;
  const clock = systemClock();
  const store = influxTimeSeriesStore({
    url: 'http://influx.example',
    org: 'o',
    token: 't',
    bucketPrefix: '',
    clock,
    fetch: async (_url, { body }) => {
      const { query } = JSON.parse(String(body)) as { query: string };
      queries.push(query);
      return new Response(query.includes('schema.tagValues') ? listed : '');
    },
  });
  const reader = metricReader({
    clock,
    store,
    pipelines: () => [],
    allHere: () => false,
    pipelineOf: () => undefined,
    readsAhead: LIMITS.readsAheadMax,
    replayed: () => true,
  });
  const range = { startMs: Date.UTC(2026, 10, 24), endMs: Date.UTC(2026, 10, 24 + days) };
  const what = { tenant: 'acme', client: undefined, metric: undefined, labels: {}, resolution: '1m', open: true } as const;
  for await (const _windows of reader.windows({ ...range, ...what, fields: fieldsRead(['avg']) }));
  return queries.filter((query) => !query.includes('schema.tagValues'));
}

function countOf(query: string, words: string): number {
  return query.split(words).length - 1;
}

test('a query over many hosts asks InfluxDB once for four of them, and only for the fields that it reads', async () => {
  const asked = await askedOf(1);
  // Whole hours of each half, and, as there are none, the points of all.
  expect(asked.map((query) => [countOf(query, 'r["_field"] == "packed"'), countOf(query, 'r.host ==')])).toEqual([
    [1, 4],
    [1, 4],
    [0, 8],
    [0, 8],
  ]);
  const fields = new Set([...(asked[3] ?? '').matchAll(/r\["_field"\] == "(\w+)"/g)].map(([, field]) => field));
  expect([...fields].sort()).toEqual(['count', 'kind', 'revision', 'sum', 'unit']);
});

test('a long range is asked of each host by itself', async () => {
  const asked = await askedOf(3);
  expect(asked.map((query) => countOf(query, 'r.host =='))).toEqual([...Array(8).fill(1), ...Array(8).fill(2)]);
});
