/** Alerts to an Alertmanager, or to what speaks its API v2, as Prometheus would send them. */
import { ALERT_LIMITS } from '../../model/alert-limits.ts';
import type { IncidentAlert, Notification } from '../../model/incident.ts';
import type { ChannelKind } from './channel-kind.ts';
import { valueTexts, webLink } from './message.ts';
import { isHeaderValue, postJson, targetProblem } from './posted.ts';

/*
 * POST /api/v2/alerts   [ { "labels": { "alertname", … }, "annotations", "startsAt", "endsAt", "generatorURL"? }, … ]
 * An alert is its labels. One without endsAt would be taken for resolved after the receiver's resolve_timeout, 5 minutes by default:
 * silence is no resolution, so that it gets an end far off, and another when it is over.
 */
const PATH = '/api/v2/alerts';

function urlOf(base: string): string {
  const bare = base.replace(/\/+$/, '');
  return bare.endsWith(PATH) ? bare : `${bare}${PATH}`;
}

/** Older receivers take ASCII names only. */
function withPlainNames(labels: Readonly<Record<string, string>>): Record<string, string> {
  const named = Object.entries(labels).map(([name, value]) => [
    name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_'),
    value,
  ]);
  return Object.fromEntries(named.filter(([name, value]) => name !== '' && value !== ''));
}

function isOver({ state }: IncidentAlert): boolean {
  return state === 'resolved' || state === 'inactive';
}

function alertOf(alert: IncidentAlert, { event, tenant, atMs, incident, link }: Notification): Record<string, unknown> {
  const endMs = isOver(alert) ? alert.atMs : event === 'resolve' ? (incident.resolvedMs ?? atMs) : undefined;
  const generatorURL = webLink(link);
  return {
    labels: {
      ...withPlainNames(alert.labels),
      alertname: alert.rule,
      alertgroup: alert.group,
      host: alert.client,
      severity: alert.severity,
      tenant,
    },
    annotations: withPlainNames({
      ...alert.annotations,
      incident: incident.id,
      values: valueTexts(alert).join(', '),
      explanations: alert.explanations.join(' '),
    }),
    startsAt: new Date(alert.onsetMs).toISOString(),
    // Never before it began: the receiver refuses that.
    endsAt: new Date(Math.max(alert.onsetMs, endMs ?? atMs + ALERT_LIMITS.alertmanagerEndsMs)).toISOString(),
    ...(generatorURL === undefined ? {} : { generatorURL }),
  };
}

/** A page that is no alert: it ends when it begins, so that it goes no further than the receiver. */
function proofOf({ event, tenant, channel, atMs }: Notification): Record<string, unknown> {
  const time = new Date(atMs).toISOString();
  return {
    labels: { alertname: event === 'test' ? 'MetricStreamTest' : 'MetricStreamCanary', severity: 'none', tenant, channel },
    annotations: { summary: 'Proves that this channel works; nothing is wrong.' },
    startsAt: time,
    endsAt: time,
  };
}

export const alertmanagerChannel: ChannelKind = {
  settings: { url: 'required', user: 'optional' },
  secrets: { token: 'optional', password: 'optional' },
  problems({ settings, secrets }, { policy }) {
    const target = targetProblem('url', urlOf(settings.url ?? ''), policy);
    const problems = target === undefined ? [] : [target];
    if (secrets.token !== undefined && !isHeaderValue(secrets.token)) problems.push('token holds what cannot stand in a header');
    if (settings.user?.includes(':') === true) problems.push('user holds a colon');
    return problems;
  },
  async send(notification, channel, options) {
    const { event, incident } = notification;
    if (event === 'acknowledge') return { kind: 'delivered', detail: 'nothing to tell: Alertmanager knows no acknowledgement' };
    const isProof = event === 'test' || event === 'canary';
    const alerts = isProof ? [proofOf(notification)] : incident.alerts.map((alert) => alertOf(alert, notification));
    return postJson(options, channel, {
      url: urlOf(channel.settings.url ?? ''),
      body: JSON.stringify(alerts),
      headers: authorization(channel.settings.user, channel.secrets),
    });
  },
};

function authorization(user: string | undefined, secrets: Readonly<Record<string, string>>): Record<string, string> {
  if (secrets.token !== undefined) return { authorization: `Bearer ${secrets.token}` };
  if (user === undefined) return {};
  const bytes = new TextEncoder().encode(`${user}:${secrets.password ?? ''}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}
