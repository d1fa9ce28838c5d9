/** Folds stored windows into the wider ones that a query asks for, field by field. */
import { increaseOf } from '../model/aggregate.ts';
import { windowStart } from '../model/window.ts';
import type { WindowColumn, WindowField } from '../ports/time-series-store.ts';

/** What an answer can say of a window, in the order in which it says it. */
export const FIELDS = ['count', 'sum', 'min', 'max', 'avg', 'first', 'last', 'increase', 'revision'] as const;
export type Field = (typeof FIELDS)[number];
export const DEFAULT_FIELDS: readonly Field[] = ['count', 'sum', 'min', 'max', 'avg', 'revision'];

/** @param list comma-separated; what is no field is left out, and no field stands twice. */
export function fieldsOf(list: string): readonly Field[] {
  const named = new Set(list.split(','));
  return FIELDS.filter((field) => named.has(field));
}

/** What has to be known of windows to say these fields of wider ones. */
export function fieldsRead(fields: readonly Field[]): readonly WindowField[] {
  const read = fields.flatMap((field): readonly WindowField[] => {
    if (field === 'avg') return ['sum', 'count'];
    return field === 'increase' ? ['increase', 'first', 'last'] : [field];
  });
  return [...new Set(read)];
}

/** A field of the window that the windows [from, to) of a column make together; at least one. Bit for bit what `foldAggregate` gives. */
export type FieldReader = (column: WindowColumn, from: number, to: number) => number;

/** Field by field, so that nothing is folded that nobody asked for and each loop runs over one array. */
export const FIELD_READERS: Readonly<Record<Field, FieldReader>> = {
  count: ({ count }, from, to) => total(count, from, to),
  sum: ({ sum }, from, to) => total(sum, from, to),
  min({ min }, from, to) {
    let least = min[from] as number;
    for (let i = from + 1; i < to; i++) if ((min[i] as number) < least) least = min[i] as number;
    return least;
  },
  max({ max }, from, to) {
    let greatest = max[from] as number;
    for (let i = from + 1; i < to; i++) if ((max[i] as number) > greatest) greatest = max[i] as number;
    return greatest;
  },
  avg: ({ sum, count }, from, to) => total(sum, from, to) / total(count, from, to),
  first: ({ first }, from) => first[from] as number,
  last: ({ last }, _from, to) => last[to - 1] as number,
  increase({ increase, first, last }, from, to) {
    let risen = increase[from] as number;
    for (let i = from + 1; i < to; i++) {
      risen += (increase[i] as number) + increaseOf(last[i - 1] as number, first[i] as number);
    }
    return risen;
  },
  /** 1, and one more for each correction of a window inside. */
  revision({ revision }, from, to) {
    let corrections = 0;
    for (let i = from; i < to; i++) corrections += (revision[i] as number) - 1;
    return 1 + corrections;
  },
};

/** In time order, and from the first on: 0 + −0 would be 0. */
function total(values: Float64Array, from: number, to: number): number {
  let sum = values[from] as number;
  for (let i = from + 1; i < to; i++) sum += values[i] as number;
  return sum;
}

/** Called for each wide window in time order: it is made of the windows [from, to) of the column. */
export type EachWindow = (startMs: number, from: number, to: number) => void;

/** @param stepMs a multiple of the column's resolution; wide windows are aligned to the epoch. */
export function eachWindow({ starts }: WindowColumn, stepMs: number, each: EachWindow): void {
  let from = 0;
  while (from < starts.length) {
    const startMs = windowStart(starts[from] as number, stepMs);
    let to = from + 1;
    while (to < starts.length && (starts[to] as number) < startMs + stepMs) to += 1;
    each(startMs, from, to);
    from = to;
  }
}

/** How many wide windows `eachWindow` gives. */
export function countWindows(column: WindowColumn, stepMs: number): number {
  let count = 0;
  eachWindow(column, stepMs, () => {
    count += 1;
  });
  return count;
}

/** Whether some window of [from, to) starts at `openFromMs` or later: it has not closed. */
export function isOpen({ starts }: WindowColumn, to: number, openFromMs: number): boolean {
  return (starts[to - 1] as number) >= openFromMs;
}
