/** The contract of the time-series-store port, as every store keeps it; what one that keeps blocks promises beyond it stands in block-store.ts. */
import { describe, expect, test } from 'vitest';
import { mergeBlocks } from '../../../src/consumers/sample-block.ts';
import type { Series } from '../../../src/model/series.ts';
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
  samplesOf,
  type WritableStore,
  windowColumn,
  windowsOf,
} from './stored.ts';
import { describeClients } from './stored-clients.ts';

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

  test('samples that came out of order are one series in time, and a repeat is harmless', async () => {
    const target = create();
    const late = rawWrite('web-1', 8, [
      [HOUR, 1, undefined],
      [HOUR + 50, 5, undefined],
    ]);
    await target.write(batch(rawWrite('web-1', 7, [[HOUR + 50, 5, undefined]]), late));
    await target.write(batch(rawWrite('web-1', 9, [[HOUR + 20, 2, undefined]])));
    await target.write(batch(late));
    const range = { tenant: 'acme', client: 'web-1', startMs: HOUR, endMs: HOUR + 99, want: undefined };
    expect(samplesOf([mergeBlocks(await target.store.readSamples(range))])).toEqual([
      ['cpu', HOUR, 1],
      ['cpu', HOUR + 20, 2],
      ['cpu', HOUR + 50, 5],
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

  test('a later revision of a window takes its place', async () => {
    const target = create();
    const revised = (base: number, revision: number) =>
      minuteWrite('web-1', HOUR, [windowColumn(CPU, starts(HOUR, 2), base, revision)]);
    await target.write(batch(revised(1, 1)));
    await target.write(batch(revised(3, 2)));
    await target.write(batch(revised(3, 2)));
    expect(await readWindows(target, 'web-1', HOUR, HOUR + HOUR_MS)).toEqual([
      [HOUR, 'cpu', HOUR, 3.1, 2],
      [HOUR, 'cpu', HOUR + MINUTE_MS, 4.1, 2],
    ]);
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
