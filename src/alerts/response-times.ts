/** How fast people hear of trouble, and how fast it ends. */
import type { Incident, IncidentAlert } from '../model/incident.ts';
import type { ResponseTimes } from '../ports/alert-book.ts';

interface Sums {
  incidents: number;
  detected: number;
  detectMs: number;
  resolveMs: number;
}

/**
 * By rule (`GROUP/RULE`), host, or label: an incident counts once for each of them among its alerts that are shown.
 * @param incidents resolved ones; others are passed over.
 * @returns by key.
 */
export function responseTimesOf(
  incidents: Iterable<Incident>,
  by: 'rule' | 'host' | `label:${string}`,
): readonly ResponseTimes[] {
  const sums = new Map<string, Sums>();
  for (const incident of incidents) {
    const { resolvedMs, openedMs, notifiedMs, onsetMs } = incident;
    if (resolvedMs === undefined) continue;
    for (const key of new Set(incident.alerts.flatMap((alert) => keyOf(alert, by) ?? []))) {
      const sum = sums.get(key) ?? { incidents: 0, detected: 0, detectMs: 0, resolveMs: 0 };
      sum.incidents += 1;
      sum.resolveMs += resolvedMs - openedMs;
      if (notifiedMs !== undefined) {
        sum.detected += 1;
        sum.detectMs += notifiedMs - onsetMs;
      }
      sums.set(key, sum);
    }
  }
  const times = [...sums].map(([key, { incidents, detected, detectMs, resolveMs }]) => {
    return { key, incidents, mttdMs: detected === 0 ? undefined : detectMs / detected, mttrMs: resolveMs / incidents };
  });
  return times.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function keyOf({ group, rule, client, labels }: IncidentAlert, by: string): string | undefined {
  if (by === 'rule') return `${group}/${rule}`;
  if (by === 'host') return client;
  const name = by.slice('label:'.length);
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
}
