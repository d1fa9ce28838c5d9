/** A shard of which control asks to be told what changes: it tells that while it was said lately that someone watches. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveClient, LiveFeed } from '../ports/live-feed.ts';
import type { LiveCall, WatchCall } from '../ports/shard-service.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { CALL_VERSION } from '../protocols/shard-reply.ts';

export interface LiveWatchDependencies {
  readonly clock: Clock;
  readonly feed: LiveFeed;
  readonly telemetry: Telemetry;
  /** As LiveSink.liveChanged. */
  tell(call: LiveCall): Promise<number>;
}

/** Has no timer of its own: what the feed tells was armed by a push, and then the watch is seen to be over. */
export class LiveWatch {
  readonly #deps: LiveWatchDependencies;
  /** Of each watched tenant: leaves the feed. */
  readonly #tenants = new Map<string, () => void>();
  #untilMs = 0;
  /** Counts the watches, so that an answer to a call of the one before ends nothing. */
  #watch = 0;
  #waiting = 0;
  /** Calls are made one by one, so that a page sees changes in their order. */
  #last: Promise<void> = Promise.resolve();

  constructor(deps: LiveWatchDependencies) {
    this.#deps = deps;
  }

  watch({ watched, forMs }: Pick<WatchCall, 'watched' | 'forMs'>): null {
    const { clock, feed } = this.#deps;
    this.#watch += 1;
    this.#untilMs = clock.nowMs() + Math.min(forMs, LIMITS.objectLiveWatchMs);
    this.#leaveAll();
    if (forMs <= 0) return null;
    for (const [tenant, own] of Map.groupBy(watched, (one) => one.tenant)) {
      const clients = own.every(({ client }) => client !== undefined) ? new Set(own.map(({ client }) => client)) : undefined;
      const leave = feed.subscribe(tenant, undefined, (changed) => {
        this.#changed(tenant, clients === undefined ? changed : changed.filter(({ client }) => clients.has(client)));
      });
      this.#tenants.set(tenant, leave);
    }
    return null;
  }

  #changed(tenant: string, clients: readonly LiveClient[]): void {
    if (this.#deps.clock.nowMs() >= this.#untilMs) {
      this.#leaveAll();
      return;
    }
    const size = LIMITS.objectLiveClientsMax;
    for (let from = 0; from < clients.length && this.#waiting < LIMITS.objectLiveCallsMax; from += size) {
      this.#waiting += 1;
      const call = { version: CALL_VERSION, tenant, clients: clients.slice(from, from + size) };
      this.#last = this.#last.then(() => this.#tell(call));
    }
  }

  async #tell(call: LiveCall): Promise<void> {
    const watch = this.#watch;
    try {
      if (this.#deps.clock.nowMs() >= this.#untilMs) return;
      const listening = await this.#answer(call);
      if (listening === 0 && watch === this.#watch) this.#leave(call.tenant);
    } catch (error) {
      this.#deps.telemetry.log('warn', 'control was not told what changed', { error: String(error) });
    } finally {
      this.#waiting -= 1;
    }
  }

  #answer(call: LiveCall): Promise<number> {
    const { clock, tell } = this.#deps;
    return new Promise((resolve, reject) => {
      const cancel = clock.schedule(LIMITS.objectLiveAnswerMs, () => reject(new MetricStreamError('unavailable')));
      tell(call).then(resolve, reject).finally(cancel);
    });
  }

  #leave(tenant: string): void {
    this.#tenants.get(tenant)?.();
    this.#tenants.delete(tenant);
  }

  #leaveAll(): void {
    for (const tenant of [...this.#tenants.keys()]) this.#leave(tenant);
  }
}
