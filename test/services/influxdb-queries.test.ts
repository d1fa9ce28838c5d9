/** Queries on a real InfluxDB: the same text, bit for bit, as the embedded store gives, whatever is packed and whatever is not. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { metricReader } from '../../src/consumers/reader.ts';
import { foldSamples } from '../../src/consumers/sample-block.ts';
import { columnWriter } from '../../src/edge/window-answers.ts';
import { FIELDS, type Field, fieldsRead } from '../../src/edge/window-fold.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { createSeries, type Series } from '../../src/model/series.ts';
import type { TimeSeriesStore, WindowWrite } from '../../src/ports/time-series-store.ts';
import { embeddedStores } from '../contract/suites/embedded-stores.ts';
import { type InfluxLab, influxLab } from './influx-lab.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START_MS = Date.UTC(2026, 10, 24, 10);
const HOURS = 6;
const SERIES = [
  createSeries('cpu', [], 'percent', 'gauge'),
  createSeries('requests', [['path', '/a b']], 'requests', 'counter'),
  createSeries('requests', [['path', '/c']], 'requests', 'counter'),
];

let lab: InfluxLab;

beforeAll(async () => {
  lab = await influxLab();
});
afterAll(() => lab.close());

const value = fc.oneof(
  fc.constantFrom(-0, 0, 0.1, 1 / 3),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((cents) => cents / 100),
  fc.double({ min: -1e12, max: 1e12, noNaN: true }),
);

/** Samples of an hour, by second; an hour without any is not there. */
const hour = fc.record({
  datacenter: fc.constantFrom(undefined, 'fra', 'ams'),
  revision: fc.integer({ min: 1, max: 3 }),
  /** Whether the consumer has bundled it; else its minutes are points alone. */
  isBundled: fc.boolean(),
  series: fc.subarray(SERIES),
  samples: fc.array(fc.tuple(fc.integer({ min: 0, max: 3_599 }), value), { maxLength: 40 }),
});

function hourOf(client: string, place: number, { datacenter, revision, series, samples }: HourOf): WindowWrite {
  const blockStartMs = START_MS + place * HOUR_MS;
  const bySecond = new Map(samples);
  const seconds = [...bySecond.keys()].sort((a, b) => a - b);
  const timesMs = Float64Array.from(seconds, (second) => blockStartMs + second * 1_000);
  const values = Float64Array.from(seconds, (second) => bySecond.get(second) ?? 0);
  const columns = series.map((one: Series) => ({ series: one, rows: undefined, values }));
  const folded = foldSamples({ timesMs, timesNs: undefined, columns }, MINUTE_MS, () => revision);
  return {
    ...{ tenant: 'acme', client, datacenter, environment: undefined, resolution: '1m', blockStartMs },
    columns: folded.filter(({ starts }) => starts.length > 0),
  };
}

type HourOf = typeof hour extends fc.Arbitrary<infer T> ? T : never;

interface Asked {
  readonly metric: string | undefined;
  readonly fromMinute: number;
  readonly minutes: number;
  readonly stepMinutes: number;
  readonly fields: readonly Field[];
}

async function answer(store: TimeSeriesStore, { metric, fromMinute, minutes, stepMinutes, fields }: Asked): Promise<string> {
  const stepMs = stepMinutes * MINUTE_MS;
  const startMs = Math.ceil((START_MS + fromMinute * MINUTE_MS) / stepMs) * stepMs;
  const endMs = startMs + Math.ceil(minutes / stepMinutes) * stepMs;
  const reader = metricReader({
    clock: systemClock(),
    store,
    pipelines: () => [],
    allHere: () => false,
    pipelineOf: () => undefined,
    readsAhead: LIMITS.readsAheadMax,
    replayed: () => true,
  });
  const writer = columnWriter({ startMs, endMs, stepMs, fields });
  const query = { tenant: 'acme', client: undefined, metric, labels: {}, startMs, endMs, resolution: '1m', open: true } as const;
  for await (const { client, columns, openFromMs } of reader.windows({ ...query, fields: fieldsRead(fields) })) {
    const sorted = [...columns].sort((a, b) => (a.series.key < b.series.key ? -1 : 1));
    for (const column of sorted) writer.add(client, column, openFromMs);
  }
  return writer.end();
}

const asked: fc.Arbitrary<Asked> = fc.record({
  metric: fc.constantFrom(undefined, 'cpu', 'requests', 'none'),
  fromMinute: fc.integer({ min: -70, max: HOURS * 60 }),
  minutes: fc.integer({ min: 1, max: HOURS * 60 + 100 }),
  stepMinutes: fc.constantFrom(1, 5, 60, 180),
  fields: fc.oneof(fc.constant(FIELDS), fc.subarray([...FIELDS], { minLength: 1 })),
});

test('any range, step, filter and field is answered as the embedded store answers it', async () => {
  const clients = fc.array(fc.array(hour, { minLength: HOURS, maxLength: HOURS }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(clients, fc.array(asked, { minLength: 3, maxLength: 3 }), async (hosts, questions) => {
      const embedded = embeddedStores(nodeSqlDatabase(':memory:'));
      const { writer, store } = lab.readable();
      for (const [host, hours] of hosts.entries()) {
        for (const [place, one] of hours.entries()) {
          const write = hourOf(`web-${host}`, place, one);
          if (write.columns.length === 0) continue;
          const { tenant, client, datacenter, environment, columns } = write;
          const points = one.isBundled ? { minutes: [], blocks: [write] } : { minutes: columns, blocks: [] };
          await writer.write([{ tenant, client, datacenter, environment, samples: [], hours: [], ...points }]);
          await embedded.write({ raw: [], windows: [write] });
        }
      }
      for (const question of questions) expect(await answer(store, question)).toBe(await answer(embedded.store, question));
    }),
    { numRuns: 25 },
  );
});

test('an hour that is written again, under another place as well, is what was written last', async () => {
  const { writer, store } = lab.readable();
  const [series] = SERIES;
  const write = (datacenter: 'fra' | 'ams', revision: number, samples: readonly [number, number][]): WindowWrite =>
    hourOf('web-0', 0, {
      datacenter,
      revision,
      isBundled: true,
      series: series === undefined ? [] : [series],
      samples: [...samples],
    });
  for (const one of [
    write('fra', 1, [[5, 1]]),
    write('ams', 2, [
      [5, 1],
      [7, -0],
    ]),
    write('ams', 3, [
      [5, 2],
      [7, 4],
      [65, 9],
    ]),
  ])
    await writer.write([{ ...one, samples: [], minutes: [], hours: [], blocks: [one] }]);
  const range = { tenant: 'acme', client: 'web-0', startMs: START_MS, endMs: START_MS + HOUR_MS, want: undefined };
  const [block, ...others] = await store.readWindows(range, '1m');
  expect(others).toEqual([]);
  expect(block?.columns.map(({ sum, count, revision }) => [...sum, ...count, ...revision])).toEqual([[6, 9, 2, 1, 3, 3]]);
});
