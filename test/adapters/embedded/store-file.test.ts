/** The embedded store on a file: all or nothing, rows within their bound, and space that is given back. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { embeddedCheckpointStore } from '../../../src/adapters/embedded/checkpoint-store.ts';
import { openSchema } from '../../../src/adapters/embedded/schema.ts';
import { embeddedTimeSeriesStore } from '../../../src/adapters/embedded/time-series-store.ts';
import { zlibCompression } from '../../../src/adapters/node/compression.ts';
import { nodeSqlDatabase } from '../../../src/adapters/node/sql-database.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import { createSeries } from '../../../src/model/series.ts';
import { DAY_MS, HOUR_MS } from '../../../src/model/window.ts';
import type { SqlDatabase } from '../../../src/ports/sql-database.ts';
import type { RawWrite, SampleBlock, StoreBatch, WindowColumn } from '../../../src/ports/time-series-store.ts';
import {
  batch,
  CPU,
  HOUR,
  hourWrite,
  minuteWrite,
  placed,
  rawWrite,
  samplesOf,
  windowColumn,
} from '../../contract/suites/stored.ts';
import { windowBits } from './bits.ts';
import { hostBlocks, hostMinutes } from './host-metrics.ts';

const folder = mkdtempSync(join(tmpdir(), 'metricstream-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function opened(database: SqlDatabase) {
  openSchema(database, { partitions: 12, shards: 1 });
  const store = embeddedTimeSeriesStore({ database, compression: zlibCompression() });
  const put = (writes: StoreBatch): void =>
    database.transaction(() => {
      for (const [sql, ...params] of store.prepare(writes)) database.exec(sql, ...params);
    });
  return { database, store, put, checkpoints: embeddedCheckpointStore({ database, store }) };
}

/** Moves a captured block to another time. */
function at(block: SampleBlock, startMs: number): SampleBlock {
  const [first] = block.timesMs;
  return { ...block, timesMs: block.timesMs.map((ms) => startMs + ms - (first ?? 0)) };
}

function writtenRows(database: SqlDatabase): number {
  return database.exec<{ rows: number }>('SELECT total_changes() AS rows')[0]?.rows ?? 0;
}

/** What one host leaves in a day: ten minutes of samples at a time, its hours of minutes, and its day of hours. */
function hostDay(blocks: readonly SampleBlock[], minutes: readonly WindowColumn[], client: string, dayMs: number): StoreBatch {
  const raw = Array.from({ length: 144 }, (_, place): RawWrite => {
    const block = at(blocks[place % blocks.length] as SampleBlock, dayMs + place * 600_000);
    return { ...placed('acme', client), sequence: place, block };
  });
  const hours = Array.from({ length: 24 }, (_, hour) => {
    const starts = (column: WindowColumn): Float64Array =>
      column.starts.map((_, minute) => dayMs + hour * HOUR_MS + minute * 60_000);
    return minuteWrite(
      client,
      dayMs + hour * HOUR_MS,
      minutes.map((column) => ({ ...column, starts: starts(column) })),
    );
  });
  const day = hourWrite(client, dayMs, [windowColumn(CPU, [dayMs], 1)]);
  return { raw, windows: [...hours, day] };
}

describe('the embedded store', () => {
  const day = HOUR - (HOUR % DAY_MS);
  const [blocks, minutes] = [hostBlocks(), hostMinutes(0)];

  test('writes at most 400 rows a host and day, deletes included', async () => {
    const { database, store, put } = opened(nodeSqlDatabase(':memory:'));
    const before = writtenRows(database);
    const writes = hostDay(blocks, minutes, 'web-1', day);
    for (const raw of writes.raw) put({ raw: [raw], windows: [] });
    for (const windows of writes.windows) put({ raw: [], windows: [windows] });
    // Hour by hour, as retention comes: each hour of minutes leaves the row that it shares.
    for (let later = day; later <= day + DAY_MS; later += HOUR_MS)
      while ((await store.retain({ rawBeforeMs: later, minuteBeforeMs: later, hourBeforeMs: later }, 100)) > 0);
    expect(database.exec('SELECT client FROM raw_blocks UNION ALL SELECT client FROM window_blocks')).toEqual([]);
    expect(writtenRows(database) - before).toBe(2 * (144 + 24 + 1));
  });

  test('takes at most 680 KB a host and day in the file, 1.1 times its blocks for windows, and gives it back after retention', async () => {
    const path = join(folder, 'space.db');
    const database = nodeSqlDatabase(path);
    const { store, put } = opened(database);
    const fileBytes = (): number => {
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      return statSync(path).size;
    };
    const empty = fileBytes();
    for (let host = 0; host < 8; host++) put(hostDay(blocks, minutes, `web-${host}`, day));
    const [windows] = database.exec<{ held: number; pages: number }>(
      "SELECT (SELECT SUM(LENGTH(body)) FROM window_blocks) AS held, (SELECT SUM(pgsize) FROM dbstat WHERE name = 'window_blocks') AS pages",
    );
    const full = fileBytes();
    expect(full - empty).toBeLessThan(8 * 680_000);
    expect(windows?.pages).toBeLessThan(1.1 * (windows?.held ?? 0));

    const noon = day + DAY_MS / 2;
    while ((await store.retain({ rawBeforeMs: noon, minuteBeforeMs: noon, hourBeforeMs: 0 }, 100)) > 0) database.reclaim(100);
    expect(fileBytes()).toBeLessThan(0.6 * full);
    while ((await store.retain({ rawBeforeMs: 2 * day, minuteBeforeMs: 2 * day, hourBeforeMs: 2 * day }, 100)) > 0)
      database.reclaim(500);
    expect(fileBytes()).toBeLessThan(empty + 100_000);
    database.close();
  });

  test('of minutes that share a row writes again what an hour changes, and nothing where it changes nothing', async () => {
    const { database, store, put } = opened(nodeSqlDatabase(':memory:'));
    const hours = Array.from({ length: 24 }, (_, hour) =>
      minuteWrite('web-1', day + hour * HOUR_MS, [windowColumn(CPU, [day + hour * HOUR_MS], hour)]),
    );
    for (const hour of hours.toReversed()) put(batch(hour));
    expect(database.exec('SELECT start_ms - ? AS ms FROM window_blocks', day)).toEqual(
      [0, 6, 12, 18].map((hour) => ({ ms: hour * HOUR_MS })),
    );
    const read = async (): Promise<number[]> =>
      (
        await store.readWindows({ tenant: 'acme', client: 'web-1', startMs: day, endMs: day + DAY_MS, want: undefined }, '1m')
      ).map(({ columns }) => columns[0]?.min[0] ?? Number.NaN);
    expect(await read()).toEqual(hours.map((_, hour) => hour + 0.2));

    const before = writtenRows(database);
    put(batch(...hours));
    expect(writtenRows(database)).toBe(before);
    const other = (hour: number): StoreBatch['windows'][number] =>
      minuteWrite('web-1', day + hour * HOUR_MS, [windowColumn(CPU, [day + hour * HOUR_MS], 100)]);
    put(batch(other(5), other(7), other(8)));
    expect(writtenRows(database) - before).toBe(2);
    expect(await read()).toEqual(hours.map((_, hour) => ([5, 7, 8].includes(hour) ? 100.2 : hour + 0.2)));
  });

  test('gives a damaged row of minutes back when all of its time is past, and the rows behind it', async () => {
    const { database, store, put } = opened(nodeSqlDatabase(':memory:'));
    for (let hour = 0; hour < 12; hour++)
      put(batch(minuteWrite('web-1', day + hour * HOUR_MS, [windowColumn(CPU, [day + hour * HOUR_MS], 1)])));
    database.exec('UPDATE window_blocks SET body = ? WHERE start_ms = ?', new Uint8Array(0), day);
    const retain = async (minuteBeforeMs: number): Promise<number> => {
      let dropped = 0;
      for (let rows = -1; rows !== 0; dropped += rows)
        rows = await store.retain({ rawBeforeMs: 0, minuteBeforeMs, hourBeforeMs: 0 }, 3);
      return dropped;
    };
    expect(await retain(day + 5 * HOUR_MS)).toBe(0);
    expect(await retain(day + 10 * HOUR_MS)).toBe(5);
    expect(database.exec('SELECT first_ms - start_ms AS ms FROM window_blocks')).toEqual([{ ms: 4 * HOUR_MS }]);
  });

  test('splits a block that does not fit in a row by its columns, and reads it as one', async () => {
    const { database, store, put } = opened(nodeSqlDatabase(':memory:'));
    const seed = (place: number): number => Math.sin(place) / 3;
    const columns = Array.from({ length: 1400 }, (_, series): WindowColumn => {
      const field = (add: number): Float64Array =>
        Float64Array.from({ length: 60 }, (_, place) => seed(series * 600 + place * 10 + add));
      const column = windowColumn(
        createSeries('custom', [['series', String(series)]], '', 'gauge'),
        Array.from({ length: 60 }, (_, minute) => HOUR + minute * 60_000),
        0,
      );
      return { ...column, sum: field(1), min: field(2), max: field(3), first: field(4), last: field(5), increase: field(6) };
    });
    put(batch(minuteWrite('web-1', HOUR, columns)));
    const rows = database.exec<{ part: number; bytes: number }>(
      'SELECT part, LENGTH(body) AS bytes FROM window_blocks ORDER BY part',
    );
    expect(rows.length).toBeGreaterThan(1);
    expect(Math.max(...rows.map(({ bytes }) => bytes))).toBeLessThanOrEqual(LIMITS.rowBytesMax);
    const range = { tenant: 'acme', client: 'web-1', startMs: HOUR, endMs: HOUR + HOUR_MS, want: undefined };
    const read = await store.readWindows(range, '1m');
    expect(read).toHaveLength(1);
    expect(windowBits(read[0]?.columns ?? [])).toEqual(windowBits(columns));

    put(batch(minuteWrite('web-1', HOUR, columns.slice(0, 1))));
    expect(database.exec('SELECT part FROM window_blocks')).toHaveLength(1);
  });

  test('a commit that fails at any of its statements leaves neither rows nor checkpoint', async () => {
    const real = nodeSqlDatabase(':memory:');
    let left = Number.POSITIVE_INFINITY;
    const failing: SqlDatabase = {
      ...real,
      exec(sql, ...params) {
        if (left-- <= 0) throw new Error('the disk is gone');
        return real.exec(sql, ...params);
      },
    };
    const { checkpoints, store } = opened(failing);
    const writes = batch(rawWrite('web-1', 1, [[HOUR, 1, 1]]), minuteWrite('web-1', HOUR, [windowColumn(CPU, [HOUR], 1)]));
    const range = { tenant: 'acme', client: 'web-1', startMs: HOUR, endMs: HOUR + 1, want: undefined };
    const commit = (): Promise<void> =>
      checkpoints.commit({ partition: 0, position: 1, safeOffset: 1, state: Uint8Array.of(1) }, writes);
    let statements = 0;
    for (; ; statements++) {
      left = statements;
      const failed = await commit().then(
        () => false,
        () => true,
      );
      left = Number.POSITIVE_INFINITY;
      if (!failed) break;
      expect(await checkpoints.load(0)).toBeUndefined();
      expect(await store.readSamples(range)).toEqual([]);
      expect(await store.readWindows(range, '1m')).toEqual([]);
    }
    expect(statements).toBeGreaterThan(4);
    expect(samplesOf(await store.readSamples(range))).toHaveLength(2);
    expect((await checkpoints.load(0))?.position).toBe(1);
  });

  test('a row that was damaged is corrupt_data to its reader', async () => {
    const { database, store, put } = opened(nodeSqlDatabase(':memory:'));
    put(batch(rawWrite('web-1', 1, [[HOUR, 1, 1]]), minuteWrite('web-1', HOUR, [windowColumn(CPU, [HOUR], 1)])));
    const range = { tenant: 'acme', client: 'web-1', startMs: HOUR, endMs: HOUR + 1, want: undefined };
    for (const body of [new Uint8Array(0), Uint8Array.of(9, 1, 2), Uint8Array.of(1, 255, 255)]) {
      database.exec('UPDATE raw_blocks SET body = ?', body);
      database.exec('UPDATE window_blocks SET body = ?', body);
      await expect(store.readSamples(range)).rejects.toMatchObject({ code: 'corrupt_data' });
      await expect(store.readWindows(range, '1m')).rejects.toMatchObject({ code: 'corrupt_data' });
    }
  });

  test('of a state in parts only those that changed are written again, and the first', async () => {
    const { database, checkpoints } = opened(nodeSqlDatabase(':memory:'));
    const state = new Uint8Array(4 * LIMITS.checkpointPartBytesMax).fill(1);
    await checkpoints.commit({ partition: 0, position: 1, safeOffset: 1, state }, batch());
    const before = writtenRows(database);
    state[2 * LIMITS.checkpointPartBytesMax] = 2;
    await checkpoints.commit({ partition: 0, position: 2, safeOffset: 1, state }, batch());
    expect(writtenRows(database) - before).toBe(2);
    const loaded = await checkpoints.load(0);
    expect(loaded?.position).toBe(2);
    expect(loaded?.state.every((byte, place) => byte === state[place])).toBe(true);
  });
});
