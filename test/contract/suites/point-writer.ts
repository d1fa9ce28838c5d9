/** The contract of the point-writer port, seen through the store that its points can be read from. */
import { describe, expect, test } from 'vitest';
import { mergeBlocks } from '../../../src/consumers/sample-block.ts';
import { createSeries } from '../../../src/model/series.ts';
import type { ClientPoints, PointWriter } from '../../../src/ports/point-writer.ts';
import type { SampleBlock, TimeSeriesStore } from '../../../src/ports/time-series-store.ts';
import { CPU, DAY, DISK, HOUR, HOUR_MS, MINUTE_MS, rawWrite, samplesOf, windowColumn, windowsOf } from './stored.ts';

export interface ReadableWriter {
  readonly writer: PointWriter;
  readonly store: TimeSeriesStore;
}

function points(over: Partial<ClientPoints>): ClientPoints {
  return {
    tenant: 'acme',
    client: 'web-1',
    datacenter: undefined,
    environment: undefined,
    samples: [],
    minutes: [],
    hours: [],
    blocks: [],
    ...over,
  };
}

const NOTHING_REFUSED = { refused: [], refusedCount: 0 };
const COUNTER = createSeries('requests_total', [['path', '/a b,c="d"']], 'requests', 'counter');

/** @param create answers a writer to an empty store each time. */
export function describePointWriter(name: string, create: () => ReadableWriter): void {
  describe(`point-writer, samples: ${name}`, () => describeSamples(create));
  describe(`point-writer, windows: ${name}`, () => describeWindows(create));
}

async function samplesIn({ store }: ReadableWriter, client = 'web-1'): Promise<SampleBlock> {
  return mergeBlocks(await store.readSamples({ tenant: 'acme', client, startMs: 0, endMs: 2 * HOUR, want: undefined }));
}

function describeSamples(create: () => ReadableWriter): void {
  test('what was written can be read: series, times to the ns, every bit of the values', async () => {
    const target = create();
    const values = Float64Array.of(-0, 0.1 + 0.2, 1e308, Number.MIN_VALUE, -Number.MAX_VALUE, 2 ** 53, 1 / 3, 100);
    const timesMs = Float64Array.from(values, (_, i) => HOUR + i);
    const timesNs = Int32Array.from(values, (_, i) => (i === 0 ? 999_999 : i));
    const block = { timesMs, timesNs, columns: [{ series: COUNTER, rows: undefined, values }] };
    expect(await target.writer.write([points({ samples: [block] })])).toEqual(NOTHING_REFUSED);
    expect(await samplesIn(target)).toEqual(block);
  });

  test('nothing is written where there is nothing', async () => {
    const { writer } = create();
    expect(await writer.write([])).toEqual(NOTHING_REFUSED);
    expect(await writer.write([points({})])).toEqual(NOTHING_REFUSED);
  });

  test('to write again changes nothing', async () => {
    const target = create();
    const { block } = rawWrite('web-1', 1, [
      [HOUR, 1, 2],
      [HOUR + 10, 3, undefined],
    ]);
    for (let i = 0; i < 3; i++) await target.writer.write([points({ samples: [block] })]);
    expect(samplesOf([await samplesIn(target)])).toEqual([
      ['cpu', HOUR, 1],
      ['cpu', HOUR + 10, 3],
      ['disk_free', HOUR, 2],
    ]);
  });

  test('of two samples for one time, under different places, the greater counts', async () => {
    const target = create();
    const at = (value: number) => rawWrite('web-1', 1, [[HOUR, value, undefined]]).block;
    await target.writer.write([points({ datacenter: 'fra', samples: [at(5)] })]);
    await target.writer.write([points({ datacenter: 'ams', environment: 'prod', samples: [at(3)] })]);
    await target.writer.write([points({ samples: [at(4)] })]);
    expect(samplesOf([await samplesIn(target)])).toEqual([['cpu', HOUR, 5]]);
  });

  test('many points of many clients arrive, each once', async () => {
    const target = create();
    const count = 12_000;
    const long: SampleBlock = {
      timesMs: Float64Array.from({ length: count }, (_, i) => HOUR + i),
      timesNs: undefined,
      columns: [{ series: CPU, rows: undefined, values: Float64Array.from({ length: count }, (_, i) => i / 7) }],
    };
    const short = rawWrite('any', 1, [[HOUR, 1, 2]]).block;
    const others = Array.from({ length: 50 }, (_, i) => points({ client: `web-${i + 2}`, samples: [short] }));
    expect(await target.writer.write([points({ samples: [long] }), ...others])).toEqual(NOTHING_REFUSED);
    expect(await samplesIn(target)).toEqual(long);
    expect((await target.store.clients('acme', '', 100)).length).toBe(51);
    expect(samplesOf([await samplesIn(target, 'web-33')])).toHaveLength(2);
  });

  test('a point that cannot be kept is refused and told, and the others are kept', async () => {
    const target = create();
    const { block } = rawWrite('web-1', 1, [
      [HOUR, 1, undefined],
      [HOUR + 10, Number.POSITIVE_INFINITY, undefined],
      [HOUR + 20, 3, undefined],
    ]);
    const { refused, refusedCount } = await target.writer.write([points({ samples: [block] })]);
    expect([refusedCount, refused.length]).toEqual([1, 1]);
    expect(refused[0]?.line).toContain('Infinity');
    expect(samplesOf([await samplesIn(target)])).toEqual([
      ['cpu', HOUR, 1],
      ['cpu', HOUR + 20, 3],
    ]);
  });
}

function describeWindows(create: () => ReadableWriter): void {
  const range = { tenant: 'acme', client: 'web-1', startMs: 0, endMs: 2 * HOUR, want: undefined };

  test('every aggregate can be read, count and revision exactly', async () => {
    const target = create();
    const most = Float64Array.of(Number.MAX_SAFE_INTEGER, 1);
    const minutes = {
      ...windowColumn(DISK, [HOUR, HOUR + MINUTE_MS], 1 / 3),
      count: most,
      revision: most,
      min: Float64Array.of(-0, -1e308),
    };
    const hours = windowColumn(COUNTER, [DAY, DAY + HOUR_MS], 1e15 + 0.125, 7);
    expect(await target.writer.write([points({ minutes: [minutes], hours: [hours] })])).toEqual(NOTHING_REFUSED);
    expect(await target.store.readWindows(range, '1m')).toEqual([{ blockStartMs: HOUR, columns: [minutes] }]);
    expect(await target.store.readWindows(range, '1h')).toEqual([{ blockStartMs: DAY, columns: [hours] }]);
  });

  test('a later revision takes the place of the one before, in one write as well', async () => {
    const target = create();
    const revised = (base: number, revision: number) => windowColumn(CPU, [HOUR], base, revision);
    await target.writer.write([points({ minutes: [revised(1, 1)] })]);
    await target.writer.write([points({ minutes: [revised(2, 2), revised(3, 3)] })]);
    expect(windowsOf(await target.store.readWindows(range, '1m'))).toEqual([[HOUR, 'cpu', HOUR, 3.1, 3]]);
  });

  test('of two versions of a window, under different places, the one with the higher revision counts', async () => {
    const target = create();
    const minutes = (base: number, revision: number) => [windowColumn(CPU, [HOUR, HOUR + revision * MINUTE_MS], base, revision)];
    await target.writer.write([points({ datacenter: 'fra', minutes: minutes(9, 1) })]);
    await target.writer.write([points({ datacenter: 'ams', minutes: minutes(5, 3) })]);
    await target.writer.write([points({ minutes: minutes(7, 2) })]);
    expect(windowsOf(await target.store.readWindows(range, '1m'))).toEqual([
      [HOUR, 'cpu', HOUR, 5.1, 3],
      [HOUR, 'cpu', HOUR + MINUTE_MS, 10.1, 1],
      [HOUR, 'cpu', HOUR + 2 * MINUTE_MS, 8.1, 2],
      [HOUR, 'cpu', HOUR + 3 * MINUTE_MS, 6.1, 3],
    ]);
  });
}
