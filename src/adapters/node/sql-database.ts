/** node:sqlite as the sql-database port. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { SqlDatabase, SqlRow, SqlValue } from '../../ports/sql-database.ts';
import { tunedPragmas } from '../embedded/pragmas.ts';
import { sqliteFailure } from '../embedded/sqlite-failure.ts';
import { NO_WAL, walSync } from './wal-sync.ts';

export interface NodeSqlDatabase extends SqlDatabase {
  close(): void;
}

/** @param path a file, or `:memory:`. */
export function nodeSqlDatabase(path: string): NodeSqlDatabase {
  const db = new DatabaseSync(path);
  const inMemory = path === ':memory:';
  for (const pragma of tunedPragmas(inMemory)) db.exec(pragma);
  const wal = inMemory ? NO_WAL : walSync({ path, run: (sql) => db.exec(sql), row: (sql) => db.prepare(sql).get() });
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = db.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  const number = (sql: string): number => Number(Object.values(prepare(sql).get() ?? {})[0]);
  return {
    exec<Row extends SqlRow>(sql: string, ...params: readonly SqlValue[]): Row[] {
      return told(() => {
        wal.sound(sql);
        return prepare(sql).all(...(params as SQLInputValue[])) as Row[];
      });
    },
    write(sql, ...params) {
      return told(() => {
        wal.sound(sql);
        return wal.ahead(() => void prepare(sql).run(...(params as SQLInputValue[])));
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
        if (db.isTransaction) prepare('ROLLBACK').run();
        throw error;
      }
    },
    size() {
      const pageBytes = number('PRAGMA page_size');
      const freeBytes = number('PRAGMA freelist_count') * pageBytes;
      return { usedBytes: number('PRAGMA page_count') * pageBytes - freeBytes, freeBytes };
    },
    reclaim(pages) {
      // It gives back one page a step, and Deno's exec makes one step only.
      prepare(`PRAGMA incremental_vacuum(${Math.trunc(pages)})`).all();
    },
    close() {
      db.close();
      wal.close();
    },
  };
}

function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteFailure(error, error instanceof Error && 'errcode' in error ? error.errcode : undefined);
  }
}
