/** How many hosts a tenant has that were heard of lately: against them it is judged whether many fell silent at once. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { MetricReader } from '../ports/metric-reader.ts';

export interface HostCounts {
  /** 0 where that is not known. */
  of(tenant: string): number;
  /** Counts again where the last count is old. Never rejects: an old count is better than none. */
  refresh(tenants: Iterable<string>): Promise<void>;
}

export function hostCounts(reader: Pick<MetricReader, 'clients'>, clock: Clock): HostCounts {
  const counts = new Map<string, { readonly hosts: number; readonly atMs: number }>();
  const count = async (tenant: string): Promise<void> => {
    const nowMs = clock.nowMs();
    try {
      const clients = await reader.clients(tenant);
      const hosts = clients.filter(({ lastSeenMs }) => nowMs - lastSeenMs < ALERT_LIMITS.hostCountAgeMs).length;
      if (counts.size >= ALERT_LIMITS.ruleTenantsMax) counts.clear();
      counts.set(tenant, { hosts, atMs: nowMs });
    } catch {
      // It reads its log after a start, or is elsewhere: the next transition asks again.
    }
  };
  return {
    of: (tenant) => counts.get(tenant)?.hosts ?? 0,
    async refresh(tenants) {
      const nowMs = clock.nowMs();
      const old = [...tenants].filter((tenant) => nowMs - (counts.get(tenant)?.atMs ?? 0) >= ALERT_LIMITS.hostCountRefreshMs);
      await Promise.all(old.map(count));
    },
  };
}
