/** Many hosts that fall silent at once are one trouble: a network, a power line, a datacenter. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';

/** A host that fell silent, and when: event time, Unix ms. */
export interface FallenHost {
  readonly alert: string;
  readonly atMs: number;
  /** It waits for others; the rest have an incident of their own already. */
  readonly waits: boolean;
}

/**
 * @param fallen hosts that are silent, in no order.
 * @param hosts how many the tenant has.
 * @returns those that wait and are part of a wave, oldest first; empty where there is none.
 */
export function waveOf(fallen: readonly FallenHost[], hosts: number): readonly FallenHost[] {
  const byTime = fallen.toSorted((a, b) => a.atMs - b.atMs || (a.alert < b.alert ? -1 : 1));
  const needed = Math.max(ALERT_LIMITS.massHostsMin, Math.floor(hosts * ALERT_LIMITS.massShare) + 1);
  const inWave = new Set<FallenHost>();
  let first = 0;
  for (const [last, { atMs }] of byTime.entries()) {
    while ((byTime[first]?.atMs ?? atMs) < atMs - ALERT_LIMITS.massWindowMs) first += 1;
    if (last - first + 1 < needed) continue;
    // Of two windows that overlap the hosts are counted once: the set knows.
    for (let at = last; at >= first; at--) {
      const host = byTime[at];
      if (host === undefined || inWave.has(host)) break;
      inWave.add(host);
    }
  }
  return byTime.filter((host) => host.waits && inWave.has(host));
}
