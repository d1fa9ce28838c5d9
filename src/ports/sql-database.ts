/** A SQLite database that belongs to one owner: the smallest common ground of Durable Objects, Bun and Node. */

/** Integers to 2^53; no bigint. Bytes are copied in and out. */
export type SqlValue = number | string | Uint8Array | null;
export type SqlRow = Record<string, SqlValue>;

export interface SqlDatabase {
  /**
   * Runs one statement with `?` parameters (≤ 100). Outside a transaction it is its own.
   * @returns its rows, [] for statements without.
   * @throws `storage_full`, with retryAfterMs, when the disk is; else what SQLite says. Nothing of the statement is kept, and another may follow.
   */
  exec<Row extends SqlRow = SqlRow>(sql: string, ...params: readonly SqlValue[]): Row[];
  /**
   * Runs `body` in a transaction: all of it or, when it throws, nothing. Synchronous, not nested. What `body` throws is thrown,
   * and what `exec` would.
   * When it returns, the writes survive power loss (one fsync; on Durable Objects the output gate).
   */
  transaction<T>(body: () => T): T;
  /** Bytes of the database's pages in use, and those free inside the file. */
  size(): { readonly usedBytes: number; readonly freeBytes: number };
  /** Gives up to `pages` free pages back to the file system, where the host can; bounded work. */
  reclaim(pages: number): void;
}
