/** What changes now, for the live page. */

/** The newest values of one client: parallel arrays, names with labels as in Series.key. */
export interface LiveClient {
  readonly client: string;
  /** Unix ms of the newest sample; of its arrival (log time). */
  readonly sampleMs: number;
  readonly seenMs: number;
  readonly keys: readonly string[];
  readonly values: readonly number[];
}

export interface LiveFeed {
  /** Calls back at most every liveIntervalMs with the clients that changed. @returns unsubscribe. */
  subscribe(tenant: string, client: string | undefined, listener: (changed: readonly LiveClient[]) => void): () => void;
}
