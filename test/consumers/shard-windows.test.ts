/** Windows of a shard: when they close, who is told, and what a late, repeated or conflicting sample changes. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import { collect, finish, type Lab, openLab, RETENTION, START_MS } from './lab.ts';
import { type PushFields, pushOf, type Sample } from './shapes.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Pushes one sample of `cpu` every 10 s, each at its own time, for so long. */
async function pushFor(lab: Lab, ms: number, fields: PushFields = {}): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10 * SECOND_MS) {
    await lab.push([['cpu', lab.clock.nowMs(), passed / SECOND_MS]], fields);
    await lab.clock.advance(10 * SECOND_MS);
  }
}

/** Hours go by, of which the shard sees a minute each. */
async function passHours(lab: Lab, hours: number): Promise<void> {
  for (let hour = 0; hour < hours; hour++) {
    lab.clock.step(HOUR_MS - MINUTE_MS);
    await lab.clock.advance(MINUTE_MS);
  }
}

const starts = (windows: readonly Record<string, number | string>[]): number[] =>
  windows.map(({ start }) => (Number(start) - START_MS) / MINUTE_MS);
const told = (lab: Lab): number[] => lab.closed.map(({ startMs }) => (startMs - START_MS) / MINUTE_MS);
const revisions = async (lab: Lab): Promise<unknown[]> => (await lab.windows()).map(({ key, revision }) => `${key} ${revision}`);
const pushId = (sequence: number) => ({ boot: 'b', sequence, previous: undefined });
const onlyClosed = { open: false };

describe('a window', () => {
  test("closes when the client's own samples have passed its end by ten seconds, and the sink is told once", async () => {
    const lab = await openLab();
    await pushFor(lab, MINUTE_MS);
    await lab.push([['cpu', START_MS + 69_999, 1]]);
    expect([starts(await lab.windows('web-1', onlyClosed)), told(lab)]).toEqual([[], []]);
    await lab.clock.advance(10 * SECOND_MS);
    await lab.push([['cpu', START_MS + 70_000, 1]]);
    expect([starts(await lab.windows('web-1', onlyClosed)), told(lab)]).toEqual([[0], [0]]);
    const [window] = lab.closed[0]?.columns ?? [];
    expect([window?.count[0], window?.sum[0], window?.revision[0]]).toEqual([6, 150, 1]);
    await lab.clock.advance(10 * MINUTE_MS);
    expect(told(lab)).toEqual([0, 1]);
  });

  test('of a client that fell silent closes two minutes of log time after its end, which moves without pushes', async () => {
    const lab = await openLab();
    await lab.push([['cpu', START_MS, 1]]);
    await lab.clock.advance(3 * MINUTE_MS - SECOND_MS);
    expect(told(lab)).toEqual([]);
    await lab.clock.advance(20 * SECOND_MS);
    expect(told(lab)).toEqual([0]);
  });

  test('is not closed by samples from the future, nor by those of another client', async () => {
    const lab = await openLab();
    await lab.push([['cpu', START_MS, 1]]);
    await lab.push([['cpu', START_MS + 5 * MINUTE_MS, 1]]);
    await lab.push([['cpu', START_MS + 5 * MINUTE_MS, 1]], { client: 'fast' });
    expect(told(lab)).toEqual([]);
    await lab.clock.advance(65 * SECOND_MS);
    await lab.push([['cpu', START_MS + MINUTE_MS, 1]]);
    expect(told(lab)).toEqual([]);
  });

  test('that got a sample after it closed is corrected: revision up by one for that series, and the sink hears nothing', async () => {
    const lab = await openLab();
    await lab.push([
      ['cpu', START_MS + 1, 1],
      ['load1', START_MS + 1, 1],
    ]);
    await lab.clock.advance(4 * MINUTE_MS);
    await lab.push([['cpu', START_MS + 2, 5]]);
    expect(await revisions(lab)).toEqual(['cpu 2', 'load1 1']);
    await lab.push([['cpu', START_MS + 2, 5]]);
    expect(await revisions(lab)).toEqual(['cpu 2', 'load1 1']);
    await lab.push([['cpu', START_MS + 2, 6]]);
    expect(await revisions(lab)).toEqual(['cpu 3', 'load1 1']);
    expect((await lab.windows())[0]).toMatchObject({ count: 2, sum: 7, min: 1, max: 6 });
    expect(told(lab)).toEqual([0]);
  });

  test('that had no sample when it closed begins at revision 1', async () => {
    const lab = await openLab();
    await lab.push([['cpu', START_MS + 5 * MINUTE_MS, 1]]);
    await lab.clock.advance(10 * MINUTE_MS);
    await lab.push([['cpu', START_MS, 1]]);
    await lab.push([['load1', START_MS + 5 * MINUTE_MS, 1]]);
    expect(await revisions(lab)).toEqual(['cpu 1', 'cpu 1', 'load1 1']);
  });

  test('that was sealed, and bundled into hours and days, is read back whole and corrected there', async () => {
    const lab = await openLab();
    await pushFor(lab, 2 * MINUTE_MS);
    for (const [i, holeMs] of [15 * MINUTE_MS, 2 * HOUR_MS, 20 * HOUR_MS].entries()) {
      lab.clock.step(holeMs);
      await lab.push([['load1', lab.clock.nowMs(), 1]]);
      await lab.clock.advance(12 * MINUTE_MS);
      await lab.push([['cpu', START_MS + 30 * SECOND_MS + 1 + i, 100]]);
      const [minute] = await lab.windows();
      expect(minute).toMatchObject({ key: 'cpu', count: 7 + i, sum: 150 + 100 * (i + 1), max: 100, revision: 2 + i });
      const [hour] = await lab.windows('web-1', { resolution: '1h' });
      expect(hour).toMatchObject({ key: 'cpu', start: START_MS, count: 13 + i, max: 110, revision: 2 + i });
    }
    await lab.clock.advance(12 * MINUTE_MS);
    await lab.restart();
    expect((await lab.windows())[0]).toMatchObject({ count: 9, revision: 4 });
    expect((await lab.windows('web-1', { resolution: '1h' }))[0]).toMatchObject({ count: 15, revision: 4 });
  });

  test('of an hour is readable while it runs, as the fold of the minutes that have closed', async () => {
    const lab = await openLab();
    await pushFor(lab, 3 * MINUTE_MS);
    const closed = await lab.windows('web-1', { resolution: '1h', open: false });
    expect(closed.map(({ count }) => count)).toEqual([12]);
    const all = await lab.windows('web-1', { resolution: '1h' });
    expect(all.map(({ count, first, last }) => [count, first, last])).toEqual([[18, 0, 170]]);
  });
});

describe('a sample', () => {
  test.each([
    ['the greater later', [3, 5], 5],
    ['the greater first', [5, 3], 5],
    ['zeros of both signs', [-0, 0], 0],
    ['zeros of both signs, turned', [0, -0], 0],
    ['negative values', [-1, -2], -1],
  ])('that comes with two values has the greater: %s', async (_case, values, kept) => {
    for (const sealed of [false, true]) {
      const lab = await openLab();
      await lab.push([['cpu', START_MS, values[0] ?? 0]]);
      if (sealed) await lab.clock.advance(14 * MINUTE_MS);
      await lab.push([['cpu', START_MS, values[1] ?? 0]]);
      expect(await lab.samples()).toEqual([['cpu', START_MS, 0, kept]]);
      if (sealed) await lab.restart();
      expect(await lab.samples()).toEqual([['cpu', START_MS, 0, kept]]);
      const [status] = await lab.shard.reader.clients('default');
      expect(status?.samples).toMatchObject({ stored: 1, duplicate: 0, conflict: 1 });
    }
  });

  test('of a push that comes again is counted once, however the shard lived in between', async () => {
    const lab = await openLab();
    const push: [readonly Sample[], PushFields] = [
      [
        ['cpu', START_MS, 1],
        ['load1', START_MS, 2],
      ],
      { pushId: pushId(0), contentHash: 5 },
    ];
    const lives = [() => lab.clock.advance(0), () => lab.restart(), () => lab.crash(), () => lab.clock.advance(20 * MINUTE_MS)];
    expect(await lab.push(...push)).toMatchObject({ kind: 'appended', duplicate: false });
    for (const live of lives) {
      await live();
      expect(await lab.push(...push)).toMatchObject({ kind: 'appended', duplicate: true });
    }
    const [status] = await lab.shard.reader.clients('default');
    expect(status?.pushes).toEqual({ expected: 1, received: 1, duplicate: 4, late: 0, conflict: 0 });
    expect(status?.samples).toMatchObject({ stored: 2, duplicate: 8 });
    expect((await lab.windows()).map(({ count, revision }) => [count, revision])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test('that the edge gave its time is not merged again when its push is repeated, at another time, after any life', async () => {
    const lab = await openLab();
    const push = (ms: number) => lab.push([['cpu', ms, 1]], { pushId: pushId(0), stamped: true });
    await push(START_MS);
    for (const live of [() => lab.crash(), () => lab.restart(), () => lab.clock.advance(20 * MINUTE_MS), () => lab.crash()]) {
      await push(lab.clock.nowMs() + 1);
      await live();
      expect(await lab.samples()).toEqual([['cpu', START_MS, 0, 1]]);
    }
    await lab.crash();
    expect(await lab.samples()).toEqual([['cpu', START_MS, 0, 1]]);
  });

  test('of a push id used for other content is merged, and the misuse counted', async () => {
    const lab = await openLab();
    await lab.push([['cpu', START_MS, 1]], { pushId: pushId(0), contentHash: 1 });
    await lab.push([['cpu', START_MS + 1, 1]], { pushId: pushId(0), contentHash: 2 });
    const [status] = await lab.shard.reader.clients('default');
    expect(status?.pushes).toMatchObject({ received: 1, duplicate: 1, conflict: 1 });
    expect((await lab.samples()).length).toBe(2);
  });
});

describe('memory', () => {
  test('holds a minute that was read back, so that the next late sample reads nothing', async () => {
    let reads = 0;
    const lab = await openLab({
      storeWith: (store) => ({
        ...store,
        readSamples: (range) => {
          reads += 1;
          return store.readSamples(range);
        },
      }),
    });
    await lab.push([['cpu', START_MS, 1]]);
    await lab.clock.advance(15 * MINUTE_MS);
    reads = 0;
    for (let i = 1; i < 20; i++) await lab.push([['cpu', START_MS + i, 1]]);
    expect(reads).toBe(1);
  });

  test('is given back, and the log rests, when all that came was repeats of what is sealed', async () => {
    const lab = await openLab();
    await lab.push([['cpu', START_MS, 1]]);
    await lab.clock.advance(15 * MINUTE_MS);
    for (let i = 0; i < 3; i++) await lab.push([['cpu', START_MS, 1]]);
    await lab.clock.advance(30 * MINUTE_MS);
    await passHours(lab, 30);
    const end = lab.log.end();
    await passHours(lab, 30);
    expect(lab.log.end()).toBe(end);
  });
});

describe('retention', () => {
  const retention = { ...RETENTION, rawMs: 6 * HOUR_MS, minuteMs: 72 * HOUR_MS };

  test.each([
    ['goes on running', (lab: Lab) => passHours(lab, 48)],
    [
      'is off for longer than samples are kept',
      async (lab: Lab) => {
        await finish(lab.clock, lab.shard.stop());
        lab.clock.step(48 * HOUR_MS);
        await lab.crash();
        await passHours(lab, 2);
      },
    ],
  ])('leaves the minutes and hours of a host that fell silent, while the shard %s', async (_how, pass) => {
    const lab = await openLab({ retention });
    await lab.push([['cpu', START_MS, 1]]);
    await lab.clock.advance(15 * MINUTE_MS);
    await pass(lab);
    expect((await lab.samples()).length).toBe(0);
    expect((await lab.windows('web-1', onlyClosed)).map(({ count }) => count)).toEqual([1]);
    await passHours(lab, 72);
    expect(await lab.windows('web-1', onlyClosed)).toEqual([]);
    expect((await lab.windows('web-1', { resolution: '1h' })).map(({ count }) => count)).toEqual([1]);
  });
});

describe('a read', () => {
  test('of a client by name finds what the store holds, though it has been silent for so long that memory let go of it', async () => {
    const lab = await openLab({ partitions: 1 });
    await lab.push([['cpu', START_MS, 1]]);
    await lab.clock.advance(15 * MINUTE_MS);
    lab.clock.step(LIMITS.clientForgetMs + HOUR_MS);
    await lab.push([['cpu', lab.clock.nowMs(), 1]], { client: 'web-2' });
    await lab.clock.advance(30 * SECOND_MS);
    expect((await lab.shard.reader.clients('default')).map(({ client }) => client)).toEqual(['web-2']);
    expect((await lab.samples()).length).toBe(1);
    expect((await lab.windows('web-1', onlyClosed)).map(({ start, count }) => [start, count])).toEqual([[START_MS, 1]]);
    expect((await lab.windows('web-1', { resolution: '1h' })).map(({ start, count }) => [start, count])).toEqual([[START_MS, 1]]);
    expect(await lab.windows('never-seen')).toEqual([]);
    await lab.push([['cpu', START_MS + 1, 5]]);
    expect((await lab.windows())[0]).toMatchObject({ count: 2, revision: 2 });
  });

  test('of all clients finds those too that only the store knows, in order, and asks it only about so long ago', async () => {
    let asked = 0;
    const lab = await openLab({
      partitions: 1,
      storeWith: (store) => ({
        ...store,
        clients: async (tenant, after, max) => {
          asked += 1;
          return store.clients(tenant, after, max);
        },
      }),
    });
    const names = Array.from({ length: LIMITS.storedClientsPerRead + 10 }, (_, i) => `web-${i}`);
    const push = (client: string, tenant = 'default') =>
      lab.shard.append(pushOf(lab.shapes, [['cpu', lab.clock.nowMs(), 1]], { client, tenant }), 1e6);
    await finish(lab.clock, Promise.all([...names.map((name) => push(name)), push('elsewhere', 'other')]));
    await lab.clock.advance(15 * MINUTE_MS);
    lab.clock.step(LIMITS.clientForgetMs + HOUR_MS);
    await finish(lab.clock, Promise.all([push('web-7'), push('fresh')]));
    await lab.clock.advance(30 * SECOND_MS);
    expect((await lab.shard.reader.clients('default')).length).toBe(2);
    const ask = async (startMs: number, endMs: number) => {
      const query = { tenant: 'default', client: undefined, metric: 'cpu', labels: {}, startMs, endMs };
      const windows = await finish(lab.clock, collect(lab.shard.reader.windows({ ...query, resolution: '1m', open: true })));
      const samples = await finish(lab.clock, collect(lab.shard.reader.samples(query)));
      expect(samples.map(({ client }) => client)).toEqual(windows.map(({ client }) => client));
      return windows.map(({ client }) => client);
    };
    expect(await ask(START_MS, lab.clock.nowMs() + 1)).toEqual([...names, 'fresh'].sort());
    expect(await ask(START_MS, START_MS + MINUTE_MS)).toEqual([...names].sort());
    asked = 0;
    expect(await ask(lab.clock.nowMs() - HOUR_MS, lab.clock.nowMs() + 1)).toEqual(['fresh', 'web-7']);
    expect(asked).toBe(0);
  });

  test('is whole while a seal moves what it reads from memory to the store', async () => {
    let gate: Promise<void> | undefined;
    const lab = await openLab({
      storeWith: (store) => ({
        ...store,
        // Read at once, told late: as a query that overlaps a commit.
        readSamples: async (range) => {
          const held = gate;
          const blocks = await store.readSamples(range);
          await held;
          return blocks;
        },
      }),
    });
    await pushFor(lab, 2 * HOUR_MS);
    await lab.push([['cpu', START_MS + 1, 7]]);
    const before = await lab.windows();
    let open = (): void => undefined;
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const reading = lab.windows();
    gate = undefined;
    await lab.clock.advance(12 * MINUTE_MS);
    open();
    expect(await finish(lab.clock, reading)).toEqual(before);
    expect(await lab.windows()).toEqual(before);
  });
});
