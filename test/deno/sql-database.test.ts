/** What only Deno can show of node:sqlite as Deno has it; run by `npm run test:deno` beside the contracts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';

const folder = mkdtempSync(join(tmpdir(), 'metricstream-deno-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('these tests, and so the contracts beside them, run in Deno', () => {
  expect('Deno' in globalThis).toBe(true);
});

test('what was committed is there for the next to open it', () => {
  const path = join(folder, 'kept.db');
  const first = nodeSqlDatabase(path);
  first.exec('CREATE TABLE t (a INTEGER PRIMARY KEY) WITHOUT ROWID');
  first.exec('INSERT INTO t VALUES (?)', 7);
  first.close();
  const second = nodeSqlDatabase(path);
  expect(second.exec('SELECT a FROM t')).toEqual([{ a: 7 }]);
  second.close();
});
