/** The schema: made once, checked at every start. */
import { describe, expect, test } from 'vitest';
import { openSchema, type SchemaStep } from '../../../src/adapters/embedded/schema.ts';
import { nodeSqlDatabase } from '../../../src/adapters/node/sql-database.ts';
import type { SqlDatabase } from '../../../src/ports/sql-database.ts';

const COUNTS = { partitions: 12, shards: 1 };
const FIRST: SchemaStep = { take: () => expect.fail('what is there is made again'), adds: false };
const SECOND: SchemaStep = { ...FIRST, adds: true };
const THIRD = SECOND;
const addTable = (name: string): SchemaStep => ({
  take: (database) => void database.exec(`CREATE TABLE ${name} (at_ms INTEGER PRIMARY KEY)`),
  adds: true,
});
const CHANGE: SchemaStep = { take: (database) => void database.exec('DROP TABLE revoked_keys'), adds: false };

/** What the first step makes. */
function openTables(target: SqlDatabase): void {
  const whole = nodeSqlDatabase(':memory:');
  openSchema(whole, COUNTS);
  for (const { sql } of whole.exec<{ sql: string }>("SELECT sql FROM sqlite_master WHERE type = 'table'")) target.exec(sql);
}

function tables(database: SqlDatabase): string[] {
  return database
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .map(({ name }) => name);
}

describe('openSchema', () => {
  test('makes tables in which a row is written once: its key is the rowid or there is none; only documents have a secondary index', () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    expect(tables(database)).toEqual([
      'checkpoints',
      'documents',
      'enrichments',
      'log_batches',
      'raw_blocks',
      'revoked_keys',
      'settings',
      'window_blocks',
    ]);
    const statements = database.exec<{ sql: string }>("SELECT sql FROM sqlite_master WHERE type = 'table'");
    const once = statements.filter(({ sql }) => sql.endsWith('WITHOUT ROWID') || /^[^,]* INTEGER PRIMARY KEY,/.test(sql));
    expect(once).toEqual(statements);
    const indexes = database.exec("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL");
    expect(indexes).toEqual([{ name: 'documents_by_time' }]);
  });

  test('leaves what is there at a second start', () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    database.exec("INSERT INTO revoked_keys VALUES ('acme', 'acme.one', 1, NULL)");
    openSchema(database, COUNTS);
    expect(database.exec('SELECT key_id FROM revoked_keys')).toHaveLength(1);
  });

  test('brings a file of an older version up to date, with all that is in it, and only once', () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    database.exec("INSERT INTO revoked_keys VALUES ('acme', 'acme.one', 1, NULL)");
    const add = (name: string): SchemaStep => ({
      take: (target) => void target.exec(`ALTER TABLE revoked_keys ADD COLUMN ${name} INTEGER`),
      adds: false,
    });
    const steps = [FIRST, SECOND, THIRD, add('a'), add('b')];
    openSchema(database, COUNTS, steps);
    openSchema(database, COUNTS, steps);
    expect(database.exec('SELECT key_id, a, b FROM revoked_keys')).toEqual([{ key_id: 'acme.one', a: null, b: null }]);
    expect(() => openSchema(database, COUNTS)).toThrow(expect.objectContaining({ code: 'schema_newer' }));
  });

  test('opens a file to which a newer version has only added tables, and leaves them', () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    openSchema(database, COUNTS, [FIRST, SECOND, THIRD, addTable('more'), addTable('still_more')]);
    const before = database.exec('SELECT * FROM settings');
    openSchema(database, COUNTS);
    database.exec("INSERT INTO revoked_keys VALUES ('acme', 'acme.one', 1, NULL)");
    expect(database.exec('SELECT * FROM settings')).toEqual(before);
    openSchema(database, COUNTS, [FIRST, SECOND, THIRD, addTable('more'), addTable('still_more')]);
    expect(tables(database)).toContain('still_more');
  });

  test.each([
    ['changed, then added to', [CHANGE, addTable('more')]],
    ['added to, then changed', [addTable('more'), CHANGE]],
  ])('refuses a file that a newer version has %s', (_, later) => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    openSchema(database, COUNTS, [FIRST, SECOND, THIRD, ...later]);
    expect(() => openSchema(database, COUNTS)).toThrow(expect.objectContaining({ code: 'schema_newer' }));
    openSchema(database, COUNTS, [FIRST, SECOND, THIRD, ...later]);
  });

  test('takes a file that is made new for as old as its last change', () => {
    const database = nodeSqlDatabase(':memory:');
    const first: SchemaStep = { take: (target) => openTables(target), adds: false };
    openSchema(database, COUNTS, [first, addTable('more'), addTable('still_more')]);
    openSchema(database, COUNTS);
  });

  test('refuses what a build before the first release wrote, and leaves it as it is', () => {
    const database = nodeSqlDatabase(':memory:');
    database.exec('CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
    database.exec("INSERT INTO settings VALUES ('schema_version', '3')");
    expect(() => openSchema(database, COUNTS)).toThrow(/before the first release/);
    expect(tables(database)).toEqual(['settings']);
  });

  test('refuses a file of a newer version, naming both, and changes nothing in it', () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    database.exec("UPDATE settings SET value = '7' WHERE name GLOB 'schema_*'");
    const before = database.exec('SELECT * FROM settings');
    expect(() => openSchema(database, COUNTS)).toThrow(
      expect.objectContaining({ code: 'schema_newer', message: expect.stringMatching(/7.*6/) }),
    );
    expect(database.exec('SELECT * FROM settings')).toEqual(before);
  });

  test('refuses other counts of partitions and shards than the file was made with, naming both', () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    expect(() => openSchema(database, { partitions: 48, shards: 1 })).toThrow(/12 partitions.*48/);
    expect(() => openSchema(database, { partitions: 12, shards: 2 })).toThrow(/1 shards.*2/);
    openSchema(database, COUNTS);
  });

  test('makes all tables or none', () => {
    const database = nodeSqlDatabase(':memory:');
    database.exec('CREATE TABLE revoked_keys (other TEXT)');
    expect(() => openSchema(database, COUNTS)).toThrow();
    expect(tables(database)).toEqual(['revoked_keys']);
  });
});
