/** One attempt to send one notification: bounded in time, and always with an outcome. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { ChannelType, Notification } from '../model/incident.ts';
import type { Clock } from '../ports/clock.ts';
import type { DeliveryOutcome, Notifier, OpenChannel } from '../ports/notifier.ts';

export interface AttemptOptions {
  readonly notifiers: Readonly<Record<ChannelType, Notifier>>;
  /** With its secrets. @returns undefined where there is no such channel. */
  readonly openChannel: (tenant: string, channel: string) => Promise<OpenChannel | undefined>;
  readonly clock: Clock;
  readonly attemptTimeoutMs?: number | undefined;
}

export interface Attempt {
  readonly outcome: DeliveryOutcome;
  /** undefined where the channel could not be opened. */
  readonly type: ChannelType | undefined;
}

/** @returns the attempt; undefined where there is no such channel. Never throws. */
export async function attemptOnce(notification: Notification, options: AttemptOptions): Promise<Attempt | undefined> {
  const timeoutMs = options.attemptTimeoutMs ?? ALERT_LIMITS.attemptTimeoutMs;
  const opened: { type?: ChannelType } = {};
  const late = Promise.withResolvers<DeliveryOutcome>();
  const cancel = options.clock.schedule(timeoutMs, () => late.resolve(retry(`given up after ${timeoutMs} ms`)));
  const send = async (): Promise<DeliveryOutcome | undefined> => {
    const channel = await options.openChannel(notification.tenant, notification.channel);
    if (channel === undefined) return undefined;
    opened.type = channel.type;
    // Who tests a channel may do so before it is used.
    if (!channel.enabled && notification.event !== 'test') return { kind: 'refused', reason: 'the channel is switched off' };
    return options.notifiers[channel.type].send(notification, channel);
  };
  try {
    const outcome = await Promise.race([late.promise, send()]);
    return outcome === undefined ? undefined : { outcome, type: opened.type };
  } catch {
    return { outcome: retry('the channel could not be opened'), type: opened.type };
  } finally {
    cancel();
  }
}

function retry(reason: string): DeliveryOutcome {
  return { kind: 'retry', reason, retryAfterMs: undefined };
}
