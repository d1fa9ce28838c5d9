/** A lock that one process holds on a file and that the system takes back with the process, however it ends; on Node and Deno. */
import { DatabaseSync } from 'node:sqlite';
import { LIMITS } from '../../model/limits.ts';

const SQLITE_BUSY = 5;

/**
 * An exclusive transaction of SQLite that never ends: nothing is written, so nothing has to be cleaned up after a kill.
 * @returns lets it go; undefined when another holds it.
 */
export function nodeFileLock(path: string): (() => void) | undefined {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA busy_timeout=${LIMITS.directoryLockWaitMs}`);
    // Deno says which error it was only of a statement that was prepared.
    db.prepare('BEGIN EXCLUSIVE').run();
    return () => db.close();
  } catch (error) {
    db.close();
    if (error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY) return undefined;
    throw error;
  }
}
