/** The tables of a shard's database, their version, and what is fixed when it is created. */
import { MetricStreamError } from '../../model/errors.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';

/** No secondary index, and no rowid beside the key: a row written is a row billed on Durable Objects. Times are Unix ms. */
const TABLES = [
  'CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE log_batches (first_offset INTEGER PRIMARY KEY, last_offset INTEGER NOT NULL, append_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID',
  'CREATE TABLE raw_blocks (client TEXT NOT NULL, start_ms INTEGER NOT NULL, sequence INTEGER NOT NULL, part INTEGER NOT NULL, end_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (client, start_ms, sequence, part)) WITHOUT ROWID',
  'CREATE TABLE window_blocks (client TEXT NOT NULL, step_ms INTEGER NOT NULL, start_ms INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (client, step_ms, start_ms, part)) WITHOUT ROWID',
  'CREATE TABLE checkpoints (partition INTEGER NOT NULL, part INTEGER NOT NULL, position INTEGER NOT NULL, safe_offset INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (partition, part)) WITHOUT ROWID',
  'CREATE TABLE revoked_keys (tenant TEXT NOT NULL, key_id TEXT NOT NULL, revoked_ms INTEGER NOT NULL, PRIMARY KEY (tenant, key_id)) WITHOUT ROWID',
];

/** Step i takes a database from version i to i + 1. A released step never changes. */
const MIGRATIONS: readonly ((database: SqlDatabase) => void)[] = [
  (database) => {
    for (const table of TABLES) database.exec(table);
  },
  // When the token ends by itself; NULL: nobody knows.
  (database) => void database.exec('ALTER TABLE revoked_keys ADD COLUMN expires_ms INTEGER'),
  rebuildLog,
];

/**
 * The log's key becomes its rowid: SQLite appends to such a table without moving what is there. And each batch says how many bytes
 * there are up to it, so that how much the log holds is known from its ends, not from reading all of it.
 */
function rebuildLog(database: SqlDatabase): void {
  database.exec('ALTER TABLE log_batches RENAME TO log_batches_1');
  database.exec(
    'CREATE TABLE log_batches (first_offset INTEGER PRIMARY KEY, last_offset INTEGER NOT NULL, append_ms INTEGER NOT NULL, total_bytes INTEGER NOT NULL, body BLOB NOT NULL)',
  );
  database.exec(
    'INSERT INTO log_batches SELECT first_offset, last_offset, append_ms, SUM(bytes) OVER (ORDER BY first_offset), body FROM log_batches_1',
  );
  database.exec('DROP TABLE log_batches_1');
}

export interface FixedCounts {
  readonly partitions: number;
  readonly shards: number;
}

/**
 * Creates the tables, or brings them up to date, in one transaction.
 * @throws schema_newer when a newer version wrote the file; invalid_request when it was created with other counts.
 */
export function openSchema(database: SqlDatabase, counts: FixedCounts): void {
  database.transaction(() => {
    const version = storedVersion(database);
    if (version > MIGRATIONS.length) {
      throw new MetricStreamError(
        'schema_newer',
        `The data has schema version ${version}; this program knows ${MIGRATIONS.length}.`,
      );
    }
    for (const migrate of MIGRATIONS.slice(version)) migrate(database);
    if (version < MIGRATIONS.length) writeSetting(database, 'schema_version', MIGRATIONS.length);
    for (const name of ['partitions', 'shards'] as const) fix(database, name, counts[name]);
  });
}

function storedVersion(database: SqlDatabase): number {
  const [table] = database.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'settings'");
  return table === undefined ? 0 : (readSetting(database, 'schema_version') ?? 0);
}

function fix(database: SqlDatabase, name: keyof FixedCounts, wanted: number): void {
  const stored = readSetting(database, name);
  if (stored === undefined) writeSetting(database, name, wanted);
  else if (stored !== wanted) {
    throw new MetricStreamError(
      'invalid_request',
      `The data was created with ${stored} ${name}; ${wanted} would need export and import.`,
    );
  }
}

function readSetting(database: SqlDatabase, name: string): number | undefined {
  const [row] = database.exec<{ value: string }>('SELECT value FROM settings WHERE name = ?', name);
  return row === undefined ? undefined : Number(row.value);
}

function writeSetting(database: SqlDatabase, name: string, value: number): void {
  database.exec(
    'INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    name,
    String(value),
  );
}
