/** How many series and clients each tenant has, so that the next one can be refused before it is stored. */
import { LIMITS } from '../model/limits.ts';
import type { Shape } from '../model/series.ts';

interface ClientSeries {
  /** When each shape was last seen, ms. */
  readonly shapes: Map<Shape, number>;
  /** The union of their series, made when there is more than one shape. */
  keys: Set<string> | undefined;
  count: number;
}

interface TenantSeries {
  readonly clients: Map<string, ClientSeries>;
  series: number;
}

export interface CardinalityLimits {
  readonly seriesPerClientMax: number;
  readonly clientsPerTenantMax: number;
  readonly seriesPerTenantMax: number;
}

/** Counted where pushes are admitted, so that concurrent pushes cannot pass together; rebuilt from the log after a restart. */
export class Cardinality {
  readonly #tenants = new Map<string, TenantSeries>();
  readonly #limits: CardinalityLimits;

  constructor(limits: CardinalityLimits) {
    this.#limits = limits;
  }

  /** Admits the series of a push. @returns the places in the shape that are over a limit; undefined when none is. */
  admit(tenant: string, client: string, shape: Shape, nowMs: number): number[] | undefined {
    const held = this.#tenant(tenant);
    const own = held.clients.get(client);
    if (own?.shapes.has(shape)) {
      own.shapes.set(shape, nowMs);
      return undefined;
    }
    if (own === undefined && held.clients.size >= this.#limits.clientsPerTenantMax)
      return shape.series.length === 0 ? undefined : Array.from(shape.series.keys());
    return this.#admitShape(held, own ?? this.#meet(held, client), shape, nowMs);
  }

  #tenant(tenant: string): TenantSeries {
    let held = this.#tenants.get(tenant);
    if (held === undefined) {
      held = { clients: new Map(), series: 0 };
      this.#tenants.set(tenant, held);
    }
    return held;
  }

  #meet(held: TenantSeries, client: string): ClientSeries {
    const own: ClientSeries = { shapes: new Map(), keys: undefined, count: 0 };
    held.clients.set(client, own);
    return own;
  }

  #admitShape(held: TenantSeries, own: ClientSeries, shape: Shape, nowMs: number): number[] | undefined {
    const fresh = own.shapes.size === 0 && own.count === 0;
    const roomy = fresh && shape.distinct && shape.series.length <= this.#limits.seriesPerClientMax;
    if (roomy && held.series + shape.series.length <= this.#limits.seriesPerTenantMax) {
      own.shapes.set(shape, nowMs);
      own.count = shape.series.length;
      held.series += own.count;
      return undefined;
    }
    own.keys ??= unionOf(own.shapes.keys());
    const refused: number[] = [];
    for (let place = 0; place < shape.series.length; place++) {
      const key = shape.series[place]?.key ?? '';
      if (own.keys.has(key)) continue;
      if (own.count >= this.#limits.seriesPerClientMax || held.series >= this.#limits.seriesPerTenantMax) {
        refused.push(place);
        continue;
      }
      own.keys.add(key);
      own.count += 1;
      held.series += 1;
    }
    if (refused.length > 0) return refused;
    if (own.shapes.size < LIMITS.seriesPerClientMax) own.shapes.set(shape, nowMs);
    return undefined;
  }

  /** Gives back the places of shapes not seen since `idleBeforeMs`, and of clients without any. */
  sweep(idleBeforeMs: number): void {
    for (const [tenant, held] of this.#tenants) {
      for (const [client, own] of held.clients) {
        let gone = false;
        for (const [shape, seenMs] of own.shapes) {
          if (seenMs >= idleBeforeMs) continue;
          own.shapes.delete(shape);
          gone = true;
        }
        if (!gone && own.shapes.size > 0) continue;
        held.series -= own.count;
        const [only] = own.shapes.keys();
        own.keys = own.shapes.size > 1 || only?.distinct === false ? unionOf(own.shapes.keys()) : undefined;
        own.count = own.keys?.size ?? only?.series.length ?? 0;
        held.series += own.count;
        if (own.shapes.size === 0) held.clients.delete(client);
      }
      if (held.clients.size === 0) this.#tenants.delete(tenant);
    }
  }

  seriesOf(tenant: string): number {
    return this.#tenants.get(tenant)?.series ?? 0;
  }

  get clients(): number {
    let clients = 0;
    for (const held of this.#tenants.values()) clients += held.clients.size;
    return clients;
  }
}

function unionOf(shapes: Iterable<Shape>): Set<string> {
  const keys = new Set<string>();
  for (const shape of shapes) for (const series of shape.series) keys.add(series.key);
  return keys;
}
