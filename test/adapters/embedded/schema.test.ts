/** The schema: made once, checked at every start. */
import { describe, expect, test } from 'vitest';
import { embeddedMetricLog } from '../../../src/adapters/embedded/metric-log.ts';
import { openSchema } from '../../../src/adapters/embedded/schema.ts';
import { zlibCompression } from '../../../src/adapters/node/compression.ts';
import { nodeSqlDatabase } from '../../../src/adapters/node/sql-database.ts';
import type { SqlDatabase } from '../../../src/ports/sql-database.ts';

const COUNTS = { partitions: 12, shards: 1 };

function tables(database: SqlDatabase): string[] {
  return database
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .map(({ name }) => name);
}

/** As version 1 made them. */
const VERSION_1 = [
  'CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE log_batches (first_offset INTEGER PRIMARY KEY, last_offset INTEGER NOT NULL, append_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID',
  'CREATE TABLE raw_blocks (client TEXT NOT NULL, start_ms INTEGER NOT NULL, sequence INTEGER NOT NULL, part INTEGER NOT NULL, end_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (client, start_ms, sequence, part)) WITHOUT ROWID',
  'CREATE TABLE window_blocks (client TEXT NOT NULL, step_ms INTEGER NOT NULL, start_ms INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (client, step_ms, start_ms, part)) WITHOUT ROWID',
  'CREATE TABLE checkpoints (partition INTEGER NOT NULL, part INTEGER NOT NULL, position INTEGER NOT NULL, safe_offset INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (partition, part)) WITHOUT ROWID',
  'CREATE TABLE revoked_keys (tenant TEXT NOT NULL, key_id TEXT NOT NULL, revoked_ms INTEGER NOT NULL, PRIMARY KEY (tenant, key_id)) WITHOUT ROWID',
  "INSERT INTO settings VALUES ('schema_version', '1'), ('partitions', '12'), ('shards', '1')",
];

/** Three batches of one record each, as version 1 kept them. @returns the records. */
function logOfVersion1(database: SqlDatabase): number[][] {
  return [0, 1, 2].map((offset) => {
    const record = [offset];
    // Plain, then partition, length and bytes of the record.
    const body = Uint8Array.of(0, 0, 1, ...record);
    database.exec('INSERT INTO log_batches VALUES (?, ?, ?, ?, ?)', offset, offset, 1_000 + offset, body.length, body);
    return record;
  });
}

describe('openSchema', () => {
  test('makes tables in which a row is written once: its key is the rowid or there is none, and there is no secondary index', () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    expect(tables(database)).toEqual(['checkpoints', 'log_batches', 'raw_blocks', 'revoked_keys', 'settings', 'window_blocks']);
    const statements = database.exec<{ sql: string }>("SELECT sql FROM sqlite_master WHERE type = 'table'");
    const once = statements.filter(({ sql }) => sql.endsWith('WITHOUT ROWID') || /^[^,]* INTEGER PRIMARY KEY,/.test(sql));
    expect(once).toEqual(statements);
    expect(database.exec("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")).toEqual([]);
  });

  test('leaves what is there at a second start', () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    database.exec("INSERT INTO revoked_keys VALUES ('acme', 'acme.one', 1, NULL)");
    openSchema(database, COUNTS);
    expect(database.exec('SELECT key_id FROM revoked_keys')).toHaveLength(1);
  });

  test('brings a file of version 1 up to date, with all that is in it', () => {
    const database = nodeSqlDatabase(':memory:');
    for (const sql of VERSION_1) database.exec(sql);
    database.exec("INSERT INTO revoked_keys VALUES ('acme', 'acme.one', 1)");
    const log = logOfVersion1(database);
    openSchema(database, COUNTS);
    const fresh = nodeSqlDatabase(':memory:');
    openSchema(fresh, COUNTS);
    const made = "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name";
    expect(database.exec(made)).toEqual(fresh.exec(made));
    expect(database.exec('SELECT * FROM revoked_keys')).toMatchObject([{ key_id: 'acme.one', revoked_ms: 1, expires_ms: null }]);
    expect(database.exec("SELECT value FROM settings WHERE name = 'schema_version'")).toMatchObject([{ value: '3' }]);
    const kept = embeddedMetricLog({ database, compression: zlibCompression(), compressFromBytes: 1e9 });
    expect([kept.end(), kept.read(0, 1e6).map(({ bytes }) => [...bytes])]).toEqual([log.length, log]);
    expect(kept.trim(1, 2_000, 1e6)).toEqual({ deleted: 1, bytes: 2 * 4 });
  });

  test('refuses a file of a newer version, naming both, and changes nothing in it', () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, COUNTS);
    database.exec("UPDATE settings SET value = '7' WHERE name = 'schema_version'");
    const before = database.exec('SELECT * FROM settings');
    expect(() => openSchema(database, COUNTS)).toThrow(
      expect.objectContaining({ code: 'schema_newer', message: expect.stringMatching(/7.*3/) }),
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
