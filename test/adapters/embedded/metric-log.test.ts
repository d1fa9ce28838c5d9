/** What the SQLite log does beyond its contract: one row a batch, compression where it pays, failures and damage told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { embeddedMetricLog } from '../../../src/adapters/embedded/metric-log.ts';
import { openSchema } from '../../../src/adapters/embedded/schema.ts';
import { zlibCompression } from '../../../src/adapters/node/compression.ts';
import { nodeSqlDatabase } from '../../../src/adapters/node/sql-database.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import type { LogRecord, MetricLog } from '../../../src/ports/metric-log.ts';
import type { SqlDatabase } from '../../../src/ports/sql-database.ts';

const ALL = Number.MAX_SAFE_INTEGER;
const LOST = { partition: -1, bytes: new Uint8Array(0), lost: true };

function open(compressFromBytes = 100): { database: SqlDatabase; log: MetricLog; reopen(over?: SqlDatabase): MetricLog } {
  const database = nodeSqlDatabase(':memory:');
  openSchema(database, { partitions: 12, shards: 1 });
  const reopen = (over: SqlDatabase = database) =>
    embeddedMetricLog({ database: over, compression: zlibCompression(), compressFromBytes, syncAheadFrom: 1 });
  return { database, log: reopen(), reopen };
}

/** Bytes that no compression makes smaller. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

const records = (count: number, bytes: Uint8Array): LogRecord[] =>
  Array.from({ length: count }, (_, i) => ({ partition: i % 12, bytes }));

describe('the embedded log', () => {
  test('writes one row for all appends of a commit', async () => {
    const { database, log } = open();
    await log.append(records(500, noise(20)), 1);
    expect(database.exec('SELECT COUNT(*) AS n FROM log_batches')).toEqual([{ n: 1 }]);
    await log.append(records(3, noise(20)), 2);
    expect(database.exec('SELECT first_offset, last_offset, append_ms FROM log_batches')).toEqual([
      { first_offset: 0, last_offset: 499, append_ms: 1 },
      { first_offset: 500, last_offset: 502, append_ms: 2 },
    ]);
  });

  test('compresses a batch where that pays, and reads either form', async () => {
    const { log } = open();
    await log.append(records(100, new Uint8Array(50)), 1);
    const compressed = log.trim(0, Number.NEGATIVE_INFINITY, ALL).bytes;
    expect(compressed).toBeLessThan(1_000);
    await log.append(records(1, noise(5_000)), 2);
    expect(log.trim(0, Number.NEGATIVE_INFINITY, ALL).bytes).toBeLessThan(compressed + 5_010);
    const read = log.read(0, ALL);
    expect(read.slice(0, 100).every(({ bytes }) => bytes.length === 50)).toBe(true);
    expect(read[100]?.bytes).toEqual(noise(5_000));
  });

  test('counts the same bytes after a restart', async () => {
    const { log, reopen } = open();
    for (let i = 0; i < 5; i++) await log.append(records(i + 1, noise(50)), i);
    log.trim(3, 2, ALL);
    const held = (one: MetricLog): number => one.trim(0, Number.NEGATIVE_INFINITY, ALL).bytes;
    expect(held(reopen())).toBe(held(log));
  });

  test('refuses a batch that is larger than a row may be, and stays as it was', async () => {
    const { log } = open();
    await expect(log.append(records(1, noise(LIMITS.rowBytesMax)), 1)).rejects.toThrow(
      expect.objectContaining({ code: 'internal' }),
    );
    expect(log.end()).toBe(0);
    expect(await log.append(records(1, noise(5)), 2)).toBe(0);
    expect(log.read(0, ALL).length).toBe(1);
  });

  test('tells storage_full when the disk is, tears nothing, and takes the same batch when there is room', async () => {
    const { database, log, reopen } = open();
    await log.append(records(1, noise(50)), 1);
    database.exec('PRAGMA max_page_count = 1');
    const before = log.trim(0, Number.NEGATIVE_INFINITY, ALL).bytes;
    const full = expect.objectContaining({ code: 'storage_full', retryAfterMs: LIMITS.freeCheckIntervalMs });
    await expect(log.append(records(2, noise(300_000)), 2)).rejects.toThrow(full);
    expect([log.end(), reopen().end(), log.trim(0, Number.NEGATIVE_INFINITY, ALL).bytes]).toEqual([1, 1, before]);
    database.exec('PRAGMA max_page_count = 1000000');
    expect(await log.append(records(2, noise(300_000)), 2)).toBe(1);
    expect(reopen().read(0, ALL).length).toBe(3);
  });

  test('tells internal when SQLite cannot write, counts nothing, and goes on when it can again', async () => {
    const { database, reopen } = open();
    let fails = false;
    const failing: SqlDatabase = {
      ...database,
      write: (sql, ...params) => {
        if (fails) throw new Error('disk I/O error');
        return database.write(sql, ...params);
      },
    };
    const log = reopen(failing);
    fails = true;
    await expect(log.append(records(2, noise(5)), 1)).rejects.toThrow(expect.objectContaining({ code: 'internal' }));
    expect([log.end(), log.read(0, ALL)]).toEqual([0, []]);
    fails = false;
    expect(await log.append(records(2, noise(5)), 2)).toBe(0);
    expect(reopen().end()).toBe(2);
  });

  test('what could not be synced is no part of the log until something behind it is durable, and then all of it is', async () => {
    const { database, reopen } = open();
    let fails = true;
    const unsynced: SqlDatabase = {
      ...database,
      write: async (sql, ...params) => {
        await database.write(sql, ...params);
        if (fails) throw new Error('EIO');
      },
    };
    const log = reopen(unsynced);
    await expect(log.append(records(2, noise(5)), 1)).rejects.toThrow(expect.objectContaining({ code: 'internal' }));
    expect([log.end(), log.read(0, ALL)]).toEqual([0, []]);
    fails = false;
    expect(await log.append(records(1, noise(5)), 2)).toBe(2);
    for (const one of [log, reopen()]) expect(one.read(0, ALL).map(({ offset }) => offset)).toEqual([0, 1, 2]);
  });

  test('in a file, small batches and large ones are told in order, each when who opens the file finds it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'metricstream-log-'));
    const database = nodeSqlDatabase(join(folder, 'x.db'));
    openSchema(database, { partitions: 12, shards: 1 });
    const options = { compression: zlibCompression(), compressFromBytes: 100, syncAheadFrom: 4 };
    const log = embeddedMetricLog({ database, ...options });
    const told: number[] = [];
    const append = async (count: number): Promise<void> => {
      const first = await log.append(records(count, noise(20)), 1);
      told.push(first);
      expect(log.end()).toBeGreaterThanOrEqual(first + count);
    };
    for (let round = 0; round < 5; round++) await Promise.all([1, 9, 1, 4, 2].map(append));
    expect(told).toEqual([...told].sort((a, b) => a - b));
    const other = nodeSqlDatabase(join(folder, 'x.db'));
    expect(embeddedMetricLog({ database: other, ...options }).end()).toBe(85);
    other.close();
    database.close();
    rmSync(folder, { recursive: true });
  });

  test('trims a bounded number of batches a call', async () => {
    const { log } = open();
    for (let i = 0; i < LIMITS.retentionRowsPerRun + 10; i++) await log.append(records(1, noise(3)), i);
    expect(log.trim(ALL, ALL, ALL).deleted).toBe(LIMITS.retentionRowsPerRun);
    expect(log.trim(ALL, ALL, ALL).deleted).toBe(9);
    expect(log.read(0, ALL).length).toBe(1);
  });

  test('gives every record of a damaged batch as lost, whatever the damage, and none of it as something else', async () => {
    const { database, log } = open();
    await log.append(records(20, new Uint8Array(30)), 1);
    const lost = Array.from({ length: 20 }, (_, offset) => ({ ...LOST, offset, appendMs: 1 }));
    const [row] = database.exec<{ body: Uint8Array }>('SELECT body FROM log_batches');
    const body = row?.body ?? new Uint8Array();
    for (let length = 0; length < body.length; length++) {
      database.exec('UPDATE log_batches SET body = ?', body.slice(0, length));
      expect(log.read(0, ALL)).toEqual(lost);
    }
    const plain = [0, ...Array.from({ length: 20 }, (_, i) => [i, 1, 7]).flat()];
    const bodies = [
      [1, 255, 255, 255, 255, 255, 255, 127],
      [9, ...noise(50)],
      [9, ...plain.slice(1)],
      [...plain, 0],
    ];
    for (const bytes of bodies) {
      database.exec('UPDATE log_batches SET body = ?', Uint8Array.from(bytes));
      expect(log.read(0, ALL)).toEqual(lost);
    }
    database.exec('UPDATE log_batches SET body = ?', Uint8Array.from(plain));
    expect(log.read(0, ALL)[19]).toEqual({ partition: 19, bytes: Uint8Array.of(7), offset: 19, appendMs: 1 });
  });

  test('throws what SQLite says when it cannot read: nothing is taken for lost that may only be out of reach', async () => {
    const { database, reopen } = open();
    await reopen().append(records(2, noise(5)), 1);
    const failing: SqlDatabase = {
      ...database,
      exec: (sql, ...params) => {
        if (sql.includes('body')) throw new Error('disk I/O error');
        return database.exec(sql, ...params);
      },
    };
    expect(() => reopen(failing).read(0, ALL)).toThrow('disk I/O error');
  });
});
