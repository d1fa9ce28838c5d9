/** What a push goes into and what is read back: the contracts of push-appender, metric-reader and live-feed, which belong together. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import type { Push } from '../../../src/model/push.ts';
import { createSeries, type Labels } from '../../../src/model/series.ts';
import { HOUR_MS, MINUTE_MS } from '../../../src/model/window.ts';
import type { LiveClient, LiveFeed } from '../../../src/ports/live-feed.ts';
import type { MetricReader, WindowQuery } from '../../../src/ports/metric-reader.ts';
import type { AppendOutcome, PushAppender } from '../../../src/ports/push-appender.ts';
import { shapeInterner } from '../../../src/protocols/log-record.ts';

/** A whole hour. */
export const CONTRACT_START_MS = Date.UTC(2026, 0, 5, 7);

export interface Ports {
  readonly appender: PushAppender;
  readonly reader: MetricReader;
  readonly live: LiveFeed;
  nowMs(): number;
  /** Moves time and lets everything that is due happen. */
  advance(ms: number): Promise<void>;
}

/** @param create answers empty ports at CONTRACT_START_MS that give each client this many series. */
export interface PortsUnderTest {
  readonly name: string;
  create(seriesPerClientMax: number): Promise<Ports>;
}

type Value = readonly [name: string, value: number, labels?: Labels];
const SHAPES = shapeInterner();

function pushOf(ports: Ports, client: string, values: readonly Value[], fields: Partial<Push> = {}): Push {
  return {
    tenant: 'acme',
    client,
    arrivalMs: ports.nowMs(),
    ...{ sentMs: undefined, pushId: undefined, traceparent: undefined, datacenter: undefined, environment: undefined },
    ...{ contentHash: 0, correlationId: 'c', stamped: false, rejected: [], timesNs: undefined },
    shape: SHAPES.intern(values.map(([name, , labels = []]) => createSeries(name, labels, 'widgets', 'gauge'))),
    values: Float64Array.from(values, ([, value]) => value),
    timesMs: Float64Array.of(ports.nowMs()),
    ...fields,
  };
}

async function append(ports: Ports, push: Push, requestsPerSecond = 1_000): Promise<AppendOutcome> {
  const outcome = ports.appender.append(push, requestsPerSecond);
  await ports.advance(0);
  return outcome;
}

/** Lets what the reader waits for happen. */
async function all<T>(ports: Ports, items: AsyncIterable<T>): Promise<T[]> {
  const collect = async (): Promise<T[]> => {
    const found: T[] = [];
    for await (const item of items) found.push(item);
    return found;
  };
  let done = false;
  const found = collect().finally(() => {
    done = true;
  });
  while (!done) await ports.advance(0);
  return found;
}

function query(fields: Partial<WindowQuery> = {}): WindowQuery {
  return {
    ...{ tenant: 'acme', client: undefined, metric: undefined, labels: {}, resolution: '1m', open: false },
    startMs: CONTRACT_START_MS - HOUR_MS,
    endMs: CONTRACT_START_MS + 10 * HOUR_MS,
    ...fields,
  };
}

/** Every window as [client, metric, minutes from the start, count, sum]. */
async function windows(ports: Ports, fields: Partial<WindowQuery> = {}): Promise<unknown[]> {
  const clients = await all(ports, ports.reader.windows(query(fields)));
  return clients.flatMap(({ client, columns }) =>
    columns.flatMap(({ series, starts, count, sum }) =>
      [...starts].map((start, i) => [client, series.name, (start - CONTRACT_START_MS) / MINUTE_MS, count[i], sum[i]]),
    ),
  );
}

/** Every sample as [client, metric, ms from the start, value]. */
async function samples(ports: Ports, fields: Partial<WindowQuery> = {}): Promise<unknown[]> {
  const clients = await all(ports, ports.reader.samples(query(fields)));
  return clients.flatMap(({ client, block }) =>
    block.columns.flatMap(({ series, rows, values }) =>
      [...values].map((value, i) => [client, series.name, (block.timesMs[rows?.[i] ?? i] ?? 0) - CONTRACT_START_MS, value]),
    ),
  );
}

export function describePushAppender({ name, create }: PortsUnderTest): void {
  describe(`push-appender: ${name}`, () => {
    test('what is appended is there to be read', async () => {
      const ports = await create(100);
      const outcome = await append(
        ports,
        pushOf(ports, 'a', [
          ['x', -0],
          ['y', 1.5],
        ]),
      );
      expect(outcome).toMatchObject({ kind: 'appended', duplicate: false, rejected: [] });
      expect(await samples(ports)).toEqual([
        ['a', 'x', 0, -0],
        ['a', 'y', 0, 1.5],
      ]);
    });

    test('offsets rise, and the order of a client is kept: of two values for one time the greater counts', async () => {
      const ports = await create(100);
      const offsets: number[] = [];
      for (const value of [1, 3, 2]) {
        const outcome = await append(ports, pushOf(ports, 'a', [['x', value]]));
        if (outcome.kind === 'appended') offsets.push(outcome.offset);
      }
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect(new Set(offsets).size).toBe(3);
      expect(await samples(ports)).toEqual([['a', 'x', 0, 3]]);
    });

    test('a repeat of a push id is a duplicate, also of one that is in flight, and changes nothing', async () => {
      const ports = await create(100);
      const pushId = { boot: 'b', sequence: 0, previous: undefined };
      const first = ports.appender.append(pushOf(ports, 'a', [['x', 1]], { pushId }), 1_000);
      const inFlight = ports.appender.append(pushOf(ports, 'a', [['x', 1]], { pushId }), 1_000);
      await ports.advance(0);
      expect(await first).toMatchObject({ kind: 'appended', duplicate: false });
      expect(await inFlight).toMatchObject({ kind: 'appended', duplicate: true });
      await ports.advance(10);
      expect(await append(ports, pushOf(ports, 'a', [['x', 1]], { pushId }))).toMatchObject({
        kind: 'appended',
        duplicate: true,
      });
      const other = { boot: 'b', sequence: 1, previous: undefined };
      expect(await append(ports, pushOf(ports, 'a', [['x', 2]], { pushId: other }))).toMatchObject({ duplicate: false });
    });

    test('a client over its rate is limited, waits what it is told, and is admitted; no other is limited with it', async () => {
      const ports = await create(100);
      for (let i = 0; i < 3; i++) expect((await append(ports, pushOf(ports, 'a', [['x', i]]), 3)).kind).toBe('appended');
      const limited = await append(ports, pushOf(ports, 'a', [['x', 9]]), 3);
      if (limited.kind !== 'limited') return expect.fail('it was not limited');
      expect(limited.retryAfterMs).toBeGreaterThan(0);
      expect(limited.retryAfterMs).toBeLessThanOrEqual(LIMITS.limitWindowMs);
      expect((await append(ports, pushOf(ports, 'b', [['x', 1]]), 3)).kind).toBe('appended');
      await ports.advance(limited.retryAfterMs);
      expect((await append(ports, pushOf(ports, 'a', [['x', 4]]), 3)).kind).toBe('appended');
    });

    test('series over the limit are named by their place in the shape; the others are kept', async () => {
      const ports = await create(2);
      await append(ports, pushOf(ports, 'a', [['x', 1]]));
      const outcome = await append(
        ports,
        pushOf(ports, 'a', [
          ['y', 2],
          ['x', 2],
          ['z', 2],
        ]),
      );
      expect(outcome).toMatchObject({ kind: 'appended', rejected: [{ index: 2, code: 'series_limit' }] });
      expect(new Set((await samples(ports)).map((row) => (row as string[])[1]))).toEqual(new Set(['x', 'y']));
    });

    test('a push of nothing shows that the client lives', async () => {
      const ports = await create(100);
      expect(await append(ports, pushOf(ports, 'a', []))).toMatchObject({ kind: 'appended', rejected: [] });
      expect(await ports.reader.clients('acme')).toMatchObject([{ client: 'a', lastSeenMs: CONTRACT_START_MS }]);
    });
  });
}

/** Six minutes of two hosts, a sample every 30 s: the value is its number. */
async function withData({ create }: PortsUnderTest): Promise<Ports> {
  const ports = await create(100);
  for (let i = 0; i < 12; i++) {
    await append(
      ports,
      pushOf(ports, 'b', [
        ['x', i],
        ['y', 10 * i, [['device', i % 2 === 0 ? 'vda' : 'vdb']]],
      ]),
    );
    await append(ports, pushOf(ports, 'a', [['x', i]]));
    await append(ports, pushOf(ports, 'a', [['x', 100 + i]], { tenant: 'beta' }));
    await ports.advance(30_000);
  }
  return ports;
}

export function describeMetricReader(under: PortsUnderTest): void {
  describe(`metric-reader: ${under.name}`, () => {
    test('windows come by client, in time order, with their aggregates; the newest only when open ones are asked for', async () => {
      const ports = await withData(under);
      const closed = await windows(ports, { metric: 'x' });
      const minute = (client: string, i: number): unknown[] => [client, 'x', i, 2, 4 * i + 1];
      expect(closed).toEqual(['a', 'b'].flatMap((client) => [0, 1, 2, 3, 4].map((i) => minute(client, i))));
      const open = await windows(ports, { metric: 'x', open: true });
      expect(open).toEqual(['a', 'b'].flatMap((client) => [0, 1, 2, 3, 4, 5].map((i) => minute(client, i))));
      const [first] = await all(ports, ports.reader.windows(query({ open: true })));
      expect(first?.openFromMs).toBe(CONTRACT_START_MS + 5 * MINUTE_MS);
      const [withoutOpen] = await all(ports, ports.reader.windows(query()));
      expect(withoutOpen?.openFromMs).toBe(Number.POSITIVE_INFINITY);
      await ports.advance(LIMITS.windowCloseLagMs + 2 * LIMITS.tickIntervalMs);
      expect(await windows(ports, { metric: 'x' })).toEqual(open);
    });

    test('a window belongs to a range by its start, a sample by its time', async () => {
      const ports = await withData(under);
      const range = { client: 'a', startMs: CONTRACT_START_MS + MINUTE_MS, endMs: CONTRACT_START_MS + 3 * MINUTE_MS };
      expect(await windows(ports, range)).toEqual([
        ['a', 'x', 1, 2, 5],
        ['a', 'x', 2, 2, 9],
      ]);
      const inRange = await samples(ports, { ...range, endMs: range.startMs + 30_001 });
      expect(inRange).toEqual([
        ['a', 'x', 60_000, 2],
        ['a', 'x', 90_000, 3],
      ]);
      expect(await samples(ports, { ...range, endMs: range.startMs })).toEqual([]);
    });

    test('an hour is the fold of its closed minutes, while it runs', async () => {
      const ports = await withData(under);
      expect(await windows(ports, { client: 'a', resolution: '1h' })).toEqual([['a', 'x', 0, 10, 45]]);
    });

    test('labels that are asked for have to be there with their values', async () => {
      const ports = await withData(under);
      expect(await samples(ports, { labels: { device: 'vdb' }, endMs: CONTRACT_START_MS + MINUTE_MS })).toEqual([
        ['b', 'y', 30_000, 10],
      ]);
      expect(await samples(ports, { labels: { device: 'vdc' } })).toEqual([]);
      expect(await samples(ports, { labels: { device: 'vdb', mount: '/' } })).toEqual([]);
    });

    test('nothing of another tenant is read, whatever its clients are called', async () => {
      const ports = await withData(under);
      const theirs = await samples(ports, { tenant: 'beta', endMs: CONTRACT_START_MS + MINUTE_MS });
      expect(theirs).toEqual([
        ['a', 'x', 0, 100],
        ['a', 'x', 30_000, 101],
      ]);
      expect(await samples(ports, { tenant: 'gamma' })).toEqual([]);
      expect(await ports.reader.clients('gamma')).toEqual([]);
      expect(await ports.reader.metrics('gamma')).toEqual([]);
    });

    test('clients and metrics are listed, each series once', async () => {
      const ports = await withData(under);
      const clients = await ports.reader.clients('acme');
      expect(clients.map(({ client, samples: { stored } }) => [client, stored])).toEqual([
        ['a', 12],
        ['b', 24],
      ]);
      const metrics = await ports.reader.metrics('acme');
      const listed = metrics.map(({ name, unit, kind, clients: count, series }) => ({
        name,
        unit,
        kind,
        count,
        series: series.length,
      }));
      expect(listed.sort((one, other) => (one.name < other.name ? -1 : 1))).toEqual([
        { name: 'x', unit: 'widgets', kind: 'gauge', count: 2, series: 1 },
        { name: 'y', unit: 'widgets', kind: 'gauge', count: 1, series: 2 },
      ]);
    });

    test('who stops early leaves nothing behind', async () => {
      const ports = await withData(under);
      const first = async function* (): AsyncGenerator<string> {
        for await (const { client } of ports.reader.windows(query({ client: 'a' }))) {
          yield client;
          break;
        }
      };
      for (let i = 0; i < 3; i++) expect(await all(ports, first())).toEqual(['a']);
      expect(await windows(ports, { client: 'a' })).toHaveLength(5);
    });
  });
}

/** What has to happen in a system for its live feed to tell of a push. */
export type Publish = (ports: Ports, push: Push) => Promise<void>;

export const publishByAppend: Publish = async (ports, push) => {
  await append(ports, push);
};

export function describeLiveFeed({ name, create }: PortsUnderTest, publish: Publish): void {
  const listen = (ports: Ports, tenant: string, client?: string): { readonly heard: LiveClient[][]; stop(): void } => {
    const heard: LiveClient[][] = [];
    return { heard, stop: ports.live.subscribe(tenant, client, (changed) => heard.push([...changed])) };
  };

  describe(`live-feed: ${name}`, () => {
    test('tells the newest values of the clients that changed, at most once an interval', async () => {
      const ports = await create(100);
      const { heard } = listen(ports, 'acme');
      await publish(ports, pushOf(ports, 'a', [['x', 1]]));
      await publish(
        ports,
        pushOf(ports, 'a', [
          ['x', 2],
          ['y', 3, [['device', 'vda']]],
        ]),
      );
      await publish(ports, pushOf(ports, 'b', [['x', 4]]));
      await ports.advance(LIMITS.liveIntervalMs);
      expect(heard).toHaveLength(1);
      expect(heard[0]?.map(({ client }) => client).sort()).toEqual(['a', 'b']);
      const a = heard[0]?.find(({ client }) => client === 'a');
      expect(a).toMatchObject({ keys: ['x', 'y\0device\0vda'], values: [2, 3], sampleMs: CONTRACT_START_MS });
      await ports.advance(5 * LIMITS.liveIntervalMs);
      expect(heard).toHaveLength(1);
    });

    test('tells each listener of its tenant and its client only, until it leaves', async () => {
      const ports = await create(100);
      const one = listen(ports, 'acme', 'b');
      const other = listen(ports, 'beta');
      await publish(ports, pushOf(ports, 'a', [['x', 1]]));
      await publish(ports, pushOf(ports, 'b', [['x', 2]]));
      await ports.advance(LIMITS.liveIntervalMs);
      expect(one.heard.map((changed) => changed.map(({ client }) => client))).toEqual([['b']]);
      expect(other.heard).toEqual([]);
      one.stop();
      await publish(ports, pushOf(ports, 'b', [['x', 3]]));
      await ports.advance(LIMITS.liveIntervalMs);
      expect(one.heard).toHaveLength(1);
    });
  });
}
