/**
 * The sync of commits that SQLite has written to its WAL without one, off the thread.
 * With synchronous=NORMAL a commit in WAL mode is a write to `PATH-wal`, whose frames carry checksums: who opens the file after a
 * power loss finds all commits up to the first that is not whole (sqlite.org/wal.html). So a sync of that file afterwards, through a
 * descriptor of ours, makes all of them durable. SQLite itself still syncs the WAL's header, and the WAL before a checkpoint. It locks
 * neither `PATH-wal` nor by it: closing our descriptor lets go of no lock of its own.
 */
import { closeSync, fdatasync, openSync } from 'node:fs';
import { MetricStreamError } from '../../model/errors.ts';

const READS = /^\s*(SELECT|PRAGMA)/i;

export interface WalSyncOptions {
  /** Of the database. */
  readonly path: string;
  /** Runs a statement without rows, read anew each time: these pragmas take effect when they are read. @throws what SQLite says */
  readonly run: (sql: string) => void;
  /** The row that a statement answers. @throws what SQLite says */
  readonly row: (sql: string) => unknown;
  /** The host's, unless a test has another. */
  readonly sync?: typeof fdatasync;
}

export interface WalSync {
  /**
   * Runs `work`, which writes by one statement, without a sync.
   * @returns when it is durable, with all that was written before: one sync for all who come while another is under way, told in order.
   * Rejects when that can't be had. @throws what `work` does.
   */
  ahead(work: () => void): Promise<void>;
  /**
   * To be called with each statement before it runs, for those that write. After a sync that failed the kernel says of the next that
   * all is well, and has forgotten what it could not write: then the WAL goes into the database's file before anything else.
   * @throws while that fails.
   */
  sound(sql: string): void;
  close(): void;
}

/** Of a database in memory: there is nothing to sync. */
export const NO_WAL: WalSync = {
  ahead(work) {
    work();
    return Promise.resolve();
  },
  sound: () => undefined,
  close: () => undefined,
};

export function walSync({ path, run, row, sync = fdatasync }: WalSyncOptions): WalSync {
  let descriptor: number | undefined;
  let waiting: PromiseWithResolvers<void>[] = [];
  let syncing = false;
  let suspect = false;

  const empty = (): void => {
    const { busy } = row('PRAGMA wal_checkpoint(TRUNCATE)') as { readonly busy: number };
    if (busy !== 0) throw new MetricStreamError('internal', 'The write-ahead log cannot be emptied.');
    suspect = false;
  };
  /** @returns the failure, if it could not be made up for. */
  const outcome = (error: Error | null): Error | undefined => {
    // Behind what is lost, a sync that went well is worth nothing.
    suspect ||= error !== null;
    if (!suspect) return undefined;
    try {
      empty();
      return undefined;
    } catch (cause) {
      return error ?? new MetricStreamError('internal', 'An earlier sync has failed.', { cause });
    }
  };
  const begin = (file: number): void => {
    const served = waiting;
    waiting = [];
    syncing = true;
    sync(file, (error) => {
      syncing = false;
      const failure = outcome(error ?? null);
      for (const { resolve, reject } of served) {
        if (failure === undefined) resolve();
        else reject(failure);
      }
      if (waiting.length > 0) begin(file);
      else if (descriptor === undefined) closeSync(file);
    });
  };
  return {
    ahead(work) {
      run('PRAGMA synchronous=NORMAL');
      try {
        work();
      } finally {
        run('PRAGMA synchronous=FULL');
      }
      descriptor ??= openSync(`${path}-wal`, 'r+');
      const done = Promise.withResolvers<void>();
      waiting.push(done);
      if (!syncing) begin(descriptor);
      return done.promise;
    },
    sound(sql) {
      if (suspect && !READS.test(sql)) empty();
    },
    close() {
      if (descriptor !== undefined && !syncing) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}
