/** What a real InfluxDB makes of our points: nothing is changed on the way, refusals are found, and what is wrong is named. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InfluxConnection } from '../../src/adapters/influxdb/connection.ts';
import { bucketNames } from '../../src/adapters/influxdb/names.ts';
import { influxPointWriter } from '../../src/adapters/influxdb/point-writer.ts';
import { influxTimeSeriesStore } from '../../src/adapters/influxdb/time-series-store.ts';
import { mergeBlocks } from '../../src/consumers/sample-block.ts';
import type { MetricStreamError } from '../../src/model/errors.ts';
import { createSeries, type Series } from '../../src/model/series.ts';
import type { SampleBlock } from '../../src/ports/time-series-store.ts';
import { blocksIn, clientPoints, sampleRun, windowsIn } from '../adapters/influxdb/points.ts';
import { deleteBuckets, freshPrefix, type InfluxLab, influxLab } from './influx-lab.ts';

const NOON = Date.UTC(2026, 10, 24, 12);
/** Few shards. */
const DAYS = { min: NOON - 2 * 86_400_000, max: NOON };
const CPU = createSeries('cpu', [], 'percent', 'gauge');
const EVERYTHING = { tenant: 'acme', client: 'web-1', startMs: 0, endMs: Number.POSITIVE_INFINITY, want: undefined };

let lab: InfluxLab;

beforeAll(async () => {
  lab = await influxLab();
});
afterAll(() => lab.close());

async function failure(work: Promise<unknown>): Promise<MetricStreamError> {
  const error = await work.then(
    () => expect.fail('it succeeded'),
    (thrown: unknown) => thrown as MetricStreamError,
  );
  expect(error.message).not.toContain(lab.connection.token);
  return error;
}

/** Every sample as text that tells −0 from 0. */
function listed(block: SampleBlock): string[] {
  return block.columns
    .flatMap(({ series, rows, values }) =>
      Array.from(values, (value, i) => {
        const row = rows?.[i] ?? i;
        return [JSON.stringify(series), block.timesMs[row], block.timesNs?.[row] ?? 0, Object.is(value, -0) ? '-0' : value].join(
          ' ',
        );
      }),
    )
    .sort();
}

describe('whatever a point is', () => {
  test('its sample comes back: labels, unit, kind, time, every bit of the value', async () => {
    await fc.assert(
      fc.asyncProperty(blocksIn(DAYS), fc.constantFrom(undefined, 'fra 1', ''), async (block, datacenter) => {
        const { writer, store } = lab.readable();
        expect((await writer.write([clientPoints({ datacenter, samples: [block] })])).refusedCount).toBe(0);
        expect(listed(mergeBlocks(await store.readSamples(EVERYTHING)))).toEqual(listed(block));
        expect(await store.lastSampleMs('acme', 'web-1')).toBe(block.timesMs.at(-1));
      }),
      { numRuns: 60 },
    );
  });

  test('its window comes back', async () => {
    await fc.assert(
      fc.asyncProperty(windowsIn(DAYS), async (column) => {
        const { writer, store } = lab.readable();
        expect((await writer.write([clientPoints({ minutes: [column] })])).refusedCount).toBe(0);
        const columns = (await store.readWindows(EVERYTHING, '1m')).flatMap((block) => block.columns);
        for (const name of ['starts', 'count', 'sum', 'min', 'max', 'first', 'last', 'increase', 'revision'] as const) {
          expect(columns.flatMap((one) => [...one[name]])).toEqual([...column[name]]);
        }
        for (const { series } of columns) expect(series).toEqual(column.series);
      }),
      { numRuns: 40 },
    );
  });

  test('a name that holds Flux is a name', async () => {
    const { writer, store } = lab.readable();
    const client = `") or true) //$${'{1}'}\\`;
    await writer.write([clientPoints({ client: 'web-1', samples: [sampleRun(CPU, NOON, 1)] })]);
    expect(await store.readSamples({ ...EVERYTHING, client })).toEqual([]);
    expect(await store.clients('") or true or ("', '', 10)).toEqual([]);
    await writer.write([clientPoints({ client, samples: [sampleRun(CPU, NOON, 1)] })]);
    expect(await store.lastSampleMs('acme', client)).toBe(NOON);
  });

  test('only what is wanted of many metrics is read', async () => {
    const { writer, store } = lab.readable();
    const all = Array.from({ length: 60 }, (_, i) => createSeries(`metric_${i}`, [['core', String(i % 3)]], '', 'gauge'));
    await writer.write([clientPoints({ samples: all.map((series) => sampleRun(series, NOON, 2)) })]);
    const read = async (want: (series: Series) => boolean): Promise<string[]> => {
      const blocks = await store.readSamples({ ...EVERYTHING, want });
      return blocks.flatMap(({ columns }) => columns.map(({ series }) => series.key)).sort();
    };
    expect(await read(({ name }) => name === 'metric_7')).toEqual(['metric_7\0core\x001']);
    expect(await read(({ labels }) => labels[0]?.[1] === '0')).toHaveLength(20);
    expect(await read(() => true)).toHaveLength(60);
  });
});

describe('a bound of time', () => {
  test('is exact, before the epoch and after the last time of InfluxDB as well', async () => {
    const { writer, store } = lab.readable();
    const timesMs = Float64Array.of(NOON - 1, NOON, NOON, NOON + 1);
    const block = {
      timesMs,
      timesNs: Int32Array.of(999_999, 0, 999_999, 0),
      columns: [{ series: CPU, rows: undefined, values: Float64Array.of(1, 2, 3, 4) }],
    };
    await writer.write([clientPoints({ samples: [block] })]);
    const read = async (startMs: number, endMs: number): Promise<number[]> =>
      (await store.readSamples({ ...EVERYTHING, startMs, endMs })).flatMap(({ columns }) =>
        columns.flatMap(({ values }) => [...values]),
      );
    expect(await read(NOON, NOON + 1)).toEqual([2, 3]);
    expect(await read(NOON - 1, NOON)).toEqual([1]);
    expect(await read(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)).toEqual([1, 2, 3, 4]);
    expect(await read(-5, 0)).toEqual([]);
    expect(await read(NOON, NOON)).toEqual([]);
    expect(await read(NOON + 1, NOON)).toEqual([]);
  });
});

describe('what InfluxDB refuses', () => {
  test('a point of another type than its field has is told, and the others are kept', async () => {
    const { writer, store } = lab.readable();
    const own = await influxLab();
    const query = `org=${own.connection.org}&bucket=${own.buckets.raw}`;
    const headers = { authorization: `Token ${own.connection.token}` };
    const body = `server_metrics,host=web-1,metric_name=cpu,tenant=acme value=1i ${NOON}000000`;
    expect((await fetch(`${own.connection.url}/api/v2/write?${query}`, { method: 'POST', headers, body })).status).toBe(204);
    const conflicting = influxPointWriter({ ...own.connection, bucketPrefix: own.bucketPrefix });
    const { refused, refusedCount } = await conflicting.write([clientPoints({ samples: [sampleRun(CPU, NOON, 3)] })]);
    expect(refusedCount).toBe(3);
    expect(refused[0]?.reason).toContain('field type conflict');
    expect(refused.map(({ line }) => line.split(' ').at(-1))).toEqual([0, 1, 2].map((i) => `${NOON + i}000000`));
    await own.close();
    expect(await writer.write([])).toEqual({ refused: [], refusedCount: 0 });
    expect(await store.readSamples(EVERYTHING)).toEqual([]);
  });

  test('points past retention are told, and the others are kept', async () => {
    const { connection, api } = lab;
    const { orgs } = (await api('GET', `orgs?org=${connection.org}`)) as { orgs: { id: string }[] };
    const bucketPrefix = freshPrefix();
    const short = bucketNames(bucketPrefix).raw;
    await api('POST', 'buckets', { orgID: orgs[0]?.id, name: short, retentionRules: [{ type: 'expire', everySeconds: 3_600 }] });
    const writer = influxPointWriter({ ...connection, bucketPrefix });
    const now = Date.now();
    const mixed = [now - 7_300_000, now, now - 7_200_000, now + 1].map((ms) => sampleRun(CPU, ms, 1, () => ms));
    const { refused, refusedCount } = await writer.write([clientPoints({ samples: mixed })]);
    expect(refusedCount).toBe(2);
    expect(refused.map(({ line }) => Number(/value=(\d+)/.exec(line)?.[1]))).toEqual([now - 7_300_000, now - 7_200_000]);
    expect(refused[0]?.reason).toContain('outside retention policy');
    const blocks = await influxTimeSeriesStore({ ...connection, bucketPrefix }).readSamples(EVERYTHING);
    expect(blocks.flatMap(({ timesMs }) => [...timesMs])).toEqual([now, now + 1]);
    await deleteBuckets(api, [short]);
  });

  test('a line that cannot be parsed is told, and the others are kept', async () => {
    const { writer, store } = lab.readable();
    // Beyond what 64 bits of ns can say: the one thing of ours that InfluxDB does not parse.
    const far = sampleRun(CPU, 9_300_000_000_000, 1);
    const { refused, refusedCount } = await writer.write([
      clientPoints({ samples: [sampleRun(CPU, NOON, 500), far, sampleRun(CPU, NOON + 500, 500)] }),
    ]);
    expect([refusedCount, refused.length]).toEqual([1, 1]);
    expect(refused[0]?.line).toContain(' 9300000000000000000');
    expect((await store.readSamples(EVERYTHING))[0]?.timesMs).toHaveLength(1_000);
  });
});

describe('what is wrong with the settings', () => {
  const points = [clientPoints({ samples: [sampleRun(CPU, NOON, 1)] })];

  /** What writing and reading say with other settings. */
  async function failures(over: Partial<InfluxConnection & { bucketPrefix: string }>): Promise<MetricStreamError[]> {
    const options = { ...lab.connection, bucketPrefix: lab.bucketPrefix, ...over };
    return [
      await failure(influxPointWriter(options).write(points)),
      await failure(influxTimeSeriesStore(options).readSamples(EVERYTHING)),
    ];
  }

  test('a token that InfluxDB does not know', async () => {
    for (const { code, message } of await failures({ token: 'wrong-token' })) {
      expect([code, message]).toEqual(['misconfigured', expect.stringContaining('does not know the token')]);
      expect(message).not.toContain('wrong-token');
    }
  });

  test('an organization or a bucket that is not there', async () => {
    for (const over of [{ org: 'nowhere' }, { bucketPrefix: 'nowhere_' }]) {
      for (const { code, message } of await failures(over)) {
        expect([code, message]).toEqual(['misconfigured', expect.stringContaining('nowhere')]);
      }
    }
  });

  test('no InfluxDB at all', async () => {
    for (const { code } of await failures({ url: 'http://127.0.0.1:9' })) expect(code).toBe('unavailable');
  });
});
