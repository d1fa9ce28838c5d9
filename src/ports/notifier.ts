/** A way to tell people: one for each type of channel. */
import type { Channel, Notification } from '../model/incident.ts';

/** A channel with its secrets, as it is sent to; never kept or shown. */
export interface OpenChannel extends Channel {
  readonly secrets: Readonly<Record<string, string>>;
}

/** How an attempt ended. `refused`: it makes no sense to try again. Reasons are short and hold no secret. */
export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly detail: string }
  | { readonly kind: 'retry'; readonly reason: string; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'refused'; readonly reason: string };

export interface Notifier {
  /** One attempt, within notifyTimeoutMs. May be told of the same notification again: receivers know it by its id or dedup key. Never throws. */
  send(notification: Notification, channel: OpenChannel): Promise<DeliveryOutcome>;
}
