/** Pages that are about no incident: a test that someone asked for, and a canary that proves a channel. */
import type { Incident, Notification } from '../model/incident.ts';

/** @returns a notification with the same id for the same channel and time. */
export function proofNotification(event: 'test' | 'canary', tenant: string, channel: string, atMs: number): Notification {
  const incident: Incident = {
    id: `${event}:${channel}`,
    tenant,
    groupLabels: {},
    route: '',
    title: event === 'test' ? `Test of the channel ${channel}` : `The channel ${channel} works`,
    severity: 'informational',
    state: 'open',
    delivery: 'sending',
    onsetMs: atMs,
    openedMs: atMs,
    notifiedMs: undefined,
    acknowledgedMs: undefined,
    acknowledgedBy: undefined,
    resolvedMs: undefined,
    escalations: 0,
    notes: [],
    alerts: [],
    alertCount: 0,
  };
  const dedupKey = `${tenant}/${event}/${channel}`;
  return { id: `${event}:${tenant}:${channel}:${atMs}`, tenant, channel, event, dedupKey, atMs, incident, link: undefined };
}
