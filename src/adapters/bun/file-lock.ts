/** A lock that one process holds on a file and that the system takes back with the process, however it ends. */
import { Database, SQLiteError } from 'bun:sqlite';
import { LIMITS } from '../../model/limits.ts';

const SQLITE_BUSY = 5;

/**
 * An exclusive transaction of SQLite that never ends: nothing is written, so nothing has to be cleaned up after a kill.
 * @returns lets it go; undefined when another holds it.
 */
export function bunFileLock(path: string): (() => void) | undefined {
  const db = new Database(path, { create: true });
  try {
    db.run(`PRAGMA busy_timeout=${LIMITS.directoryLockWaitMs}`);
    db.run('BEGIN EXCLUSIVE');
    return () => db.close();
  } catch (error) {
    db.close();
    if (error instanceof SQLiteError && (error.errno & 0xff) === SQLITE_BUSY) return undefined;
    throw error;
  }
}
