/** A store, a checkpoint or a log that fails for a while costs time, never a sample and never a count. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import { expectSame, live, pastHistory } from './histories.ts';
import { finish, type Lab, type LabOptions, openLab, RETENTION, START_MS } from './lab.ts';
import { pushOf, type Sample } from './shapes.ts';

const CPU: readonly Sample[] = [['cpu', START_MS, 1]];

/** Fails while it is told to. */
function fault() {
  const broken = { now: false, times: 0 };
  const check = (): void => {
    if (!broken.now) return;
    broken.times += 1;
    throw new Error('a planted fault');
  };
  const options: LabOptions = {
    storeWith: (store) => ({
      ...store,
      readSamples: async (range) => {
        check();
        return store.readSamples(range);
      },
      readWindows: async (range, resolution) => {
        check();
        return store.readWindows(range, resolution);
      },
      lastSampleMs: async (tenant, client) => {
        check();
        return store.lastSampleMs(tenant, client);
      },
    }),
    checkpointsWith: (checkpoints) => ({
      ...checkpoints,
      commit: async (checkpoint, batch) => {
        check();
        await checkpoints.commit(checkpoint, batch);
      },
    }),
  };
  return { broken, options };
}

/** Lets the shard try again until it has caught up. */
async function recover(lab: Lab): Promise<void> {
  for (let i = 0; i < 5; i++) await lab.clock.advance(1_000);
  expect(lab.shard.ready()).toEqual({ ready: true });
}

describe('a shard', () => {
  test('whose store and checkpoints fail for a while answers afterwards as if they had not', async () => {
    let faults = 0;
    await fc.assert(
      fc.asyncProperty(pastHistory, async (steps) => {
        const { broken, options } = fault();
        const sound = await openLab();
        const shaken = await openLab(options);
        await live(sound, steps, async () => undefined);
        await live(shaken, steps, async (how) => {
          broken.now = how < 4 && !broken.now;
        });
        broken.now = false;
        faults += broken.times;
        await recover(shaken);
        await sound.clock.advance(5_000);
        await expectSame(shaken, sound);
        await shaken.crash();
        await expectSame(shaken, sound);
      }),
      { numRuns: 25, endOnFailure: true },
    );
    expect(faults).toBeGreaterThan(100);
  });

  test('says that it is not ready while its consumer fails, and takes pushes all the same', async () => {
    const { broken, options } = fault();
    const lab = await openLab(options);
    broken.now = true;
    expect(await lab.push(CPU)).toMatchObject({ kind: 'appended' });
    expect(lab.shard.ready()).toEqual({ ready: false, reason: 'the consumer fails' });
    expect(await lab.shard.reader.clients('default')).toEqual([]);
    broken.now = false;
    await recover(lab);
    expect((await lab.samples()).length).toBe(1);
  });

  test('appends no tick after the other while its consumer fails', async () => {
    const { broken, options } = fault();
    const lab = await openLab(options);
    await lab.push(CPU);
    broken.now = true;
    await lab.push(CPU, { client: 'another' });
    await lab.clock.advance(600_000);
    expect(lab.log.end()).toBeLessThan(6);
    broken.now = false;
    await recover(lab);
    await lab.clock.advance(60_000);
    expect((await lab.windows('web-1', { open: false })).length).toBe(1);
  });

  test('looks at the disk and saves checkpoints though its clock was set back', async () => {
    let commits = 0;
    const lab = await openLab({
      checkpointsWith: (checkpoints) => ({
        ...checkpoints,
        commit: async (checkpoint, batch) => {
          commits += 1;
          await checkpoints.commit(checkpoint, batch);
        },
      }),
    });
    await lab.clock.advance(60_000);
    lab.clock.step(-3_600_000);
    await lab.clock.advance(1_000);
    const before = commits;
    for (let i = 0; i < 40; i++) {
      await lab.push([['cpu', START_MS + i, i]]);
      await lab.clock.advance(1_000);
    }
    expect(commits).toBeGreaterThan(before);
    lab.disk = { freeBytes: 1, totalBytes: 1e12 };
    await lab.clock.advance(6_000);
    expect(await lab.push(CPU)).toMatchObject({ code: 'storage_full' });
  });

  test('acknowledges nothing that the log did not take, and counts the repeat once', async () => {
    let fails = true;
    const lab = await openLab({
      logWith: (log) => ({
        ...log,
        append: (records, stampMs) => {
          if (fails) throw new Error('no space left on device');
          return log.append(records, stampMs);
        },
      }),
    });
    const pushId = { boot: 'b', sequence: 0, previous: undefined };
    await expect(lab.push(CPU, { pushId })).rejects.toThrow('no space');
    fails = false;
    expect(await lab.push(CPU, { pushId })).toMatchObject({ kind: 'appended', duplicate: false });
    expect((await lab.shard.reader.clients('default'))[0]?.pushes).toMatchObject({ expected: 1, received: 1, duplicate: 0 });
  });

  test('refuses a push as storage_full when the disk fills up inside the append, and takes it by itself when there is room', async () => {
    const lab = await openLab();
    await lab.push(CPU);
    const large = Array.from({ length: 900 }, (_, i): Sample => [`m${i}`, START_MS, Math.sqrt(i)]);
    const pushId = { boot: 'b', sequence: 0, previous: undefined };
    // No page is free inside the file, and it may not grow.
    lab.database.reclaim(1_000);
    lab.database.exec('PRAGMA max_page_count = 1');
    // What is asked for while it is full: the push, its repeat, and a checkpoint.
    for (let i = 0; i < 2; i++) {
      const refused = { code: 'storage_full', retryAfterMs: LIMITS.freeCheckIntervalMs };
      await expect(lab.push(large, { pushId })).rejects.toMatchObject(refused);
      await lab.clock.advance(16_000);
    }
    lab.database.exec('PRAGMA max_page_count = 1000000');
    await recover(lab);
    expect(await lab.push(large, { pushId })).toMatchObject({ kind: 'appended', duplicate: false });
    await lab.crash();
    expect((await lab.samples()).length).toBe(901);
    expect((await lab.shard.reader.clients('default'))[0]?.pushes).toMatchObject({ expected: 2, received: 2, duplicate: 0 });
  });

  test('passes over a record that nobody can read, and goes on', async () => {
    const lab = await openLab();
    await lab.push(CPU);
    await lab.shard.stop();
    lab.log.append(
      [
        { partition: 0, bytes: Uint8Array.of(9, 9, 9) },
        { partition: 1, bytes: new Uint8Array(0) },
        { partition: 77, bytes: Uint8Array.of(1, 1) },
      ],
      START_MS,
    );
    await lab.crash();
    await lab.push([['cpu', START_MS + 1, 2]]);
    expect((await lab.samples()).map(([, , , value]) => value)).toEqual([1, 2]);
    await lab.restart();
    expect((await lab.samples()).map(([, , , value]) => value)).toEqual([1, 2]);
  });

  test('passes over a damaged batch of the log, counts what is lost with it, and goes on', async () => {
    const lab = await openLab();
    const send = (sequence: number) =>
      lab.push([['cpu', START_MS + sequence, sequence]], { pushId: { boot: 'b', sequence, previous: undefined } });
    for (const sequence of [0, 1, 2]) await send(sequence);
    // The last one too: a start asks it for its stamp and for who was admitted lately.
    for (const offset of [1, 2])
      lab.database.exec('UPDATE log_batches SET body = substr(body, 1, 9) WHERE first_offset = ?', offset);
    await lab.crash();
    expect(lab.shard.ready()).toEqual({ ready: true });
    expect(lab.metric('metricstream_log_records_lost_total')).toBe(2);
    expect(lab.metric('metricstream_poison_records_total')).toBe(undefined);
    await send(3);
    const values = async () => (await lab.samples()).map(([, , , value]) => value);
    expect(await values()).toEqual([0, 3]);
    expect((await lab.shard.reader.clients('default'))[0]?.pushes).toMatchObject({ expected: 4, received: 2 });
    await lab.restart();
    expect(await values()).toEqual([0, 3]);
  });

  test('takes from the log, in order, what is more than may wait in memory', async () => {
    const lab = await openLab();
    const names = Array.from({ length: 900 }, (_, i) => `${'x'.repeat(900)}${i}`);
    const pushes = Math.ceil(LIMITS.tailBytesMax / (900 * 900)) + 3;
    const waiting = Array.from({ length: pushes }, (_, i) => {
      const wide = names.map((name): Sample => [name, START_MS + i, i]);
      return lab.shard.append(pushOf(lab.shapes, wide, { pushId: { boot: 'b', sequence: i, previous: undefined } }), 1e6);
    });
    await finish(lab.clock, Promise.all(waiting));
    await lab.clock.advance(0);
    const [status] = await lab.shard.reader.clients('default');
    expect(status?.pushes).toEqual({ expected: pushes, received: pushes, duplicate: 0, late: 0, conflict: 0 });
    expect(status?.samples).toMatchObject({ stored: pushes * names.length, duplicate: 0 });
  });
});

describe('a log past its size', () => {
  test('is cut as soon as what it holds can be sealed, long before heads are due, so that no push is refused', async () => {
    const lab = await openLab({ retention: { ...RETENTION, logBytesMax: 1_000 } });
    for (let i = 0; i < 30; i++) {
      expect(await lab.push([['cpu', lab.clock.nowMs(), i]])).toMatchObject({ kind: 'appended' });
      await lab.clock.advance(10_000);
    }
    // Nothing comes any more: minutes close, and the head, which is far from its age, is sealed for the log's sake.
    await lab.clock.advance(LIMITS.windowCloseLagMs + 3 * LIMITS.retentionIntervalMs);
    const held = lab.log.read(0, 1e9).reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(held).toBeLessThanOrEqual(1_000);
    expect((await lab.samples()).length).toBe(30);
  });
});
