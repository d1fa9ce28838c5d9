/** Folds stored windows into the wider ones that a query asks for, and names the fields of the answer. */
import { type Aggregate, emptyAggregate, foldAggregate } from '../model/aggregate.ts';
import { windowStart } from '../model/window.ts';
import type { WindowColumn } from '../ports/time-series-store.ts';

/** What an answer can say of a window, in the order in which it says it. */
export const FIELDS = ['count', 'sum', 'min', 'max', 'avg', 'first', 'last', 'increase', 'revision'] as const;
export type Field = (typeof FIELDS)[number];
export const DEFAULT_FIELDS: readonly Field[] = ['count', 'sum', 'min', 'max', 'avg', 'revision'];

/** @param list comma-separated; what is no field is left out, and no field stands twice. */
export function fieldsOf(list: string): readonly Field[] {
  const named = new Set(list.split(','));
  return FIELDS.filter((field) => named.has(field));
}

export type FieldReader = (aggregate: Aggregate, revision: number) => number;

export const FIELD_READERS: Readonly<Record<Field, FieldReader>> = {
  count: (aggregate) => aggregate.count,
  sum: (aggregate) => aggregate.sum,
  min: (aggregate) => aggregate.min,
  max: (aggregate) => aggregate.max,
  avg: (aggregate) => aggregate.sum / aggregate.count,
  first: (aggregate) => aggregate.first,
  last: (aggregate) => aggregate.last,
  increase: (aggregate) => aggregate.increase,
  revision: (_, revision) => revision,
};

/**
 * Called for each wide window in time order. `aggregate` is reused: read it at once. `revision` is 1 and one more for each
 * correction of a window inside. `open`: some window inside has not closed.
 */
export type EachWindow = (startMs: number, aggregate: Aggregate, revision: number, open: boolean) => void;

/** @param stepMs a multiple of the column's resolution; wide windows are aligned to the epoch. */
export function foldWindows(column: WindowColumn, stepMs: number, openFromMs: number, each: EachWindow): void {
  const { starts, revision: revisions } = column;
  const wide = emptyAggregate();
  const next = emptyAggregate();
  let wideStart = 0;
  let revision = 1;
  let open = false;
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i] as number;
    const at = windowStart(start, stepMs);
    if (at !== wideStart || wide.count === 0) {
      if (wide.count > 0) each(wideStart, wide, revision, open);
      wide.count = 0;
      wideStart = at;
      revision = 1;
      open = false;
    }
    readWindow(column, i, next);
    foldAggregate(wide, next);
    revision += (revisions[i] as number) - 1;
    if (start >= openFromMs) open = true;
  }
  if (wide.count > 0) each(wideStart, wide, revision, open);
}

/** How many wide windows `foldWindows` would give. */
export function countWindows({ starts }: WindowColumn, stepMs: number): number {
  let count = 0;
  let wideStart = Number.NaN;
  for (let i = 0; i < starts.length; i++) {
    const at = windowStart(starts[i] as number, stepMs);
    if (at !== wideStart) count += 1;
    wideStart = at;
  }
  return count;
}

function readWindow(column: WindowColumn, i: number, into: Aggregate): void {
  into.count = column.count[i] as number;
  into.sum = column.sum[i] as number;
  into.min = column.min[i] as number;
  into.max = column.max[i] as number;
  into.first = column.first[i] as number;
  into.last = column.last[i] as number;
  into.increase = column.increase[i] as number;
}
