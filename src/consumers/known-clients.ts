/** A store elsewhere that is asked about a new client only where it may know it: a fleet that is new to us would else cost a request a host. */
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { TimeSeriesStore } from '../ports/time-series-store.ts';

interface List {
  readonly names: Promise<ReadonlySet<string>>;
  readonly listedMs: number;
}

/**
 * The list of a tenant's clients may be a minute old. Who is not in it is new to the store: what it holds of a client was written after a checkpoint
 * held that client, so one that memory does not know was let go of long ago, or never was.
 */
export function knownClients(store: TimeSeriesStore, clock: Clock): TimeSeriesStore {
  const lists = new Map<string, List>();
  const namesOf = (tenant: string): Promise<ReadonlySet<string>> => {
    const held = lists.get(tenant);
    if (held !== undefined && Math.abs(clock.nowMs() - held.listedMs) < LIMITS.knownClientsMs) return held.names;
    for (const [oldest] of lists) if (lists.size >= LIMITS.knownClientListsMax) lists.delete(oldest);
    const list = { names: listAll(store, tenant), listedMs: clock.nowMs() };
    lists.set(tenant, list);
    list.names.catch(() => {
      if (lists.get(tenant) === list) lists.delete(tenant);
    });
    return list.names;
  };
  return {
    async lastSampleMs(tenant, client) {
      return (await namesOf(tenant)).has(client) ? store.lastSampleMs(tenant, client) : undefined;
    },
    clients: (tenant, after, max) => store.clients(tenant, after, max),
    readSamples: (range) => store.readSamples(range),
    readWindows: (range, resolution) => store.readWindows(range, resolution),
    retain: (retention, rowsMax) => store.retain(retention, rowsMax),
  };
}

async function listAll(store: TimeSeriesStore, tenant: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: string[] = await store.clients(tenant, after, LIMITS.storedClientsPerRead);
    for (const name of page) names.add(name);
    after = page.at(-1);
  }
  return names;
}
