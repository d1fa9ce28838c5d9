/** What a time-series store promises that keeps blocks as they are written, and drops them itself. */
import { describe, expect, test } from 'vitest';
import type { Retention } from '../../../src/ports/time-series-store.ts';
import {
  batch,
  CPU,
  DAY,
  DISK,
  HOUR,
  HOUR_MS,
  hourWrite,
  MINUTE_MS,
  minuteWrite,
  rawWrite,
  readSamples,
  readWindows,
  type WritableStore,
  windowColumn,
} from './stored.ts';

const KEEP_ALL: Retention = { rawBeforeMs: 0, minuteBeforeMs: 0, hourBeforeMs: 0 };

/** @param create answers an empty store each time. */
export function describeBlockStore(name: string, create: () => WritableStore): void {
  describe(`time-series-store, blocks: ${name}`, () => {
    describeBlocks(create);
  });
  describe(`time-series-store, retention: ${name}`, () => {
    describeRetention(create);
  });
}

function describeBlocks(create: () => WritableStore): void {
  test('blocks come by their first time, and may repeat each other', async () => {
    const target = create();
    await target.write(
      batch(
        rawWrite('web-1', 7, [[HOUR + 50, 5, undefined]]),
        rawWrite('web-1', 8, [
          [HOUR, 1, undefined],
          [HOUR + 50, 6, undefined],
        ]),
      ),
    );
    await target.write(batch(rawWrite('web-1', 9, [[HOUR + 20, 2, undefined]])));
    expect(await readSamples(target, 'web-1', HOUR, HOUR + 99)).toEqual([
      ['cpu', HOUR, 1],
      ['cpu', HOUR + 50, 6],
      ['cpu', HOUR + 20, 2],
      ['cpu', HOUR + 50, 5],
    ]);
  });

  test('a rewrite of (client, first time, sequence) replaces; another sequence stands beside it', async () => {
    const target = create();
    await target.write(
      batch(
        rawWrite('web-1', 1, [
          [HOUR, 1, undefined],
          [HOUR + 10, 2, undefined],
        ]),
      ),
    );
    await target.write(batch(rawWrite('web-1', 1, [[HOUR, 3, undefined]])));
    await target.write(batch(rawWrite('web-1', 2, [[HOUR, 4, undefined]])));
    expect(await readSamples(target, 'web-1', HOUR, HOUR + 99)).toEqual([
      ['cpu', HOUR, 3],
      ['cpu', HOUR, 4],
    ]);
  });

  test('a write replaces the whole block, also by fewer series or none', async () => {
    const target = create();
    await target.write(
      batch(
        minuteWrite('web-1', HOUR, [
          windowColumn(CPU, [HOUR, HOUR + MINUTE_MS], 1),
          windowColumn(DISK, [HOUR, HOUR + MINUTE_MS], 5),
        ]),
      ),
    );
    await target.write(batch(minuteWrite('web-1', HOUR, [windowColumn(CPU, [HOUR + MINUTE_MS], 3, 2)])));
    expect(await readWindows(target, 'web-1', HOUR, HOUR + HOUR_MS)).toEqual([[HOUR, 'cpu', HOUR + MINUTE_MS, 3.1, 2]]);
    await target.write(batch(minuteWrite('web-1', HOUR, [])));
    expect(await readWindows(target, 'web-1', HOUR, HOUR + HOUR_MS)).toEqual([]);
  });
}

function describeRetention(create: () => WritableStore): void {
  /** Two clients, each with raw blocks, minutes and hours at `HOUR` and one, two … hours (for hours: days) later. */
  async function filled(count: number): Promise<WritableStore> {
    const target = create();
    for (const client of ['web-1', 'web-2']) {
      for (let place = 0; place < count; place++) {
        const hour = HOUR + place * HOUR_MS;
        const day = DAY + place * 24 * HOUR_MS;
        await target.write(
          batch(
            rawWrite(client, 1, [
              [hour, 1, undefined],
              [hour + 10, 2, undefined],
            ]),
            minuteWrite(client, hour, [windowColumn(CPU, [hour], 1)]),
            hourWrite(client, day, [windowColumn(CPU, [day], 1)]),
          ),
        );
      }
    }
    return target;
  }

  /** Calls until nothing is left; fails when a call drops more than it may. */
  async function retainAll({ store }: WritableStore, retention: Retention, rowsMax: number): Promise<number> {
    for (let dropped = 0, calls = 0; ; calls++) {
      const rows = await store.retain(retention, rowsMax);
      expect(rows).toBeLessThanOrEqual(rowsMax);
      if (rows === 0 || calls > 100) return dropped;
      dropped += rows;
    }
  }

  test('raw blocks that end at or before the time are dropped, others stay whole', async () => {
    const target = await filled(3);
    expect(await retainAll(target, { ...KEEP_ALL, rawBeforeMs: HOUR + 9 }, 50)).toBe(0);
    expect(await retainAll(target, { ...KEEP_ALL, rawBeforeMs: HOUR + HOUR_MS + 10 }, 50)).toBe(4);
    for (const client of ['web-1', 'web-2']) {
      expect((await readSamples(target, client, 0, 2 * HOUR)).map(([, ms]) => ms)).toEqual([
        HOUR + 2 * HOUR_MS,
        HOUR + 2 * HOUR_MS + 10,
      ]);
      expect(await readWindows(target, client, 0, 2 * HOUR)).toHaveLength(3);
    }
  });

  test('blocks of minutes and of hours are dropped by their own times, when their last window has ended', async () => {
    const target = await filled(3);
    expect(
      await retainAll(target, { ...KEEP_ALL, minuteBeforeMs: HOUR + HOUR_MS - 1, hourBeforeMs: DAY + 24 * HOUR_MS - 1 }, 50),
    ).toBe(0);
    expect(await retainAll(target, { ...KEEP_ALL, minuteBeforeMs: HOUR + HOUR_MS, hourBeforeMs: DAY + 48 * HOUR_MS }, 50)).toBe(
      6,
    );
    expect(await readWindows(target, 'web-2', 0, 2 * HOUR)).toHaveLength(2);
    expect(await readWindows(target, 'web-2', 0, 2 * HOUR, '1h')).toHaveLength(1);
    expect(await readSamples(target, 'web-2', 0, 2 * HOUR)).toHaveLength(6);
  });

  test('a call drops no more than it may, and calls end up with all of it', async () => {
    const target = await filled(5);
    const everything = { rawBeforeMs: 2 * HOUR, minuteBeforeMs: 2 * HOUR, hourBeforeMs: 2 * HOUR };
    expect(await retainAll(target, everything, 4)).toBe(30);
    expect(await target.store.lastSampleMs('acme', 'web-1')).toBeUndefined();
    expect(await target.store.retain(everything, 4)).toBe(0);
  });

  test('what is written after a round is dropped by a later one', async () => {
    const target = await filled(1);
    const everything = { rawBeforeMs: 2 * HOUR, minuteBeforeMs: 2 * HOUR, hourBeforeMs: 2 * HOUR };
    await retainAll(target, everything, 50);
    await target.write(
      batch(rawWrite('a-client', 1, [[HOUR, 1, 1]]), minuteWrite('z-client', HOUR, [windowColumn(CPU, [HOUR], 1)])),
    );
    expect(await retainAll(target, everything, 50)).toBe(2);
  });
}
