/** The contracts on Bun's own adapters; run by `bun test`. */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bunCompression } from '../../src/adapters/bun/compression.ts';
import { bunFileLock } from '../../src/adapters/bun/file-lock.ts';
import { bunSqlDatabase } from '../../src/adapters/bun/sql-database.ts';
import { zlibDecompression } from '../../src/adapters/node/decompression.ts';
import { describeCompression } from '../contract/suites/compression.ts';
import { describeDecompression } from '../contract/suites/decompression.ts';
import { describeOwnFile, describeSqlDatabase } from '../contract/suites/sql-database.ts';

const folder = mkdtempSync(join(tmpdir(), 'metricstream-bun-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

describeSqlDatabase('bun:sqlite in memory', () => bunSqlDatabase(':memory:'));
describeSqlDatabase('bun:sqlite in a file', () => bunSqlDatabase(join(folder, `${files++}.db`)));
describeOwnFile('bun:sqlite in memory', () => bunSqlDatabase(':memory:'));
describeOwnFile('bun:sqlite in a file', () => bunSqlDatabase(join(folder, `${files++}.db`)));
describeCompression('Bun', () => bunCompression());
describeDecompression('node:zlib of Bun', () => zlibDecompression());

describe('a lock on a file', () => {
  test('is held by one, until it lets go, and leaves a file of no bytes', () => {
    const path = join(folder, 'one.lock');
    const release = bunFileLock(path);
    expect(release).toBeDefined();
    expect([bunFileLock(path), bunFileLock(path)]).toEqual([undefined, undefined]);
    release?.();
    const again = bunFileLock(path);
    expect(again).toBeDefined();
    again?.();
    expect(statSync(path).size).toBe(0);
  });

  test('that cannot be taken at all is no lock of another', () => {
    expect(() => bunFileLock(join(folder, 'no-such-folder', 'x.lock'))).toThrow();
  });
});

describe('bun:sqlite in a file', () => {
  test('what was committed is there for the next to open it', () => {
    const path = join(folder, 'kept.db');
    const first = bunSqlDatabase(path);
    first.exec('CREATE TABLE t (a INTEGER PRIMARY KEY) WITHOUT ROWID');
    first.exec('INSERT INTO t VALUES (?)', 7);
    first.close();
    const second = bunSqlDatabase(path);
    expect(second.exec('SELECT a FROM t')).toEqual([{ a: 7 }]);
    second.close();
  });
});
