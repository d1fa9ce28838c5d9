/** How a server opens its SQLite file. */

/**
 * WAL with synchronous=FULL: one fsync a commit, and a commit that returned survives power loss; but see node/wal-sync.ts for the log.
 * Page size and auto-vacuum have to be set before the first table. A row WITHOUT ROWID keeps a quarter of a page beside
 * its key and moves the rest to pages of its own: with 4 KiB a raw block of 1.4 KB took 3.0 times its bytes in the file,
 * with 8 KiB 1.3 times, and commits were as fast; with 16 KiB 1.2 times, but window blocks 2.0 and log batches 3.1.
 */
export function tunedPragmas(inMemory: boolean): readonly string[] {
  const common = [
    'PRAGMA page_size=8192',
    'PRAGMA auto_vacuum=INCREMENTAL',
    'PRAGMA temp_store=MEMORY',
    'PRAGMA foreign_keys=OFF',
  ];
  if (inMemory) return common;
  return [
    ...common,
    'PRAGMA journal_mode=WAL',
    'PRAGMA synchronous=FULL',
    'PRAGMA busy_timeout=5000',
    'PRAGMA wal_autocheckpoint=2000',
    'PRAGMA journal_size_limit=67108864',
    'PRAGMA cache_size=-16384',
  ];
}
