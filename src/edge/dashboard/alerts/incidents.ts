/** The list of incidents: whose turn it is first, what stands beside each, and an order that holds still while somebody reads. */
import type { AlertAnswer, IncidentRow } from './answers.ts';
import { severityLook } from './severity.ts';

/** Open before acknowledged before resolved; then by severity; then the newest. */
export function byUrgency(a: IncidentRow, b: IncidentRow): number {
  const turn = { open: 0, acknowledged: 1, resolved: 2 };
  return (
    turn[a.state] - turn[b.state] ||
    severityLook(b.severity).rank - severityLook(a.severity).rank ||
    b.opened_ms - a.opened_ms ||
    (a.id < b.id ? -1 : 1)
  );
}

/**
 * What is shown stays where it is, so that no button moves under a finger; what is new stands before the first that comes after it.
 * @param shown ids, as they stand on the screen. @param wanted ids, as they would stand if the list were new.
 */
export function steadyOrder(shown: readonly string[], wanted: readonly string[]): string[] {
  const there = new Set(wanted);
  const order = shown.filter((id) => there.has(id));
  const known = new Set(order);
  for (let place = wanted.length - 1; place >= 0; place--) {
    const id = wanted[place];
    if (id === undefined || known.has(id)) continue;
    const next = wanted[place + 1];
    const at = next === undefined ? order.length : order.indexOf(next);
    order.splice(at, 0, id);
  }
  return order;
}

/** Hosts by incident, from the alerts that are not over. */
export function hostsByIncident(alerts: readonly AlertAnswer[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const { incident, client_id } of alerts) {
    if (incident === null) continue;
    const hosts = found.get(incident) ?? new Set();
    hosts.add(client_id);
    found.set(incident, hosts);
  }
  return new Map([...found].map(([id, hosts]) => [id, [...hosts].sort()]));
}

const HOSTS_SHOWN = 3;

/** web-1, web-2, web-3 and 4 more. */
export function namesText(names: readonly string[]): string {
  const left = names.length - HOSTS_SHOWN;
  const shown = names.slice(0, HOSTS_SHOWN).join(', ');
  return left > 0 ? `${shown} and ${left} more` : shown;
}

export interface Badge {
  readonly active: number;
  /** Of them those that nobody has acknowledged. */
  readonly open: number;
  readonly undelivered: number;
}

export function badgeOf(incidents: readonly IncidentRow[]): Badge {
  const active = incidents.filter(({ state }) => state !== 'resolved');
  return {
    active: active.length,
    open: active.filter(({ state }) => state === 'open').length,
    undelivered: active.filter(({ delivery }) => delivery === 'undelivered').length,
  };
}

/** Alerts without an incident: those that wait, and those of which nobody knows. Unknown ones first. */
export function looseAlerts(alerts: readonly AlertAnswer[]): AlertAnswer[] {
  const rank = (alert: AlertAnswer): number => (alert.state === 'unknown' ? 0 : 1);
  return alerts
    .filter(({ state }) => state === 'pending' || state === 'unknown')
    .sort((a, b) => rank(a) - rank(b) || b.onset_ms - a.onset_ms || (a.alert < b.alert ? -1 : 1));
}
