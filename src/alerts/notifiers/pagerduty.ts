/** Pages to PagerDuty by its Events API v2: one dedup_key an incident, from trigger to resolve. */
import { ALERT_LIMITS } from '../../model/alert-limits.ts';
import type { Notification } from '../../model/incident.ts';
import type { ChannelKind } from './channel-kind.ts';
import { composeMessage, cut, type Message } from './message.ts';
import { digestOf, postJson, targetProblem } from './posted.ts';

const EVENTS_URL = 'https://events.pagerduty.com/v2/enqueue';

const SEVERITIES: Readonly<Record<string, string>> = {
  critical: 'critical',
  high: 'error',
  warning: 'warning',
  informational: 'info',
};

type Action = 'trigger' | 'acknowledge' | 'resolve';

/**
 * A test rings and ends at once, so that nothing stays open. A canary only resolves what was never triggered: PagerDuty takes it, which proves
 * key and path, and wakes nobody.
 */
const ACTIONS: Readonly<Record<Notification['event'], readonly Action[]>> = {
  trigger: ['trigger'],
  update: ['trigger'],
  acknowledge: ['acknowledge'],
  resolve: ['resolve'],
  test: ['trigger', 'resolve'],
  canary: ['resolve'],
};

export const pagerdutyChannel: ChannelKind = {
  settings: { url: 'optional' },
  secrets: { routingKey: 'required' },
  problems({ settings, secrets }, { policy }) {
    const target = targetProblem('url', settings.url ?? EVENTS_URL, policy);
    const problems = target === undefined ? [] : [target];
    return /^[A-Za-z0-9_-]{8,64}$/.test(secrets.routingKey ?? '') ? problems : [...problems, 'routingKey is no integration key'];
  },
  async send(notification, channel, options) {
    const message = composeMessage(notification);
    const dedupKey = await dedupKeyOf(notification.dedupKey);
    let outcome: Awaited<ReturnType<typeof postJson>> = { kind: 'refused', reason: 'there is nothing to send' };
    for (const action of ACTIONS[notification.event]) {
      const event = { routing_key: channel.secrets.routingKey, event_action: action, dedup_key: dedupKey };
      const body = JSON.stringify(action === 'trigger' ? { ...event, ...triggerOf(notification, message) } : event);
      outcome = await postJson(options, channel, { url: channel.settings.url ?? EVENTS_URL, body });
      if (outcome.kind !== 'delivered') return outcome;
    }
    return outcome;
  },
};

/** A key that is too long keeps its beginning, for people, and gets a digest of all of it. */
async function dedupKeyOf(key: string): Promise<string> {
  if (key.length <= ALERT_LIMITS.dedupKeyLengthMax) return key;
  const digest = await digestOf(key);
  return `${key.slice(0, ALERT_LIMITS.dedupKeyLengthMax - digest.length - 1)}/${digest}`;
}

function triggerOf({ incident, tenant, event }: Notification, message: Message): Record<string, unknown> {
  const [first] = incident.alerts;
  const facts = Object.fromEntries(message.facts.map(([name, value]) => [name, value]));
  const links = [
    ...(message.link === undefined ? [] : [{ href: message.link, text: 'Look at the incident' }]),
    ...(message.runbook === undefined ? [] : [{ href: message.runbook, text: 'Runbook' }]),
  ];
  return {
    client: 'MetricStream',
    ...(message.link === undefined ? {} : { client_url: message.link }),
    links,
    payload: {
      summary: cut(`${event === 'test' ? 'TEST: ' : ''}${message.title}`, ALERT_LIMITS.pagerdutySummaryLengthMax),
      source: first?.client ?? tenant,
      severity: event === 'test' ? 'info' : (SEVERITIES[incident.severity] ?? 'warning'),
      timestamp: new Date(incident.onsetMs).toISOString(),
      ...(first === undefined ? {} : { class: first.rule, group: first.group }),
      custom_details: {
        ...facts,
        what: message.reason,
        alerts: message.alerts.map(({ name, state, since, says, values, explanations }) => ({
          name,
          state,
          since,
          says: [...says, ...values, ...explanations],
        })),
        ...(message.moreAlerts > 0 ? { more_alerts: message.moreAlerts } : {}),
        ...(message.notes.length > 0 ? { notes: message.notes } : {}),
      },
    },
  };
}
