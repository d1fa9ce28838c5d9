/** The SQLite storage of a Durable Object as the sql-database port. */
import { MetricStreamError } from '../../model/errors.ts';
import type { SqlDatabase, SqlRow, SqlValue } from '../../ports/sql-database.ts';
import { sqliteFailure } from '../embedded/sqlite-failure.ts';

/** What is used of `ctx.storage`: said here, so that this file compiles without the types of the host. */
export interface ObjectStorage {
  readonly sql: {
    exec(query: string, ...bindings: unknown[]): ObjectCursor;
    readonly databaseSize: number;
  };
  transactionSync<T>(body: () => T): T;
}

interface ObjectCursor {
  toArray(): Record<string, SqlValue | ArrayBuffer>[];
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

export interface DurableObjectSqlOptions {
  readonly storage: ObjectStorage;
  /** Told after each statement what it read and wrote: on Cloudflare both are billed, row by row. */
  readonly onRows?: (read: number, written: number) => void;
}

export function durableObjectSqlDatabase({ storage, onRows }: DurableObjectSqlOptions): SqlDatabase {
  const { sql } = storage;
  let inTransaction = false;
  const database: SqlDatabase = {
    exec<Row extends SqlRow>(text: string, ...params: readonly SqlValue[]): Row[] {
      return told(() => {
        const cursor = sql.exec(text, ...params);
        const rows = cursor.toArray();
        onRows?.(cursor.rowsRead, cursor.rowsWritten);
        for (const row of rows) bytesAsArrays(row);
        return rows as Row[];
      });
    },
    // No answer leaves the object before what was written is durable: that is the host's output gate.
    write(text, ...params) {
      database.exec(text, ...params);
      return Promise.resolve();
    },
    transaction(body) {
      // The host would nest it by a savepoint.
      if (inTransaction) throw new MetricStreamError('internal', 'A transaction is under way.');
      inTransaction = true;
      try {
        return storage.transactionSync(body);
      } finally {
        inTransaction = false;
      }
    },
    // Free pages are neither told nor billed.
    size: () => ({ usedBytes: sql.databaseSize, freeBytes: 0 }),
    // The host owns the file: it forbids the pragma, and uses free pages again.
    reclaim: () => undefined,
  };
  return database;
}

/** The host tells the name of a result code in the text of its error, and nowhere else. */
const RESULT_CODE = /: (SQLITE_[A-Z]+)\b/;

function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteFailure(error, RESULT_CODE.exec(String(error))?.[1]);
  }
}

/** The host answers BLOBs as ArrayBuffers. */
function bytesAsArrays(row: Record<string, SqlValue | ArrayBuffer>): void {
  for (const name in row) {
    const value = row[name];
    if (value instanceof ArrayBuffer) row[name] = new Uint8Array(value);
  }
}
