/** The document-store contract in memory and in SQLite. */
import { expect, test } from 'vitest';
import { embeddedDocumentStore } from '../../src/adapters/embedded/document-store.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { memoryDocumentStore } from '../../src/adapters/memory/document-store.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import type { SqlDatabase } from '../../src/ports/sql-database.ts';
import { describeDocumentStore } from './suites/document-store.ts';

function emptyDatabase(): SqlDatabase {
  const database = nodeSqlDatabase(':memory:');
  openSchema(database, { partitions: 12, shards: 1 });
  return database;
}

describeDocumentStore('memory', () => memoryDocumentStore());
describeDocumentStore('embedded on node:sqlite', () => embeddedDocumentStore({ database: emptyDatabase() }));

test('embedded: what fails in the middle of a commit leaves nothing of it', () => {
  const database = emptyDatabase();
  let left = 2;
  const failing: SqlDatabase = {
    ...database,
    exec: (sql, ...params) => {
      if (sql.startsWith('INSERT') && left-- === 0) throw new Error('the disk is full');
      return database.exec(sql, ...params);
    },
  };
  const writes = ['a', 'b', 'c'].map((id) => ({ tenant: 'acme', kind: 'note', id, atMs: 1, parent: '', body: '{}' }));
  expect(() => embeddedDocumentStore({ database: failing }).commit(writes)).toThrow('the disk is full');
  expect(embeddedDocumentStore({ database }).list({ tenant: undefined, kind: 'note', max: 10 })).toEqual([]);
});

test('embedded: a page of a long history is read by the index, without sorting', () => {
  const database = emptyDatabase();
  const plans: string[] = [];
  const explaining: SqlDatabase = {
    ...database,
    exec: (sql, ...params) => {
      if (/^(SELECT|DELETE)/.test(sql)) plans.push(JSON.stringify(database.exec(`EXPLAIN QUERY PLAN ${sql}`, ...params)));
      return database.exec(sql, ...params);
    },
  };
  const store = embeddedDocumentStore({ database: explaining });
  const asked = { tenant: 'acme', kind: 'history', parent: 'one', fromMs: 1, toMs: 9, max: 10 };
  store.list({ ...asked, after: { atMs: 2, id: 'x', tenant: 'acme' } });
  store.list({ ...asked, newestFirst: true });
  store.expire('history', 5, 10);
  expect(plans).toHaveLength(3);
  for (const plan of plans) {
    expect(plan).toContain('documents_by_time (kind=? AND ');
    expect(plan).not.toContain('TEMP B-TREE');
  }
});
