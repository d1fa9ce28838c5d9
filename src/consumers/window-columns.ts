/** Columns of windows: cut by start, joined by series. */
import type { WindowColumn } from '../ports/time-series-store.ts';

const FIELDS = ['starts', 'count', 'sum', 'min', 'max', 'first', 'last', 'increase', 'revision'] as const;

/** The windows whose start passes; columns that lose all are left out. */
export function cutWindows(columns: readonly WindowColumn[], keep: (startMs: number) => boolean): WindowColumn[] {
  const cut: WindowColumn[] = [];
  for (const column of columns) {
    const { starts } = column;
    let kept = 0;
    while (kept < starts.length && keep(starts[kept] as number)) kept += 1;
    if (kept === starts.length) {
      cut.push(column);
      continue;
    }
    const places = indicesWhere(starts, keep);
    if (places.length > 0) cut.push(pick(column, places));
  }
  return cut;
}

/** The windows that start in [fromMs, toMs), as views; columns that lose all are left out. */
export function windowsBetween(columns: readonly WindowColumn[], fromMs: number, toMs: number): WindowColumn[] {
  const cut: WindowColumn[] = [];
  for (const column of columns) {
    const { starts } = column;
    let from = 0;
    let to = starts.length;
    while (from < to && (starts[from] as number) < fromMs) from += 1;
    while (to > from && (starts[to - 1] as number) >= toMs) to -= 1;
    if (to - from === starts.length) cut.push(column);
    else if (from < to) cut.push(mapFields(column.series, (field) => column[field].subarray(from, to)));
  }
  return cut;
}

function indicesWhere(starts: Float64Array, keep: (startMs: number) => boolean): number[] {
  const places: number[] = [];
  for (let i = 0; i < starts.length; i++) if (keep(starts[i] as number)) places.push(i);
  return places;
}

function pick(column: WindowColumn, places: readonly number[]): WindowColumn {
  const take = (values: Float64Array): Float64Array => Float64Array.from(places, (place) => values[place] as number);
  return mapFields(column.series, (field) => take(column[field]));
}

function mapFields(series: WindowColumn['series'], field: (name: (typeof FIELDS)[number]) => Float64Array): WindowColumn {
  return {
    series,
    starts: field('starts'),
    count: field('count'),
    sum: field('sum'),
    min: field('min'),
    max: field('max'),
    first: field('first'),
    last: field('last'),
    increase: field('increase'),
    revision: field('revision'),
  };
}

/** One column per series, ascending by start. No window may stand in two of them. */
export function joinWindows(columns: readonly WindowColumn[]): WindowColumn[] {
  const bySeries = new Map<string, WindowColumn[]>();
  for (const column of columns) {
    const parts = bySeries.get(column.series.key);
    if (parts === undefined) bySeries.set(column.series.key, [column]);
    else parts.push(column);
  }
  return [...bySeries.values()].map(joinParts);
}

function isAscending(starts: Float64Array): boolean {
  for (let i = 1; i < starts.length; i++) if ((starts[i] as number) <= (starts[i - 1] as number)) return false;
  return true;
}

function joinParts(parts: readonly WindowColumn[]): WindowColumn {
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first as WindowColumn;
  const sorted = [...parts].sort((a, b) => (a.starts[0] as number) - (b.starts[0] as number));
  const total = parts.reduce((sum, part) => sum + part.starts.length, 0);
  const joined = mapFields(first.series, (field) => {
    const values = new Float64Array(total);
    let at = 0;
    for (const part of sorted) {
      values.set(part[field], at);
      at += part[field].length;
    }
    return values;
  });
  if (isAscending(joined.starts)) return joined;
  const order = Array.from(joined.starts.keys()).sort((a, b) => (joined.starts[a] as number) - (joined.starts[b] as number));
  return pick(joined, order);
}
