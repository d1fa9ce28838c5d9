/** Small documents of the control role in its SQLite database: rules, silences, channels, incidents, history. One owner; calls are synchronous. */

/** Its texts hold no NUL, at which SQLite on Deno would cut them; JSON writes it as an escape. */
export interface DocumentKey {
  readonly tenant: string;
  /** A word of the caller's: `silence`, `incident`. */
  readonly kind: string;
  readonly id: string;
}

export interface Document extends DocumentKey {
  /** 1 when written first, one more with each write: the ETag. */
  readonly version: number;
  /** What it is sorted by, Unix ms: for history the event time, for others when it was made. */
  readonly atMs: number;
  /** Id of the document that it belongs to; empty for none. */
  readonly parent: string;
  /** JSON. */
  readonly body: string;
}

export interface DocumentQuery {
  /** undefined: of all tenants. */
  readonly tenant: string | undefined;
  readonly kind: string;
  readonly parent?: string | undefined;
  /** [fromMs, toMs) of atMs. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** By (atMs, id, tenant): ascending unless newest first. */
  readonly newestFirst?: boolean | undefined;
  /** Only what comes behind this one: the last of the page before. */
  readonly after?: Pick<Document, 'atMs' | 'id' | 'tenant'> | undefined;
  readonly max: number;
}

export interface DocumentWrite extends DocumentKey {
  readonly atMs: number;
  readonly parent: string;
  /** undefined deletes. */
  readonly body: string | undefined;
  /** Only where none is there yet: a second write is passed over. */
  readonly ifAbsent?: boolean | undefined;
}

export interface DocumentStore {
  /** @returns undefined where there is none. */
  get(key: DocumentKey): Document | undefined;
  /** @returns at most `max` of those asked for, in their order. */
  list(query: DocumentQuery): Document[];
  /** All or none; durable when it returns. @returns for each whether it changed anything. @throws storage_full */
  commit(writes: readonly DocumentWrite[]): readonly boolean[];
  /** Deletes documents of a kind whose atMs lies before. @returns how many, at most `max`. */
  expire(kind: string, beforeMs: number, max: number): number;
}
