/** A SQLite database on a disk that keeps only what was synced, under a process that may die at any statement. */
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import type { SqlDatabase, SqlRow, SqlValue } from '../../src/ports/sql-database.ts';

/** What a statement does: append to the log, seal and checkpoint, clean up, or read. */
export type Work = 'log' | 'checkpoint' | 'upkeep' | 'read';
/** Before a statement, between it and what makes it durable, or when it is durable and nobody knows it. */
export type Moment = 'before' | 'inside' | 'after';

/** Thrown through a process that has just died; nothing that catches it can reach the disk again. */
export class SimulatedCrash extends Error {}

export interface SimulatedDiskOptions {
  /** `crash` ends the process there; `fail` is a disk that refuses one statement. */
  readonly fate: (work: Work, moment: Moment) => 'go' | 'crash' | 'fail';
  /** Whether a commit reaches the disk. Always true, but for the mutant that does not sync. */
  readonly syncs: () => boolean;
}

/** A process that has the database open. */
export interface Mount {
  /** Whether it still runs. */
  readonly alive: () => boolean;
  /** Calls `done` in this process when a sync that begins now ends. */
  readonly synced: (done: () => void) => void;
}

const READ = /^\s*SELECT/i;

/**
 * All that is not synced is one open transaction of the real database: a sync commits it, a crash rolls it back.
 * The transactions of the process are savepoints within.
 */
export class SimulatedDisk {
  readonly #database = nodeSqlDatabase(':memory:');
  readonly #options: SimulatedDiskOptions;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
    this.#database.exec('BEGIN');
  }

  /** The database as one process sees it. */
  mount({ alive, synced }: Mount): SqlDatabase {
    const database = this.#database;
    let work: Work = 'read';
    let inTransaction = false;
    const point = (moment: Moment): void => {
      if (!alive()) throw new SimulatedCrash('the process is dead');
      const fate = this.#options.fate(work, moment);
      if (fate === 'crash') throw new SimulatedCrash(`crash ${moment} ${work}`);
      if (fate === 'fail') throw new Error('disk I/O error');
    };
    const commit = (): void => {
      if (this.#options.syncs()) {
        database.exec('COMMIT');
        database.exec('BEGIN');
      }
      point('after');
    };
    return {
      exec<Row extends SqlRow>(sql: string, ...params: readonly SqlValue[]): Row[] {
        work = workOf(sql, inTransaction);
        point(inTransaction ? 'inside' : 'before');
        const rows = database.exec<Row>(sql, ...params);
        if (!inTransaction && !READ.test(sql)) commit();
        return rows;
      },
      write(sql, ...params) {
        work = workOf(sql, false);
        point('before');
        database.exec(sql, ...params);
        return new Promise((resolve, reject) => {
          synced(() => {
            work = workOf(sql, false);
            try {
              point('inside');
              commit();
              resolve();
            } catch (error) {
              // A process that has died never hears of it.
              if (!(error instanceof SimulatedCrash)) reject(error);
            }
          });
        });
      },
      transaction(body) {
        if (!alive()) throw new SimulatedCrash('the process is dead');
        database.exec('SAVEPOINT process');
        inTransaction = true;
        try {
          const result = body();
          point('inside');
          database.exec('RELEASE process');
          inTransaction = false;
          commit();
          return result;
        } catch (error) {
          if (alive() && inTransaction) {
            database.exec('ROLLBACK TO process');
            database.exec('RELEASE process');
          }
          inTransaction = false;
          throw error;
        }
      },
      size: () => database.size(),
      reclaim: (pages) => database.reclaim(pages),
    };
  }

  /** The power fails: what was not synced is gone. */
  lose(): void {
    this.#database.exec('ROLLBACK');
    this.#database.exec('BEGIN');
  }

  /** Looks at the tables from outside. */
  look<Row extends SqlRow>(sql: string): Row[] {
    return this.#database.exec<Row>(sql);
  }

  close(): void {
    this.#database.close();
  }
}

function workOf(sql: string, inTransaction: boolean): Work {
  if (sql.startsWith('INSERT INTO log_batches')) return 'log';
  if (READ.test(sql) && !inTransaction) return 'read';
  return sql.startsWith('DELETE FROM log_batches') || sql.includes('changes()') || sql.includes('MIN(client)')
    ? 'upkeep'
    : 'checkpoint';
}
