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

/** Who listens over a WebSocket, as the edge that let it in says it: plain data, and JSON. */
export interface LiveListener {
  readonly tenant: string;
  /** Left out: every client. */
  readonly client?: string | undefined;
  /** Left out: every metric. */
  readonly metrics?: readonly string[] | undefined;
  readonly keyId: string;
  readonly sessionId?: string | undefined;
  /** Unix ms. */
  readonly expiresMs?: number | undefined;
}

/** Where listeners hang that are told over a WebSocket. */
export interface LiveSockets {
  /**
   * Takes the handshake of a listener whose grant holds. @returns 101, with the other end.
   * @throws overloaded where liveClientsMax listen | unauthorized for a key that was revoked meanwhile | unavailable
   */
  connect(listener: LiveListener): Promise<Response>;
}
