/** The contracts on Bun's own adapters; run by `bun test`. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bunCompression } from '../../src/adapters/bun/compression.ts';
import { bunFileLock } from '../../src/adapters/bun/file-lock.ts';
import { bunSqlDatabase } from '../../src/adapters/bun/sql-database.ts';
import { zlibDecompression } from '../../src/adapters/node/decompression.ts';
import { describeCompression } from '../contract/suites/compression.ts';
import { describeDecompression } from '../contract/suites/decompression.ts';
import { describeFileLock } from '../contract/suites/file-lock.ts';
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
describeFileLock('bun:sqlite', bunFileLock, folder);

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
