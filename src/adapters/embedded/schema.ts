/** The tables of a shard's database, their version, and what is fixed when it is created. */
import { MetricStreamError } from '../../model/errors.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';

/**
 * One secondary index, and no rowid beside the key: a row written is a row billed on Durable Objects. The log's key is its rowid,
 * so that SQLite appends without moving what is there, and a batch says how many bytes there are up to it, so that the log's size
 * is known from its ends. Times are Unix ms.
 */
const TABLES = [
  'CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE log_batches (first_offset INTEGER PRIMARY KEY, last_offset INTEGER NOT NULL, append_ms INTEGER NOT NULL, total_bytes INTEGER NOT NULL, body BLOB NOT NULL)',
  'CREATE TABLE raw_blocks (client TEXT NOT NULL, start_ms INTEGER NOT NULL, sequence INTEGER NOT NULL, part INTEGER NOT NULL, end_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (client, start_ms, sequence, part)) WITHOUT ROWID',
  'CREATE TABLE window_blocks (client TEXT NOT NULL, step_ms INTEGER NOT NULL, start_ms INTEGER NOT NULL, part INTEGER NOT NULL, first_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (client, step_ms, start_ms, part)) WITHOUT ROWID',
  'CREATE TABLE checkpoints (partition INTEGER NOT NULL, part INTEGER NOT NULL, position INTEGER NOT NULL, safe_offset INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (partition, part)) WITHOUT ROWID',
  'CREATE TABLE revoked_keys (tenant TEXT NOT NULL, key_id TEXT NOT NULL, revoked_ms INTEGER NOT NULL, expires_ms INTEGER, PRIMARY KEY (tenant, key_id)) WITHOUT ROWID',
];

/** Histories are long and are read by time, and looked up by id: the index saves reading all of them, and documents are few beside samples. */
const DOCUMENTS = [
  'CREATE TABLE documents (kind TEXT NOT NULL, tenant TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, at_ms INTEGER NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, tenant, id)) WITHOUT ROWID',
  'CREATE INDEX documents_by_time ON documents (kind, at_ms, id, tenant, parent)',
];

/** What builds before the first release wrote: their formats changed in place, and nothing reads them. */
const UNRELEASED = 3;

export interface SchemaStep {
  /** Takes the tables on by one version. */
  take(database: SqlDatabase): void;
  /**
   * Whether the version before still reads and writes what comes out of it, as after a rollback: true for a new table that may stay
   * empty, false for all else. Rows are written whole, so that a new column is refused to it.
   */
  readonly adds: boolean;
}

/** The first step makes the tables. A released step never changes. */
const STEPS: readonly SchemaStep[] = [
  {
    take: (database) => {
      for (const table of TABLES) database.exec(table);
    },
    adds: false,
  },
  {
    take: (database) => {
      for (const statement of DOCUMENTS) database.exec(statement);
    },
    adds: true,
  },
  {
    take: (database) =>
      void database.exec(
        'CREATE TABLE enrichments (tenant TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID',
      ),
    adds: true,
  },
];

export interface FixedCounts {
  readonly partitions: number;
  readonly shards: number;
}

/**
 * Creates the tables, or brings them up to date, in one transaction. A file of a newer version is left as it is; it is opened where
 * all that came since were additions.
 * @param steps for tests: what the versions to come do.
 * @throws schema_newer when a newer version wrote the file, and changed what this one would write; invalid_request when it was created with other counts, or by a build
 *   before the first release.
 */
export function openSchema(database: SqlDatabase, counts: FixedCounts, steps = STEPS): void {
  const newest = UNRELEASED + steps.length;
  database.transaction(() => {
    const version = storedVersion(database);
    if (version > newest && (readSetting(database, 'schema_oldest') ?? version) > newest)
      throw new MetricStreamError('schema_newer', `The data has schema version ${version}; this program knows ${newest}.`);
    if (version > 0 && version <= UNRELEASED)
      throw new MetricStreamError(
        'invalid_request',
        'A build before the first release wrote this data; start with an empty directory.',
      );
    const missing = steps.slice(Math.max(0, version - UNRELEASED));
    for (const { take } of missing) take(database);
    if (version < newest) writeSetting(database, 'schema_version', newest);
    const changed = missing.findLastIndex(({ adds }) => !adds);
    if (changed >= 0) writeSetting(database, 'schema_oldest', newest - missing.length + changed + 1);
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
