/** Commits are synced behind SQLite's back: nobody is told before that is done, and a disk that fails once makes nobody believe what it lost. */
import { copyFileSync, type fdatasync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { tunedPragmas } from '../../../src/adapters/embedded/pragmas.ts';
import { walSync } from '../../../src/adapters/node/wal-sync.ts';

const EIO = new Error('EIO: i/o error, fdatasync');
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A database whose syncs end when the test says so, and how. */
function open() {
  const folder = mkdtempSync(join(tmpdir(), 'metricstream-wal-'));
  folders.push(folder);
  const path = join(folder, 'x.db');
  const db = new DatabaseSync(path);
  for (const pragma of tunedPragmas(false)) db.exec(pragma);
  db.exec('PRAGMA busy_timeout=10');
  db.exec('CREATE TABLE t (a)');
  const syncs: ((error: Error | null) => void)[] = [];
  const sync = ((_file: number, done: (error: Error | null) => void) => void syncs.push(done)) as typeof fdatasync;
  const wal = walSync({ path, run: (sql) => db.exec(sql), row: (sql) => db.prepare(sql).get(), sync });
  const write = (value: number): Promise<void> => {
    wal.sound('INSERT');
    return wal.ahead(() => db.exec(`INSERT INTO t VALUES (${value})`));
  };
  /** What somebody finds who has those files only. */
  const found = (...suffixes: readonly string[]): unknown[] => {
    for (const suffix of suffixes) copyFileSync(`${path}${suffix}`, join(folder, `copy.db${suffix}`));
    const copy = new DatabaseSync(join(folder, 'copy.db'));
    const rows = copy.prepare('SELECT a FROM t ORDER BY a').all();
    copy.close();
    return rows.map(({ a }) => a);
  };
  return { path, db, wal, write, syncs, found };
}

describe('the sync of what is committed ahead of it', () => {
  test('is one for all who come while another is under way, told in order; the file has their rows then', async () => {
    const { write, syncs, found } = open();
    const told: number[] = [];
    const writes = [1, 2, 3].map((value) => write(value).then(() => told.push(value)));
    expect(syncs.length).toBe(1);
    syncs.shift()?.(null);
    await writes[0];
    expect([told, syncs.length]).toEqual([[1], 1]);
    syncs.shift()?.(null);
    await Promise.all(writes);
    expect([told, syncs.length]).toEqual([[1, 2, 3], 0]);
    expect(found('', '-wal')).toEqual([1, 2, 3]);
  });

  test('leaves all other commits as they were: synced by SQLite itself', async () => {
    const { db, write, syncs } = open();
    const synchronous = (): unknown => db.prepare('PRAGMA synchronous').get();
    const FULL = { synchronous: 2 };
    const written = write(1);
    expect(synchronous()).toEqual(FULL);
    expect(() => write(Number.NaN)).toThrow('NaN');
    expect(synchronous()).toEqual(FULL);
    syncs.shift()?.(null);
    await written;
  });

  test('that fails is made up for: all goes into the database file, and is durable there', async () => {
    const { path, write, syncs, found } = open();
    const written = write(1);
    syncs.shift()?.(EIO);
    await written;
    expect(statSync(`${path}-wal`).size).toBe(0);
    expect(found('')).toEqual([1]);
    const next = write(2);
    syncs.shift()?.(null);
    await next;
    expect(found('', '-wal')).toEqual([1, 2]);
  });

  test('that fails for good fails all who wait for it, and nothing is written before it has been made up for', async () => {
    const { path, db, wal, write, syncs, found } = open();
    // As long as somebody reads, the write-ahead log cannot be emptied.
    const reader = new DatabaseSync(path);
    reader.exec('BEGIN');
    reader.prepare('SELECT * FROM t').all();
    const written = write(1);
    syncs.shift()?.(EIO);
    await expect(written).rejects.toThrow('EIO');
    expect(() => write(2)).toThrow('cannot be emptied');
    expect(() => wal.sound('BEGIN')).toThrow('cannot be emptied');
    wal.sound('SELECT 1');
    expect(db.prepare('SELECT a FROM t').all().length).toBe(1);
    reader.close();
    const next = write(3);
    syncs.shift()?.(null);
    await next;
    // The first went in with those behind it, though nobody was told.
    expect(found('')).toEqual([1]);
    expect(found('', '-wal')).toEqual([1, 3]);
  });

  test('that fails for good fails those too who had written behind it, whatever the next sync says', async () => {
    const { path, write, syncs } = open();
    const reader = new DatabaseSync(path);
    reader.exec('BEGIN');
    reader.prepare('SELECT * FROM t').all();
    const writes = Promise.allSettled([write(1), write(2)]);
    syncs.shift()?.(EIO);
    syncs.shift()?.(null);
    expect((await writes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    reader.close();
  });

  test('may end after the database was closed', async () => {
    const { db, wal, write, syncs } = open();
    const written = write(1);
    db.close();
    wal.close();
    syncs.shift()?.(null);
    await written;
    wal.close();
  });
});
