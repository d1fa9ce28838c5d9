/** Puts tags on the samples of a push, by way of its shape: what is made of a shape once serves every push that has it. */
import type { Rejection } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { createSeries, type Labels, type Series, type Shape } from '../model/series.ts';
import type { DecodedPush } from '../protocols/json.ts';
import type { ShapeInterner } from '../protocols/log-record.ts';

/** Of the two the key's come first, then what the sample says, then the table's. */
export interface TagSources {
  readonly table: Labels | undefined;
  readonly key: Labels | undefined;
}

/** A shape with its tags. It is never kept alive from here: the interner bounds how many there are. */
interface Tagged {
  readonly shape: WeakRef<Shape>;
  /** Places of series that have more labels than they may, and are left out. */
  readonly over: readonly number[];
}

type Cache = WeakMap<Labels, WeakMap<Shape, Tagged>>;

/** One per process. */
export class Tagging {
  readonly #shapes: ShapeInterner;
  readonly #ofTable: Cache = new WeakMap();
  readonly #ofKey: Cache = new WeakMap();

  constructor(shapes: ShapeInterner) {
    this.#shapes = shapes;
  }

  /** The push as if its agent had sent the tags as labels. */
  tag(push: DecodedPush, { table, key }: TagSources): DecodedPush {
    const below = table === undefined ? push : this.#put(push, table, this.#ofTable, filled);
    return key === undefined ? below : this.#put(below, key, this.#ofKey, replaced);
  }

  #put(push: DecodedPush, tags: Labels, cache: Cache, merge: typeof filled): DecodedPush {
    const bySet = cache.get(tags) ?? new WeakMap<Shape, Tagged>();
    const known = bySet.get(push.shape);
    const shape = known?.shape.deref();
    if (known !== undefined && shape !== undefined)
      return known.over.length === 0 ? { ...push, shape } : without(push, known.over, shape);
    const over: number[] = [];
    const series: Series[] = [];
    for (const [place, one] of push.shape.series.entries()) {
      const labels = merge(one.labels, tags);
      if (labels.length > LIMITS.labelsMax) over.push(place);
      else series.push(createSeries(one.name, labels, one.unit, one.kind));
    }
    const made = this.#shapes.intern(series);
    cache.set(tags, bySet.set(push.shape, { shape: new WeakRef(made), over }));
    return over.length === 0 ? { ...push, shape: made } : without(push, over, made);
  }
}

/** The key that a series will have. */
export function taggedKey(series: Series, { table, key }: TagSources): string {
  const below = table === undefined ? series.labels : filled(series.labels, table);
  const labels = key === undefined ? below : replaced(below, key);
  return labels === series.labels ? series.key : createSeries(series.name, labels, '', 'gauge').key;
}

function filled(labels: Labels, tags: Labels): Labels {
  const missing = tags.filter(([name]) => !labels.some(([own]) => own === name));
  return missing.length === 0 ? labels : [...labels, ...missing];
}

function replaced(labels: Labels, tags: Labels): Labels {
  return filled(tags, labels);
}

/** The push without some places, which are refused; `shape` has the others. */
function without(push: DecodedPush, over: readonly number[], shape: Shape): DecodedPush {
  const out = new Set(over);
  const { indices, timesMs, timesNs } = push;
  const kept = push.shape.series.map((_, place) => place).filter((place) => !out.has(place));
  const ownTimes = timesMs.length === push.shape.series.length;
  const inBody = (place: number): number => indices?.[place] ?? place;
  const refused = over.map(
    (place): Rejection => ({
      index: inBody(place),
      code: 'too_many_labels',
      message: `a metric has at most ${LIMITS.labelsMax} labels, the tags of key and table among them`,
    }),
  );
  return {
    ...push,
    shape,
    values: Float64Array.from(kept, (place) => push.values[place] as number),
    timesMs: ownTimes ? Float64Array.from(kept, (place) => timesMs[place] as number) : timesMs,
    timesNs: ownTimes && timesNs !== undefined ? Int32Array.from(kept, (place) => timesNs[place] as number) : timesNs,
    indices: Int32Array.from(kept, inBody),
    rejections: [...push.rejections, ...refused].sort((a, b) => a.index - b.index),
  };
}
