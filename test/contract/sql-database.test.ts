/** The sql-database contract on node:sqlite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { describeOwnFile, describeSqlDatabase } from './suites/sql-database.ts';

const folder = mkdtempSync(join(tmpdir(), 'metricstream-sql-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

describeSqlDatabase('node:sqlite in memory', () => nodeSqlDatabase(':memory:'));
describeSqlDatabase('node:sqlite in a file', () => nodeSqlDatabase(join(folder, `${files++}.db`)));
describeOwnFile('node:sqlite in memory', () => nodeSqlDatabase(':memory:'));
describeOwnFile('node:sqlite in a file', () => nodeSqlDatabase(join(folder, `${files++}.db`)));
