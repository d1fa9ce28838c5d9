/** The table of channels: one row a type. */
import { ALERT_LIMITS } from '../../model/alert-limits.ts';
import { CHANNEL_TYPES, type ChannelType } from '../../model/incident.ts';
import type { Notifier, OpenChannel } from '../../ports/notifier.ts';
import { alertmanagerChannel } from './alertmanager.ts';
import type { ChannelKind, ChannelOptions, Need } from './channel-kind.ts';
import { emailChannel } from './email.ts';
import { pagerdutyChannel } from './pagerduty.ts';
import { slackChannel } from './slack.ts';
import { webhookChannel } from './webhook.ts';

const CHANNELS: Readonly<Record<ChannelType, ChannelKind>> = {
  email: emailChannel,
  pagerduty: pagerdutyChannel,
  slack: slackChannel,
  webhook: webhookChannel,
  alertmanager: alertmanagerChannel,
};

export type NotifierOptions = Omit<ChannelOptions, 'timeoutMs'> & { readonly timeoutMs?: number | undefined };

/** @returns the names of settings and secrets that a type of channel takes. */
export function fieldsOf(type: ChannelType): Pick<ChannelKind, 'settings' | 'secrets'> {
  return CHANNELS[type];
}

function missing(what: string, needs: Readonly<Record<string, Need>>, given: Readonly<Record<string, string>>): string[] {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(needs, name));
  const absent = Object.keys(needs).filter((name) => needs[name] === 'required' && (given[name] ?? '') === '');
  return [...absent.map((name) => `the ${what} ${name} is missing`), ...unknown.map((name) => `there is no ${what} ${name}`)];
}

/** @returns what keeps a channel from being used, for an admin to read: fields that are missing, unknown, malformed, or name a denied target. */
export function channelProblems(channel: OpenChannel, options: NotifierOptions): readonly string[] {
  const kind = CHANNELS[channel.type];
  const fields = [...missing('setting', kind.settings, channel.settings), ...missing('secret', kind.secrets, channel.secrets)];
  return fields.length > 0 ? fields : kind.problems(channel, complete(options));
}

function complete(options: NotifierOptions): ChannelOptions {
  return { ...options, timeoutMs: options.timeoutMs ?? ALERT_LIMITS.notifyTimeoutMs };
}

/** @returns the notifier of each type. They check a channel with every page: what is denied now may have been allowed when it was saved. */
export function channelNotifiers(options: NotifierOptions): Readonly<Record<ChannelType, Notifier>> {
  const notifier = (type: ChannelType): Notifier => ({
    async send(notification, channel) {
      try {
        const [problem] = channelProblems(channel, options);
        if (problem !== undefined) return { kind: 'refused', reason: problem };
        return await CHANNELS[type].send(notification, channel, complete(options));
      } catch {
        return { kind: 'retry', reason: 'the page could not be made', retryAfterMs: undefined };
      }
    },
  });
  return Object.fromEntries(CHANNEL_TYPES.map((type) => [type, notifier(type)])) as Record<ChannelType, Notifier>;
}
