/** What a type of channel is: the settings and secrets that it takes, and how one page is sent. */
import type { Notification } from '../../model/incident.ts';
import type { Mailer } from '../../ports/mailer.ts';
import type { DeliveryOutcome, OpenChannel } from '../../ports/notifier.ts';
import type { Outbound, TargetPolicy } from '../../ports/outbound.ts';

export interface ChannelOptions {
  readonly outbound: Outbound;
  readonly mailer: Mailer;
  readonly policy: TargetPolicy;
  readonly nowMs: () => number;
  /** For one request or mail. */
  readonly timeoutMs: number;
}

export type Need = 'required' | 'optional';

export interface ChannelKind {
  readonly settings: Readonly<Record<string, Need>>;
  readonly secrets: Readonly<Record<string, Need>>;
  /** What is wrong with values that are there; for an admin to read, without secrets. */
  problems(channel: OpenChannel, options: ChannelOptions): readonly string[];
  /** One attempt, of a channel without problems. */
  send(notification: Notification, channel: OpenChannel, options: ChannelOptions): Promise<DeliveryOutcome>;
}
