/** Ids that a replay after a crash gives again: hashes of what an incident is about. */
import { murmur2 } from '../model/partition.ts';

/** 128 bits of four hashes: two of a million incidents share one in 10^26 cases. */
function hashOf(text: string): string {
  const hash = (salt: number): string =>
    (murmur2(new TextEncoder().encode(`${salt}${text}`)) >>> 0).toString(16).padStart(8, '0');
  return [0, 1, 2, 3].map(hash).join('');
}

/**
 * @param transition id of the transition that opened it.
 * @param before id of the incident that was resolved by hand while its alert fired on; empty for none.
 */
export function incidentId(groupKey: string, transition: string, before: string): string {
  return hashOf(JSON.stringify([groupKey, transition, before]));
}

/** @param sequence of the page within its incident. None of the parts holds a colon. */
export function notificationId(tenant: string, incident: string, sequence: number, channel: string): string {
  return [tenant, incident, String(sequence), channel].join(':');
}

/** @returns undefined for an id that no incident made: of a test, or a canary. */
export function readNotificationId(
  id: string,
): { readonly tenant: string; readonly incident: string; readonly channel: string } | undefined {
  const [tenant, incident, sequence, channel, ...rest] = id.split(':');
  if (tenant === undefined || incident === undefined || channel === undefined || rest.length > 0) return undefined;
  return /^\d+$/.test(sequence ?? '') ? { tenant, incident, channel } : undefined;
}
