/** The contract of the time-series-store port. */
import { describe, expect, test } from 'vitest';
import type { Series } from '../../../src/model/series.ts';
import type { Resolution } from '../../../src/model/window.ts';
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
  samplesOf,
  type WritableStore,
  windowColumn,
  windowsOf,
} from './stored.ts';
import { describeClients } from './stored-clients.ts';

const KEEP_ALL: Retention = { rawBeforeMs: 0, minuteBeforeMs: 0, hourBeforeMs: 0 };

async function readSamples(
  { store }: WritableStore,
  client: string,
  startMs: number,
  endMs: number,
  want?: (series: Series) => boolean,
) {
  return samplesOf(await store.readSamples({ tenant: 'acme', client, startMs, endMs, want }));
}

async function readWindows(
  { store }: WritableStore,
  client: string,
  startMs: number,
  endMs: number,
  resolution: Resolution = '1m',
) {
  return windowsOf(await store.readWindows({ tenant: 'acme', client, startMs, endMs, want: undefined }, resolution));
}

/** @param create answers an empty store each time. */
export function describeTimeSeriesStore(name: string, create: () => WritableStore): void {
  describe(`time-series-store, samples: ${name}`, () => {
    describeSamples(create);
  });
  describe(`time-series-store, windows: ${name}`, () => {
    describeWindows(create);
  });
  describe(`time-series-store, clients: ${name}`, () => {
    describeClients(create);
  });
  describe(`time-series-store, retention: ${name}`, () => {
    describeRetention(create);
  });
}

function describeSamples(create: () => WritableStore): void {
  test('what was never written is not there', async () => {
    const target = create();
    expect(await readSamples(target, 'web-1', 0, 2 * HOUR)).toEqual([]);
    expect(await target.store.lastSampleMs('acme', 'web-1')).toBeUndefined();
  });

  test('a range holds its start and not its end', async () => {
    const target = create();
    await target.write(
      batch(
        rawWrite('web-1', 1, [
          [HOUR, 1, undefined],
          [HOUR + 10, 2, undefined],
          [HOUR + 20, 3, undefined],
        ]),
      ),
    );
    expect(await readSamples(target, 'web-1', HOUR, HOUR + 20)).toEqual([
      ['cpu', HOUR, 1],
      ['cpu', HOUR + 10, 2],
    ]);
    expect(await readSamples(target, 'web-1', HOUR + 1, HOUR + 21)).toEqual([
      ['cpu', HOUR + 10, 2],
      ['cpu', HOUR + 20, 3],
    ]);
    expect(await readSamples(target, 'web-1', HOUR + 21, HOUR + 99)).toEqual([]);
    expect(await readSamples(target, 'web-1', HOUR - 99, HOUR)).toEqual([]);
  });

  test('series that are not at every time keep their times when a block is cut', async () => {
    const target = create();
    await target.write(
      batch(
        rawWrite('web-1', 1, [
          [HOUR, 1, undefined],
          [HOUR + 10, 2, 7],
          [HOUR + 20, undefined, 8],
          [HOUR + 30, 4, 9],
        ]),
      ),
    );
    expect(await readSamples(target, 'web-1', HOUR + 10, HOUR + 30)).toEqual([
      ['cpu', HOUR + 10, 2],
      ['disk_free', HOUR + 10, 7],
      ['disk_free', HOUR + 20, 8],
    ]);
    expect(await readSamples(target, 'web-1', HOUR + 20, HOUR + 30)).toEqual([['disk_free', HOUR + 20, 8]]);
  });

  test('a block that began before the range is found, up to the longest span', async () => {
    const target = create();
    await target.write(
      batch(
        rawWrite('web-1', 1, [
          [HOUR, 1, 1],
          [HOUR + HOUR_MS - 1, 2, 2],
        ]),
      ),
    );
    expect(await readSamples(target, 'web-1', HOUR + HOUR_MS - 1, HOUR + HOUR_MS)).toEqual([
      ['cpu', HOUR + HOUR_MS - 1, 2],
      ['disk_free', HOUR + HOUR_MS - 1, 2],
    ]);
  });

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

  test('only wanted series are answered', async () => {
    const target = create();
    await target.write(batch(rawWrite('web-1', 1, [[HOUR, 1, 2]])));
    expect(await readSamples(target, 'web-1', HOUR, HOUR + 1, ({ key }) => key === DISK.key)).toEqual([['disk_free', HOUR, 2]]);
    expect(await readSamples(target, 'web-1', HOUR, HOUR + 1, () => false)).toEqual([]);
  });

  test('series come back with labels, unit and kind; nanoseconds and −0 survive', async () => {
    const target = create();
    const write = rawWrite('web-1', 1, [[HOUR, -0, 1]]);
    await target.write(batch({ ...write, block: { ...write.block, timesNs: Int32Array.of(999_999) } }));
    const [block] = await target.store.readSamples({
      tenant: 'acme',
      client: 'web-1',
      startMs: HOUR,
      endMs: HOUR + 1,
      want: undefined,
    });
    expect(block?.columns.map(({ series }) => series)).toEqual([CPU, DISK]);
    expect(Array.from(block?.timesNs ?? [])).toEqual([999_999]);
    expect(block?.columns[0]?.values[0]).toBe(-0);
  });

  test('clients and tenants do not see each other, whatever their names begin with', async () => {
    const target = create();
    await target.write(
      batch(
        rawWrite('web', 1, [[HOUR, 1, undefined]]),
        rawWrite('web-1', 1, [[HOUR, 2, undefined]]),
        rawWrite('web', 1, [[HOUR, 3, undefined]], 'other'),
      ),
    );
    expect(await readSamples(target, 'web', HOUR, HOUR + 1)).toEqual([['cpu', HOUR, 1]]);
    expect(await target.store.lastSampleMs('other', 'web-1')).toBeUndefined();
  });

  test('the last sample is the greatest time, in whatever block it lies', async () => {
    const target = create();
    await target.write(
      batch(
        rawWrite('web-1', 1, [
          [HOUR, 1, undefined],
          [HOUR + 3_000_000, 1, undefined],
        ]),
        rawWrite('web-1', 2, [[HOUR + 1000, 1, undefined]]),
      ),
    );
    expect(await target.store.lastSampleMs('acme', 'web-1')).toBe(HOUR + 3_000_000);
  });
}

function describeWindows(create: () => WritableStore): void {
  const starts = (from: number, count: number): number[] => Array.from({ length: count }, (_, place) => from + place * MINUTE_MS);

  test('windows come block by block, cut by their start', async () => {
    const target = create();
    await target.write(
      batch(
        minuteWrite('web-1', HOUR + HOUR_MS, [windowColumn(CPU, starts(HOUR + HOUR_MS, 2), 20)]),
        minuteWrite('web-1', HOUR, [windowColumn(CPU, starts(HOUR + 58 * MINUTE_MS, 2), 10)]),
      ),
    );
    expect(await readWindows(target, 'web-1', HOUR + 59 * MINUTE_MS, HOUR + 61 * MINUTE_MS)).toEqual([
      [HOUR, 'cpu', HOUR + 59 * MINUTE_MS, 11.1, 1],
      [HOUR + HOUR_MS, 'cpu', HOUR + HOUR_MS, 20.1, 1],
    ]);
    expect(await readWindows(target, 'web-1', HOUR + 62 * MINUTE_MS, HOUR + 2 * HOUR_MS)).toEqual([]);
  });

  test('every aggregate comes back', async () => {
    const target = create();
    const column = windowColumn(DISK, starts(HOUR, 3), 1_000_000.25);
    await target.write(batch(minuteWrite('web-1', HOUR, [column])));
    const [block] = await target.store.readWindows(
      { tenant: 'acme', client: 'web-1', startMs: HOUR, endMs: HOUR + HOUR_MS, want: undefined },
      '1m',
    );
    expect(block?.columns).toEqual([column]);
  });

  test('a write replaces the whole block, also by fewer series or none', async () => {
    const target = create();
    await target.write(
      batch(minuteWrite('web-1', HOUR, [windowColumn(CPU, starts(HOUR, 2), 1), windowColumn(DISK, starts(HOUR, 2), 5)])),
    );
    await target.write(batch(minuteWrite('web-1', HOUR, [windowColumn(CPU, starts(HOUR + MINUTE_MS, 1), 3, 2)])));
    expect(await readWindows(target, 'web-1', HOUR, HOUR + HOUR_MS)).toEqual([[HOUR, 'cpu', HOUR + MINUTE_MS, 3.1, 2]]);
    await target.write(batch(minuteWrite('web-1', HOUR, [])));
    expect(await readWindows(target, 'web-1', HOUR, HOUR + HOUR_MS)).toEqual([]);
  });

  test('minutes and hours are apart, and so are clients', async () => {
    const target = create();
    await target.write(
      batch(
        minuteWrite('web-1', DAY, [windowColumn(CPU, [DAY], 1)]),
        hourWrite('web-1', DAY, [windowColumn(CPU, [DAY, DAY + 23 * HOUR_MS], 2)]),
        hourWrite('web-10', DAY, [windowColumn(CPU, [DAY], 9)]),
      ),
    );
    expect(await readWindows(target, 'web-1', DAY, DAY + 24 * HOUR_MS)).toEqual([[DAY, 'cpu', DAY, 1.1, 1]]);
    expect(await readWindows(target, 'web-1', DAY + HOUR_MS, DAY + 24 * HOUR_MS, '1h')).toEqual([
      [DAY, 'cpu', DAY + 23 * HOUR_MS, 3.1, 1],
    ]);
  });

  test('only wanted series are answered, and blocks without them are not', async () => {
    const target = create();
    await target.write(
      batch(
        minuteWrite('web-1', HOUR, [windowColumn(CPU, [HOUR], 1)]),
        minuteWrite('web-1', HOUR + HOUR_MS, [windowColumn(CPU, [HOUR + HOUR_MS], 1), windowColumn(DISK, [HOUR + HOUR_MS], 2)]),
      ),
    );
    const range = {
      tenant: 'acme',
      client: 'web-1',
      startMs: 0,
      endMs: 2 * HOUR,
      want: ({ name }: Series) => name === 'disk_free',
    };
    expect(windowsOf(await target.store.readWindows(range, '1m'))).toEqual([
      [HOUR + HOUR_MS, 'disk_free', HOUR + HOUR_MS, 2.1, 1],
    ]);
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
