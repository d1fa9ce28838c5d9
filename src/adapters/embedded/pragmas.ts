/** How a server opens its SQLite file. */

/**
 * WAL with synchronous=FULL: one fsync a commit, and a commit that returned survives power loss.
 * Incremental auto-vacuum has to be set before the first table, so that retention can free space.
 */
export function tunedPragmas(inMemory: boolean): readonly string[] {
  const common = ['PRAGMA auto_vacuum=INCREMENTAL', 'PRAGMA temp_store=MEMORY', 'PRAGMA foreign_keys=OFF'];
  if (inMemory) return common;
  return [
    ...common,
    'PRAGMA journal_mode=WAL',
    'PRAGMA synchronous=FULL',
    'PRAGMA busy_timeout=5000',
    'PRAGMA wal_autocheckpoint=4000',
    'PRAGMA journal_size_limit=67108864',
    'PRAGMA cache_size=-16384',
  ];
}
