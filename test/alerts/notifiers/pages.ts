/** Notifications and channels for tests of channels. */
import type { Incident, IncidentAlert, Notification } from '../../../src/model/incident.ts';
import type { OpenChannel } from '../../../src/ports/notifier.ts';

export const NOW_MS = Date.UTC(2026, 2, 1, 2, 20, 0);
const ONSET_MS = Date.UTC(2026, 2, 1, 2, 14, 5);

export function alertOf(changes: Partial<IncidentAlert> = {}): IncidentAlert {
  return {
    alert: 'a1',
    group: 'host',
    rule: 'CpuHigh',
    client: 'web-1',
    severity: 'critical',
    labels: { core: '3', datacenter: 'fra' },
    annotations: { summary: 'The processor is busy.', runbook_url: 'https://runbooks.example.com/cpu' },
    state: 'firing',
    onsetMs: ONSET_MS,
    atMs: ONSET_MS + 300_000,
    values: { 'avg(cpu)': 93.24567891 },
    explanations: ['3.9× the usual spread for Sundays 02:00'],
    ...changes,
  };
}

export function incidentOf(changes: Partial<Incident> = {}): Incident {
  const alerts = changes.alerts ?? [alertOf()];
  return {
    id: 'incident-1',
    tenant: 'acme',
    groupLabels: { rule: 'CpuHigh' },
    route: 'default',
    title: 'CpuHigh on web-1',
    severity: 'critical',
    state: 'open',
    delivery: 'sending',
    onsetMs: ONSET_MS,
    openedMs: NOW_MS - 30_000,
    notifiedMs: NOW_MS,
    acknowledgedMs: undefined,
    acknowledgedBy: undefined,
    resolvedMs: undefined,
    escalations: 0,
    notes: [],
    alerts,
    alertCount: alerts.length,
    ...changes,
  };
}

/** Of one incident, in the states that its events go with. */
export function notificationOf(event: Notification['event'], changes: Partial<Notification> = {}): Notification {
  const states: Partial<Record<Notification['event'], Partial<Incident>>> = {
    acknowledge: { state: 'acknowledged', acknowledgedMs: NOW_MS, acknowledgedBy: 'ana' },
    resolve: {
      state: 'resolved',
      resolvedMs: NOW_MS,
      alerts: [alertOf({ state: 'resolved', atMs: NOW_MS })],
    },
  };
  return {
    id: `acme:incident-1:${event}:c`,
    tenant: 'acme',
    channel: 'c',
    event,
    dedupKey: 'acme/host/CpuHigh/1',
    atMs: NOW_MS,
    incident: incidentOf(states[event]),
    link: 'https://metrics.example.com/#incident-1',
    ...changes,
  };
}

export function channelOf(
  type: OpenChannel['type'],
  settings: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>> = {},
): OpenChannel {
  return { id: 'c', type, settings, secrets, canaryEveryMs: undefined, enabled: true };
}

/** Of the Standard Webhooks' own examples. */
export const WEBHOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
