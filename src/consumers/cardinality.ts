/** How many series a tenant has, so that the next one can be refused before it is stored. */
import { LIMITS } from '../model/limits.ts';
import type { Shape } from '../model/series.ts';

export interface CardinalityLimits {
  readonly seriesPerClientMax: number;
  readonly clientsPerTenantMax: number;
  readonly seriesPerTenantMax: number;
}

/** The series of one client that hold a place. */
export interface ClientSeries {
  /** When each shape was last seen, ms. */
  readonly shapes: Map<Shape, number>;
  /** The union of their series, made when there is more than one shape. */
  keys: Set<string> | undefined;
  count: number;
}

export function noSeries(): ClientSeries {
  return { shapes: new Map(), keys: undefined, count: 0 };
}

/** Of one tenant. Counted where pushes are admitted, so that concurrent pushes cannot pass together; rebuilt from checkpoint and log after a restart. */
export class Cardinality {
  readonly #limits: CardinalityLimits;
  #series = 0;

  constructor(limits: CardinalityLimits) {
    this.#limits = limits;
  }

  /** Series of all clients that hold a place. */
  get series(): number {
    return this.#series;
  }

  /** Admits the series of a push. @returns the places in the shape that are over a limit; undefined when none is. */
  admit(own: ClientSeries, shape: Shape, nowMs: number): number[] | undefined {
    if (own.shapes.has(shape)) {
      own.shapes.set(shape, nowMs);
      return undefined;
    }
    // One made by another interner, as after a restart: it takes the place of the one that is there.
    const same = [...own.shapes.keys()].find((held) => isSame(held, shape));
    if (same !== undefined) {
      own.shapes.delete(same);
      own.shapes.set(shape, nowMs);
      return undefined;
    }
    const fresh = own.shapes.size === 0 && own.count === 0;
    const roomy = fresh && shape.distinct && shape.series.length <= this.#limits.seriesPerClientMax;
    if (roomy && this.#series + shape.series.length <= this.#limits.seriesPerTenantMax) {
      own.shapes.set(shape, nowMs);
      own.count = shape.series.length;
      this.#series += own.count;
      return undefined;
    }
    own.keys ??= unionOf(own.shapes.keys());
    return this.#admitEach(own, own.keys, shape, nowMs);
  }

  #admitEach(own: ClientSeries, keys: Set<string>, shape: Shape, nowMs: number): number[] | undefined {
    const refused: number[] = [];
    for (let place = 0; place < shape.series.length; place++) {
      const key = shape.series[place]?.key ?? '';
      if (keys.has(key)) continue;
      if (own.count >= this.#limits.seriesPerClientMax || this.#series >= this.#limits.seriesPerTenantMax) {
        refused.push(place);
        continue;
      }
      keys.add(key);
      own.count += 1;
      this.#series += 1;
    }
    if (refused.length > 0) return refused;
    if (own.shapes.size < LIMITS.seriesPerClientMax) own.shapes.set(shape, nowMs);
    return undefined;
  }

  /** Gives back the places of shapes not seen since `idleBeforeMs`. @returns whether the client holds none any more. */
  release(own: ClientSeries, idleBeforeMs: number): boolean {
    let gone = false;
    for (const [shape, seenMs] of own.shapes) {
      if (seenMs >= idleBeforeMs) continue;
      own.shapes.delete(shape);
      gone = true;
    }
    if (!gone && own.shapes.size > 0) return false;
    this.#series -= own.count;
    const [only] = own.shapes.keys();
    own.keys = own.shapes.size > 1 || only?.distinct === false ? unionOf(own.shapes.keys()) : undefined;
    own.count = own.keys?.size ?? only?.series.length ?? 0;
    this.#series += own.count;
    return own.shapes.size === 0;
  }
}

function isSame(a: Shape, b: Shape): boolean {
  return a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}

function unionOf(shapes: Iterable<Shape>): Set<string> {
  const keys = new Set<string>();
  for (const shape of shapes) for (const series of shape.series) keys.add(series.key);
  return keys;
}
