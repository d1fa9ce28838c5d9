/** Setting InfluxDB up: what is missing is created, nothing else is touched, and the tokens allow no more than they have to. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InfluxConnection } from '../../src/adapters/influxdb/connection.ts';
import { bucketNames } from '../../src/adapters/influxdb/names.ts';
import { influxPointWriter } from '../../src/adapters/influxdb/point-writer.ts';
import { influxSetup } from '../../src/adapters/influxdb/setup.ts';
import { influxTimeSeriesStore } from '../../src/adapters/influxdb/time-series-store.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { createSeries } from '../../src/model/series.ts';
import { clientPoints, sampleRun } from '../adapters/influxdb/points.ts';
import { deleteBuckets, freshPrefix, type InfluxLab, influxLab } from './influx-lab.ts';

const RETENTION = { raw: LIMITS.rawRetentionMs, '1m': LIMITS.minuteRetentionMs, '1h': LIMITS.hourRetentionMs };
const CPU = createSeries('cpu', [], '', 'gauge');

let lab: InfluxLab;

beforeAll(async () => {
  lab = await influxLab();
});
afterAll(() => lab.close());

async function retentions(names: readonly string[]): Promise<number[]> {
  const found = await Promise.all(names.map((name) => lab.api('GET', `buckets?name=${name}`)));
  return found.map(
    (answer) =>
      (answer as { buckets: { retentionRules: { everySeconds: number }[] }[] }).buckets[0]?.retentionRules[0]?.everySeconds ?? 0,
  );
}

test('buckets and tokens are created once', async () => {
  const bucketPrefix = freshPrefix();
  const buckets = bucketNames(bucketPrefix);
  const setup = influxSetup({ ...lab.connection, bucketPrefix, retentionMs: RETENTION });
  const plan = await setup.plan();
  expect(plan).toMatchObject({
    createsBuckets: [
      { name: buckets.raw, retentionMs: 7 * 86_400_000 },
      { name: buckets['1m'], retentionMs: 90 * 86_400_000 },
      { name: buckets['1h'], retentionMs: 365 * 86_400_000 },
    ],
    createsTokens: ['consumer', 'control'],
    differs: [],
  });
  const tokens = await setup.apply(plan);
  expect(Object.keys(tokens)).toEqual(['consumer', 'control']);
  expect(await retentions(Object.values(buckets))).toEqual([7, 90, 365].map((days) => days * 86_400));
  const again = await setup.plan();
  expect(again).toMatchObject({ createsBuckets: [], createsTokens: [], differs: [] });
  expect(await setup.apply(again)).toEqual({});
  await deleteBuckets(lab.api, Object.values(buckets));
});

test('the consumer can read and write, control can only read, and neither anything else', async () => {
  const bucketPrefix = freshPrefix();
  const buckets = bucketNames(bucketPrefix);
  const setup = influxSetup({ ...lab.connection, bucketPrefix, retentionMs: RETENTION });
  const { consumer = '', control = '' } = await setup.apply(await setup.plan());
  const write = (connection: InfluxConnection) =>
    influxPointWriter({ ...connection, bucketPrefix }).write([clientPoints({ samples: [sampleRun(CPU, Date.now(), 1)] })]);
  const read = (connection: InfluxConnection) => influxTimeSeriesStore({ ...connection, bucketPrefix }).clients('acme', '', 10);
  expect((await write({ ...lab.connection, token: consumer })).refusedCount).toBe(0);
  expect(await read({ ...lab.connection, token: control })).toEqual(['web-1']);
  await expect(write({ ...lab.connection, token: control })).rejects.toMatchObject({ code: 'misconfigured' });
  expect(await read({ ...lab.connection, token: consumer })).toEqual(['web-1']);
  const elsewhere = influxPointWriter({ ...lab.connection, bucketPrefix: lab.bucketPrefix, token: consumer });
  const points = [clientPoints({ samples: [sampleRun(CPU, Date.now(), 1)] })];
  await expect(elsewhere.write(points)).rejects.toMatchObject({ code: 'misconfigured' });
  await deleteBuckets(lab.api, Object.values(buckets));
});

test('what is there stays as it is: a retention of its own is told, not changed', async () => {
  const bucketPrefix = freshPrefix();
  const buckets = bucketNames(bucketPrefix);
  const setup = influxSetup({ ...lab.connection, bucketPrefix, retentionMs: RETENTION });
  const { orgId } = await setup.plan();
  await lab.api('POST', 'buckets', {
    orgID: orgId,
    name: buckets.raw,
    retentionRules: [{ type: 'expire', everySeconds: 30 * 86_400 }],
  });
  const plan = await setup.plan();
  expect(plan.createsBuckets.map(({ name }) => name)).toEqual([buckets['1m'], buckets['1h']]);
  expect(plan.differs).toEqual([{ bucket: buckets.raw, retentionMs: 30 * 86_400_000, wantedMs: RETENTION.raw }]);
  await setup.apply(plan);
  expect(await retentions(Object.values(buckets))).toEqual([30, 90, 365].map((days) => days * 86_400));
  await deleteBuckets(lab.api, Object.values(buckets));
});

test('tokens for buckets that were made anew are missing', async () => {
  const bucketPrefix = freshPrefix();
  const buckets = bucketNames(bucketPrefix);
  const setup = influxSetup({ ...lab.connection, bucketPrefix, retentionMs: RETENTION });
  await setup.apply(await setup.plan());
  await deleteBuckets(lab.api, [buckets['1h']]);
  const plan = await setup.plan();
  expect(plan).toMatchObject({ createsBuckets: [{ name: buckets['1h'] }], createsTokens: ['consumer', 'control'] });
  await setup.apply(plan);
  expect((await setup.plan()).createsTokens).toEqual([]);
  await deleteBuckets(lab.api, Object.values(buckets));
});

test('an organization that is not there is named', async () => {
  const setup = influxSetup({ ...lab.connection, org: 'nowhere', bucketPrefix: freshPrefix(), retentionMs: RETENTION });
  await expect(setup.plan()).rejects.toMatchObject({ code: 'misconfigured', message: expect.stringContaining('"nowhere"') });
});
