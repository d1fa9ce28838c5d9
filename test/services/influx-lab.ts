/** Writers and readers of the real InfluxDB, in buckets of their own that the test deletes. */
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { InfluxConnection } from '../../src/adapters/influxdb/connection.ts';
import { type BucketNames, bucketNames } from '../../src/adapters/influxdb/names.ts';
import { influxPointWriter } from '../../src/adapters/influxdb/point-writer.ts';
import { influxSetup } from '../../src/adapters/influxdb/setup.ts';
import { influxTimeSeriesStore } from '../../src/adapters/influxdb/time-series-store.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { ClientPoints, PointWriter } from '../../src/ports/point-writer.ts';
import type { PlacedClient, StoreBatch, StoreRange, TimeSeriesStore } from '../../src/ports/time-series-store.ts';
import type { ReadableWriter } from '../contract/suites/point-writer.ts';
import type { WritableStore } from '../contract/suites/stored.ts';

export function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: npm run test:services`);
  return value;
}

/** With every right, as the operator has. */
export function influxConnection(): InfluxConnection {
  return {
    url: given('INFLUX_URL'),
    org: given('INFLUX_ORG'),
    token: given('INFLUX_TOKEN'),
    fetch: (url, init) => fetch(url, init),
    clock: systemClock(),
  };
}

const zipped = promisify<Uint8Array, Buffer>(gzip);

/** Of buckets that nobody else has. */
export function freshPrefix(): string {
  return `lab_${randomBytes(6).toString('hex')}_`;
}

const NO_RETENTION = { raw: 0, '1m': 0, '1h': 0 };

export interface InfluxLab {
  readonly connection: InfluxConnection;
  readonly bucketPrefix: string;
  readonly buckets: BucketNames;
  /** A call of the API. @returns its JSON, where there is any. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Each time as if nothing were stored yet. */
  readable(): ReadableWriter;
  writable(): WritableStore;
  close(): Promise<void>;
}

/** Buckets that keep everything: what tests write is as old as it likes. */
export async function influxLab(): Promise<InfluxLab> {
  const connection = influxConnection();
  const bucketPrefix = freshPrefix();
  const buckets = bucketNames(bucketPrefix);
  const setup = influxSetup({ ...connection, bucketPrefix, retentionMs: NO_RETENTION });
  await setup.apply({ ...(await setup.plan()), createsTokens: [] });
  const api = (method: string, path: string, body?: unknown) => callApi(connection, method, path, body);
  let lives = 0;
  const readable = (): ReadableWriter => {
    const life = `~${lives++}`;
    return {
      writer: writerOf(
        influxPointWriter({ ...connection, bucketPrefix, gzip: async (bytes) => new Uint8Array(await zipped(bytes)) }),
        life,
      ),
      store: storeOf(influxTimeSeriesStore({ ...connection, bucketPrefix }), life),
    };
  };
  return {
    connection,
    bucketPrefix,
    buckets,
    api,
    readable,
    writable() {
      const { writer, store } = readable();
      const write = async (batch: StoreBatch): Promise<void> => {
        const { refusedCount } = await writer.write(pointsOf(batch));
        if (refusedCount > 0) throw new Error(`${refusedCount} points were refused`);
      };
      return { store, write };
    },
    close: () => deleteBuckets(api, Object.values(buckets)),
  };
}

async function callApi({ url, token }: InfluxConnection, method: string, path: string, body: unknown): Promise<unknown> {
  const headers = { authorization: `Token ${token}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}/api/v2/${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** And the tokens that were made for them. */
export async function deleteBuckets(api: InfluxLab['api'], names: readonly string[]): Promise<void> {
  const { authorizations } = (await api('GET', 'authorizations')) as { authorizations: { id: string; description: string }[] };
  const own = authorizations.filter(({ description }) => names.some((name) => description.includes(name)));
  for (const { id } of own) await api('DELETE', `authorizations/${id}`);
  for (const name of names) {
    const { buckets } = (await api('GET', `buckets?name=${name}`)) as { buckets: { id: string }[] };
    for (const { id } of buckets) await api('DELETE', `buckets/${id}`);
  }
}

/** Every life is a tenant of its own, whatever the test calls it. */
function writerOf(writer: PointWriter, life: string): PointWriter {
  return { write: (points) => writer.write(points.map((one) => ({ ...one, tenant: one.tenant + life }))) };
}

function storeOf(store: TimeSeriesStore, life: string): TimeSeriesStore {
  const moved = (range: StoreRange): StoreRange => ({ ...range, tenant: range.tenant + life });
  return {
    lastSampleMs: (tenant, client) => store.lastSampleMs(tenant + life, client),
    clients: (tenant, after, max) => store.clients(tenant + life, after, max),
    readSamples: (range) => store.readSamples(moved(range)),
    readWindows: (range, resolution) => store.readWindows(moved(range), resolution),
    retain: (retention, rowsMax) => store.retain(retention, rowsMax),
  };
}

function pointsOf({ raw, windows }: StoreBatch): ClientPoints[] {
  const none = { datacenter: undefined, environment: undefined, samples: [], minutes: [], hours: [], blocks: [] };
  return [
    ...raw.map(({ tenant, client, block }) => ({ ...none, tenant, client, samples: [block] })),
    ...windows.map((write) => ({ ...none, ...placed(write), blocks: [write] })),
  ];
}

function placed({ tenant, client, datacenter, environment }: PlacedClient): PlacedClient {
  return { tenant, client, datacenter, environment };
}
