/** A SQLite database that belongs to one owner: the smallest common ground of Durable Objects, Bun and Node. */

/** Integers to 2^53; no bigint. Bytes are copied in and out. */
export type SqlValue = number | string | Uint8Array | null;
export type SqlRow = Record<string, SqlValue>;

export interface DatabaseFile {
  /** Bytes of the database's pages in use, and those free inside the file. */
  size(): { readonly usedBytes: number; readonly freeBytes: number };
  /** Gives up to `pages` free pages back to the file system, where the host can; bounded work. */
  reclaim(pages: number): void;
}

export interface SqlDatabase extends DatabaseFile {
  /**
   * Runs one statement with `?` parameters (≤ 100). Outside a transaction it is its own.
   * @returns its rows, [] for statements without.
   * @throws `storage_full`, with retryAfterMs, when the disk is; else what SQLite says. Nothing of the statement is kept, and another may follow.
   */
  exec<Row extends SqlRow = SqlRow>(sql: string, ...params: readonly SqlValue[]): Row[];
  /**
   * Runs one statement that writes, outside a transaction, without waiting for the disk. Who reads sees it at once, and so does
   * who opens the file after this process has died.
   * @returns when it survives power loss, with all that was written before. It rejects when that can't be had: the rows are there,
   * nothing may be counted on, and no later write is said to survive before these do.
   * @throws at once, as `exec`; then nothing of it is kept.
   */
  write(sql: string, ...params: readonly SqlValue[]): Promise<void>;
  /**
   * Runs `body` in a transaction: all of it or, when it throws, nothing. Synchronous, not nested. What `body` throws is thrown,
   * and what `exec` would.
   * When it returns, the writes survive power loss (one fsync; on Durable Objects the output gate).
   */
  transaction<T>(body: () => T): T;
}
