/** bun:sqlite as the sql-database port. */
import { Database, SQLiteError, type SQLQueryBindings, type Statement } from 'bun:sqlite';
import type { SqlDatabase, SqlRow, SqlValue } from '../../ports/sql-database.ts';
import { tunedPragmas } from '../embedded/pragmas.ts';
import { sqliteFailure } from '../embedded/sqlite-failure.ts';
import { NO_WAL, walSync } from '../node/wal-sync.ts';

export interface BunSqlDatabase extends SqlDatabase {
  close(): void;
}

/** @param path a file, or `:memory:`. */
export function bunSqlDatabase(path: string): BunSqlDatabase {
  const db = new Database(path, { create: true });
  const inMemory = path === ':memory:';
  for (const pragma of tunedPragmas(inMemory)) db.run(pragma);
  const wal = inMemory ? NO_WAL : walSync({ path, run: (sql) => db.run(sql), row: (sql) => db.query(sql).get() });
  const statements = new Map<string, Statement>();
  const prepare = (sql: string): Statement => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = db.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  const number = (sql: string): number => Number(Object.values(prepare(sql).get() as object)[0]);
  return {
    exec<Row extends SqlRow>(sql: string, ...params: readonly SqlValue[]): Row[] {
      return told(() => {
        wal.sound(sql);
        const statement = prepare(sql);
        if (statement.columnNames.length > 0) return statement.all(...(params as SQLQueryBindings[])) as Row[];
        statement.run(...(params as SQLQueryBindings[]));
        return [];
      });
    },
    write(sql, ...params) {
      return told(() => {
        wal.sound(sql);
        return wal.ahead(() => void prepare(sql).run(...(params as SQLQueryBindings[])));
      });
    },
    transaction(body) {
      told(() => {
        wal.sound('BEGIN');
        prepare('BEGIN IMMEDIATE').run();
      });
      try {
        const result = body();
        told(() => prepare('COMMIT').run());
        return result;
      } catch (error) {
        // A full disk has SQLite roll back by itself.
        if (db.inTransaction) prepare('ROLLBACK').run();
        throw error;
      }
    },
    size() {
      const pageBytes = number('PRAGMA page_size');
      const freeBytes = number('PRAGMA freelist_count') * pageBytes;
      return { usedBytes: number('PRAGMA page_count') * pageBytes - freeBytes, freeBytes };
    },
    reclaim(pages) {
      db.run(`PRAGMA incremental_vacuum(${Math.trunc(pages)})`);
    },
    close() {
      for (const statement of statements.values()) statement.finalize();
      db.close();
      wal.close();
    },
  };
}

function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteFailure(error, error instanceof SQLiteError ? error.errno : undefined);
  }
}
