/** The one call that a push sees behind the edge. */
import type { Rejection } from '../model/errors.ts';
import type { Push } from '../model/push.ts';

export type AppendOutcome =
  /** Durable. `duplicate`: the log already held this push id. `rejected`: series over the limits, by place in the shape. */
  | { readonly kind: 'appended'; readonly offset: number; readonly duplicate: boolean; readonly rejected: readonly Rejection[] }
  /** The tenant has its most clients, and this is none of them: nothing was kept. */
  | { readonly kind: 'crowded' }
  | { readonly kind: 'limited'; readonly retryAfterMs: number }
  | { readonly kind: 'refused'; readonly code: 'overloaded' | 'storage_full' | 'shutting_down'; readonly retryAfterMs: number };

/** Where a push came in, as the platform says: Cloudflare's data centre (IATA) and the country of the address (ISO 3166). */
export interface EdgePlace {
  readonly colo?: string | undefined;
  readonly country?: string | undefined;
}

export interface PushAppender {
  /**
   * Limits, then appends. Resolves `appended` only when the record survives power loss; a repeat of a push id in
   * flight resolves only when the first is durable. Order is kept per client.
   * @param keyId of the key that it came with: a shard elsewhere may know sooner that it is revoked (`unauthorized`).
   * @param place told of the client, never a label; an appender may leave it out.
   * @param requestsPerSecond the client's limit. `Rejection.index` of the outcome is an index into `push.shape.series`.
   * @throws `storage_full`, with retryAfterMs, when the disk is full: the push is not kept | `internal` when the log cannot be written: the push may or may not be kept, and may be sent again.
   */
  append(push: Push, requestsPerSecond: number, keyId?: string, place?: EdgePlace): Promise<AppendOutcome>;
}
