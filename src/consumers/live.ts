/** Who watches, and what changed since they were last told. */
import { clientKey } from '../model/partition.ts';
import type { Push } from '../model/push.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveClient, LiveFeed } from '../ports/live-feed.ts';
import type { ClientState } from './client-state.ts';

interface Watcher {
  readonly tenant: string;
  readonly client: string | undefined;
  readonly listener: (changed: readonly LiveClient[]) => void;
}

export interface LiveHub extends LiveFeed {
  /** Called by the pipeline for each push; costs nothing while nobody watches. */
  seen(state: ClientState, push: Push): void;
}

/** The newest push of each changed client, told every intervalMs while someone watches. Its one timer is armed by a push. */
export function liveHub(clock: Clock, intervalMs: number): LiveHub {
  const watchers = new Set<Watcher>();
  let changed = new Map<string, { tenant: string; live: LiveClient }>();
  let scheduled = false;

  const tell = (): void => {
    scheduled = false;
    const told = changed;
    changed = new Map();
    for (const { tenant, client, listener } of watchers) {
      const own = [...told.values()].filter(
        (one) => one.tenant === tenant && (client === undefined || one.live.client === client),
      );
      if (own.length > 0) listener(own.map((one) => one.live));
    }
  };
  return {
    subscribe(tenant, client, listener) {
      const watcher = { tenant, client, listener };
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    seen(state, push) {
      if (watchers.size === 0) return;
      const key = clientKey(state.tenant, state.client);
      changed.set(key, { tenant: state.tenant, live: merge(changed.get(key)?.live, state, push) });
      if (scheduled) return;
      scheduled = true;
      clock.schedule(intervalMs, tell);
    },
  };
}

/** A later push of the same interval brings newer values, and may bring other series. */
function merge(before: LiveClient | undefined, state: ClientState, push: Push): LiveClient {
  const values = new Map<string, number>(before?.keys.map((key, i) => [key, before.values[i] as number]));
  push.shape.series.forEach((series, i) => {
    values.set(series.key, push.values[i] as number);
  });
  return {
    client: state.client,
    sampleMs: Math.max(before?.sampleMs ?? 0, ...push.timesMs),
    seenMs: state.lastSeenMs,
    keys: [...values.keys()],
    values: [...values.values()],
  };
}
