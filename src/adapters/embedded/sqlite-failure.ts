/** What SQLite's result codes mean to the house. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';

/** The low byte of a result code is what happened, the rest where. */
const SQLITE_FULL = 13;
/** The index of the WAL is a file of its own, and could not grow. */
const SQLITE_IOERR_SHMSIZE = 4874;

/**
 * @param resultCode extended or not, or its name: whatever the host tells.
 * @returns `storage_full` where the disk, or what the file may take of it, is used up; any other error as it is.
 */
export function sqliteFailure(error: unknown, resultCode: unknown): unknown {
  const isFull = (code: number): boolean => (code & 0xff) === SQLITE_FULL || code === SQLITE_IOERR_SHMSIZE;
  const full = typeof resultCode === 'number' ? isFull(resultCode) : resultCode === 'SQLITE_FULL';
  if (!full) return error;
  return new MetricStreamError('storage_full', undefined, { retryAfterMs: LIMITS.freeCheckIntervalMs, cause: error });
}
