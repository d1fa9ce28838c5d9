/** The production profile: the same answers as the embedded one, and a store that others may read in which the same stands. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetricStreamError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { partitionOf } from '../../src/model/partition.ts';
import type { PointWriter } from '../../src/ports/point-writer.ts';
import { CLIENTS, expectExactly, history, live, pastHistory } from './histories.ts';
import { finish, openLab, START_MS } from './lab.ts';
import { openPartitionedLab, type PartitionedLab } from './partitioned-lab.ts';
import { withoutRevisions } from './sample-set.ts';
import { samplesIn, windowsIn } from './shapes.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** Shrinking a history takes longer than a test may; the seed that is printed brings it back. */
const RUNS = { numRuns: 30, endOnFailure: true };

const asLab = (lab: PartitionedLab) => lab as unknown as Parameters<typeof live>[0];
const pushId = (sequence: number) => ({ boot: 'b', sequence, previous: undefined });

/** What the store holds of a client's closed windows, as anybody can read it. */
async function storedWindows(lab: PartitionedLab, client: string, resolution: '1m' | '1h') {
  const range = { tenant: 'default', client, startMs: 0, endMs: 4e13, want: undefined };
  const blocks = await lab.store.readWindows(range, resolution);
  return windowsIn(blocks.flatMap(({ columns }) => columns));
}

async function storedSamples(lab: PartitionedLab, client: string) {
  const blocks = await lab.store.readSamples({ tenant: 'default', client, startMs: 0, endMs: 4e13, want: undefined });
  return blocks.flatMap(samplesIn).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1] || a[2] - b[2]));
}

/** A store that does as it is told before each write. */
function obeying(orders: { before(): Promise<void> }): (writer: PointWriter) => PointWriter {
  return (writer) => ({
    async write(points) {
      await orders.before();
      return writer.write(points);
    },
  });
}

describe('partitions of a log elsewhere', () => {
  test('answer with exactly the windows of the samples that were pushed, over restarts and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const lab = await openPartitionedLab();
        const sent = await live(asLab(lab), steps, (how) =>
          how === 0 ? lab.restart() : how < 3 ? lab.crash() : Promise.resolve(),
        );
        await expectExactly(lab, sent);
      }),
      RUNS,
    );
  });

  test('leave in the store, when all has closed, every sample and every window, bit for bit as it is answered', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const lab = await openPartitionedLab();
        await live(asLab(lab), steps, (how) => (how === 0 ? lab.restart() : how < 3 ? lab.crash() : Promise.resolve()));
        await lab.clock.advance(2 * HOUR_MS);
        for (const client of CLIENTS) {
          expect(await storedSamples(lab, client)).toEqual(await lab.samples(client));
          expect(await storedWindows(lab, client, '1m')).toEqual(await lab.windows(client, { open: false }));
          const hours = new Map(
            (await lab.windows(client, { resolution: '1h', open: false })).map((one) => [`${one.key} ${one.start}`, one]),
          );
          for (const stored of await storedWindows(lab, client, '1h'))
            expect(stored).toEqual(hours.get(`${stored.key} ${stored.start}`));
        }
      }),
      RUNS,
    );
  });

  test('answer as the embedded profile does: ledger, samples, minutes and hours', async () => {
    await fc.assert(
      fc.asyncProperty(pastHistory, async (steps) => {
        const embedded = await openLab();
        const split = await openPartitionedLab();
        await live(embedded, steps, async () => undefined);
        await live(asLab(split), steps, (how) => (how < 3 ? split.crash() : split.restart()));
        for (const lab of [embedded, split]) await lab.clock.advance(12 * MINUTE_MS);
        const counts = async (lab: Pick<PartitionedLab, 'shard'>) =>
          (await lab.shard.reader.clients('default')).map(({ client, pushes, samples }) => ({ client, pushes, samples }));
        expect(await counts(split)).toEqual(await counts(embedded));
        for (const client of CLIENTS) {
          expect(await split.samples(client)).toEqual(await embedded.samples(client));
          for (const resolution of ['1m', '1h'] as const)
            expect(withoutRevisions(await split.windows(client, { resolution, open: false }))).toEqual(
              withoutRevisions(await embedded.windows(client, { resolution, open: false })),
            );
        }
      }),
      RUNS,
    );
  });
});

describe('the store', () => {
  test('has the first samples of a new client with the checkpoint that knows it', async () => {
    const lab = await openPartitionedLab();
    await lab.push([['cpu', START_MS, 1]]);
    await lab.clock.advance(LIMITS.storeLingerMs);
    expect(await storedSamples(lab, 'web-1')).toEqual([]);
    await lab.clock.advance(2 * LIMITS.checkpointIntervalMs);
    expect(await storedSamples(lab, 'web-1')).toEqual([['cpu', START_MS, 0, 1]]);
  });

  test('has all of a client that sent more than a batch before a checkpoint knew it, and nothing waits for ever', async () => {
    const lab = await openPartitionedLab();
    const names = Array.from({ length: 500 }, (_, i) => `metric_${i}`);
    const pushes = (2 * LIMITS.storeBatchPointsMax) / names.length + 3;
    for (let i = 0; i < pushes; i++) await lab.push(names.map((name) => [name, START_MS + i, i] as const));
    await lab.clock.advance(2 * LIMITS.checkpointIntervalMs);
    expect((await storedSamples(lab, 'web-1')).length).toBe(pushes * names.length);
    expect(lab.metric('metricstream_store_points_waiting')).toBe(0);
  });

  test('has a sample a moment after its push, a minute when it closes, and its correction when that comes', async () => {
    const lab = await openPartitionedLab();
    await lab.push([]);
    await lab.clock.advance(2 * LIMITS.checkpointIntervalMs);
    await lab.push([['cpu', START_MS, 1]]);
    await lab.clock.advance(LIMITS.storeLingerMs);
    expect(await storedSamples(lab, 'web-1')).toEqual([['cpu', START_MS, 0, 1]]);
    await lab.clock.advance(75 * SECOND_MS);
    await lab.push([['cpu', START_MS + 75 * SECOND_MS, 3]]);
    await lab.clock.advance(LIMITS.storeLingerMs);
    expect(await storedWindows(lab, 'web-1', '1m')).toMatchObject([{ start: START_MS, count: 1, revision: 1 }]);
    await lab.push([['cpu', START_MS + 1, 7]]);
    await lab.clock.advance(LIMITS.storeLingerMs);
    expect(await storedWindows(lab, 'web-1', '1m')).toMatchObject([{ start: START_MS, count: 2, sum: 8, revision: 2 }]);
  });

  test('has late samples, which go with a seal, under the place of their client like all others', async () => {
    const places = new Set<string | undefined>();
    const times: number[] = [];
    const lab = await openPartitionedLab({
      writerWith: (writer) => ({
        write(points) {
          for (const { datacenter, samples } of points) {
            for (const { timesMs } of samples) {
              places.add(datacenter);
              times.push(...timesMs);
            }
          }
          return writer.write(points);
        },
      }),
    });
    const fields = { datacenter: 'fra' };
    await lab.push([['cpu', START_MS, 1]], fields);
    await lab.clock.advance(12 * MINUTE_MS);
    await lab.push([['cpu', START_MS + 1, 2]], fields);
    await lab.clock.advance(12 * MINUTE_MS);
    expect(times).toContain(START_MS + 1);
    expect([...places]).toEqual(['fra']);
  });

  test('has the greater of two values for one time, also when the lesser comes last', async () => {
    const lab = await openPartitionedLab();
    for (const value of [5, 9, 7]) {
      await lab.push([['cpu', START_MS, value]]);
      await lab.clock.advance(2 * LIMITS.checkpointIntervalMs);
    }
    expect(await storedSamples(lab, 'web-1')).toEqual([['cpu', START_MS, 0, 9]]);
  });

  test('that cannot be reached is tried until it can: nothing is lost, over a crash either', async () => {
    const orders = {
      before: () => Promise.reject(new MetricStreamError('unavailable', 'no', { retryAfterMs: 1_000 })) as Promise<void>,
    };
    const lab = await openPartitionedLab({ writerWith: obeying(orders) });
    await lab.push([['cpu', START_MS, 1]], { pushId: pushId(0) });
    await lab.clock.advance(5 * MINUTE_MS);
    expect(lab.owner.ready()).toMatchObject({ ready: false });
    expect(await storedSamples(lab, 'web-1')).toEqual([]);
    await lab.crash();
    orders.before = async () => undefined;
    await lab.clock.advance(MINUTE_MS);
    expect(lab.owner.ready()).toEqual({ ready: true });
    expect(await storedSamples(lab, 'web-1')).toEqual([['cpu', START_MS, 0, 1]]);
  });

  test('that is slow holds the consumer back, so that memory is bounded', async () => {
    let release = (): void => undefined;
    const orders = { before: () => new Promise<void>((resolve) => (release = resolve)) };
    const lab = await openPartitionedLab({ writerWith: obeying(orders) });
    await lab.push([]);
    await lab.clock.advance(2 * LIMITS.checkpointIntervalMs);
    const names = Array.from({ length: 500 }, (_, i) => `metric_${i}`);
    const pushes = Math.ceil(LIMITS.sinkPointsWaitingMax / names.length) + 60;
    for (let i = 0; i < pushes; i++) await lab.push(names.map((name) => [name, START_MS + i, i] as const));
    const waiting = lab.metric('metricstream_store_points_waiting') ?? 0;
    expect(waiting).toBeGreaterThan(LIMITS.sinkPointsWaitingMax / 2);
    expect(waiting).toBeLessThan(LIMITS.sinkPointsWaitingMax + 4 * names.length);
    expect(lab.metric('metricstream_consumer_lag_records')).toBeGreaterThan(0);
    orders.before = async () => undefined;
    release();
    await lab.clock.advance(SECOND_MS);
    expect((await storedSamples(lab, 'web-1')).length).toBe(pushes * names.length);
  });

  test('that refuses a point for good costs that point alone, and a letter tells of it', async () => {
    const lab = await openPartitionedLab({
      writerWith: (writer) => ({
        async write(points) {
          await writer.write(points);
          return { refused: [{ reason: 'partial write', line: 'server_metrics value=1' }], refusedCount: 1 };
        },
      }),
    });
    await lab.push([['cpu', START_MS, 1]]);
    await lab.clock.advance(2 * LIMITS.checkpointIntervalMs);
    expect(lab.letters).toEqual(['partial write']);
    expect(lab.metric('metricstream_store_points_refused_total')).toBe(1);
    expect(await lab.samples()).toEqual([['cpu', START_MS, 0, 1]]);
  });
});

describe('a process that consumes nothing', () => {
  test('tells of every client what its owner last saved, and of the metrics what they sent', async () => {
    const lab = await openPartitionedLab();
    const edge = lab.edge();
    expect(await edge.reader.clients('default')).toEqual([]);
    for (const client of CLIENTS) await lab.push([['cpu', START_MS, 1]], { client });
    await lab.clock.advance(2 * LIMITS.checkpointIntervalMs);
    const clients = await lab.owner.reader.clients('default');
    expect(clients.map(({ client }) => client)).toEqual([...CLIENTS].sort());
    expect(await edge.reader.clients('default')).toEqual(clients);
    expect(await edge.reader.clients('other')).toEqual([]);
    expect(await edge.reader.metrics('default')).toEqual(await lab.owner.reader.metrics('default'));
  });

  test('answers with the windows that the store holds', async () => {
    const lab = await openPartitionedLab();
    await lab.push([['cpu', START_MS, 1]]);
    await lab.push([['cpu', START_MS + 2 * MINUTE_MS, 2]]);
    await lab.clock.advance(5 * MINUTE_MS);
    const query = { tenant: 'default', client: undefined, metric: undefined, labels: {}, startMs: START_MS, endMs: 4e13 };
    const closed = async ({ reader }: Pick<PartitionedLab['owner'], 'reader'>) => {
      const all = await finish(lab.clock, Array.fromAsync(reader.windows({ ...query, resolution: '1m', open: false })));
      return all.map(({ client, columns }) => [client, windowsIn(columns)]);
    };
    expect(await closed(lab.edge())).toEqual(await closed(lab.owner));
    expect((await closed(lab.edge())).length).toBe(1);
  });
});

test('a record that nobody can read becomes a letter, and its partition goes on', async () => {
  const lab = await openPartitionedLab();
  const partition = partitionOf('default/web-1', 2);
  await lab.garbage(partition);
  await lab.push([['cpu', START_MS, 1]]);
  await lab.clock.advance(SECOND_MS);
  expect(lab.letters.length).toBe(1);
  expect(await lab.samples()).toEqual([['cpu', START_MS, 0, 1]]);
  expect(lab.metric('metricstream_poison_records_total')).toBe(1);
});

test('whoever takes a partition over writes again what its last owner may have written late', async () => {
  const lab = await openPartitionedLab();
  await lab.push([['cpu', START_MS, 5]]);
  await lab.clock.advance(75 * SECOND_MS);
  await lab.push([['cpu', START_MS + 75 * SECOND_MS, 1]]);
  await lab.clock.advance(SECOND_MS);
  const truth = [await storedSamples(lab, 'web-1'), await storedWindows(lab, 'web-1', '1m')];
  await lab.crash();
  // The dead owner's last batch was still on its way.
  const [series] = (
    await lab.store.readSamples({ tenant: 'default', client: 'web-1', startMs: 0, endMs: 4e13, want: undefined })
  ).flatMap(({ columns }) => columns.map((column) => column.series));
  if (series === undefined) throw new Error('no series');
  const samples = [
    {
      timesMs: Float64Array.of(START_MS),
      timesNs: undefined,
      columns: [{ series, rows: undefined, values: Float64Array.of(2) }],
    },
  ];
  await lab.store.write([
    {
      tenant: 'default',
      client: 'web-1',
      datacenter: undefined,
      environment: undefined,
      samples,
      minutes: [],
      hours: [],
      blocks: [],
    },
  ]);
  await lab.clock.advance(LIMITS.sessionTimeoutMs + SECOND_MS);
  expect([await storedSamples(lab, 'web-1'), await storedWindows(lab, 'web-1', '1m')]).toEqual(truth);
});
