/** Pages that are about no incident: a test that someone asked for, and a canary that proves a channel. */
import type { Notification } from '../model/incident.ts';
import { newIncident } from './incident-view.ts';

/** @returns a notification with the same id for the same channel and time. */
export function proofNotification(event: 'test' | 'canary', tenant: string, channel: string, atMs: number): Notification {
  const incident = newIncident({
    id: `${event}:${channel}`,
    tenant,
    groupLabels: {},
    route: '',
    title: event === 'test' ? `Test of the channel ${channel}` : `The channel ${channel} works`,
    severity: 'informational',
    delivery: 'sending',
    onsetMs: atMs,
    openedMs: atMs,
  });
  const dedupKey = `${tenant}/${event}/${channel}`;
  return { id: `${event}:${tenant}:${channel}:${atMs}`, tenant, channel, event, dedupKey, atMs, incident, link: undefined };
}
