/** A live feed that is fed by hand, for tests and tools. */
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LiveClient, LiveFeed } from '../../ports/live-feed.ts';

export interface MemoryLiveFeed extends LiveFeed {
  /** Notes the newest values of a client; listeners hear of it within liveIntervalMs. */
  publish(tenant: string, client: LiveClient): void;
  /** How many are subscribed now. */
  listeners(): number;
}

interface Subscription {
  readonly tenant: string;
  readonly client: string | undefined;
  readonly listener: (changed: readonly LiveClient[]) => void;
}

export function memoryLiveFeed(clock: Clock): MemoryLiveFeed {
  const subscriptions = new Set<Subscription>();
  /** Newest values since the last round, by tenant and client. */
  let changed = new Map<string, Map<string, LiveClient>>();
  let scheduled = false;

  const flush = (): void => {
    const round = changed;
    changed = new Map();
    scheduled = false;
    for (const { tenant, client, listener } of [...subscriptions]) {
      const all = [...(round.get(tenant)?.values() ?? [])];
      const wanted = client === undefined ? all : all.filter((one) => one.client === client);
      if (wanted.length > 0) listener(wanted);
    }
  };

  return {
    subscribe(tenant, client, listener) {
      const subscription = { tenant, client, listener };
      subscriptions.add(subscription);
      return () => {
        subscriptions.delete(subscription);
      };
    },
    publish(tenant, client) {
      const clients = changed.get(tenant) ?? new Map<string, LiveClient>();
      changed.set(tenant, clients.set(client.client, client));
      if (!scheduled) clock.schedule(LIMITS.liveIntervalMs, flush);
      scheduled = true;
    },
    listeners: () => subscriptions.size,
  };
}
