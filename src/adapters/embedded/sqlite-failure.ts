/** What SQLite's result codes mean to the house. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';

/** The low byte of a result code is what happened, the rest where. */
const SQLITE_FULL = 13;
/** The index of the WAL is a file of its own, and could not grow. */
const SQLITE_IOERR_SHMSIZE = 4874;

/** @returns `storage_full` where the disk, or what the file may take of it, is used up; any other error as it is. */
export function sqliteFailure(error: unknown, resultCode: unknown): unknown {
  const full = typeof resultCode === 'number' && ((resultCode & 0xff) === SQLITE_FULL || resultCode === SQLITE_IOERR_SHMSIZE);
  if (!full) return error;
  return new MetricStreamError('storage_full', undefined, { retryAfterMs: LIMITS.freeCheckIntervalMs, cause: error });
}
