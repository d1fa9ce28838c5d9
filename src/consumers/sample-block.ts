/** Blocks of samples: made from visits, merged as sets, folded into windows. */
import { type Aggregate, addSample, emptyAggregate, foldAggregate } from '../model/aggregate.ts';
import type { Series } from '../model/series.ts';
import { windowStart } from '../model/window.ts';
import type { SampleBlock, SampleColumn, WindowColumn } from '../ports/time-series-store.ts';

export type SampleSink = (ms: number, ns: number, series: Series, value: number) => void;

interface Collected {
  readonly series: Series;
  readonly rows: number[];
  readonly values: number[];
}

/** @param visit calls the sink in time order, no (series, time) twice. */
export function blockOf(visit: (sink: SampleSink) => void, want?: (series: Series) => boolean): SampleBlock {
  const times: number[] = [];
  const remainders: number[] = [];
  let anyNs = false;
  const columns = new Map<string, Collected | undefined>();
  visit((ms, ns, series, value) => {
    let column = columns.get(series.key);
    if (column === undefined) {
      if (columns.has(series.key)) return;
      column = want === undefined || want(series) ? { series, rows: [], values: [] } : undefined;
      columns.set(series.key, column);
      if (column === undefined) return;
    }
    const last = times.length - 1;
    if (last < 0 || times[last] !== ms || remainders[last] !== ns) {
      times.push(ms);
      remainders.push(ns);
      anyNs ||= ns !== 0;
    }
    column.rows.push(times.length - 1);
    column.values.push(value);
  });
  return {
    timesMs: Float64Array.from(times),
    timesNs: anyNs ? Int32Array.from(remainders) : undefined,
    columns: [...columns.values()].filter((column) => column !== undefined).map((column) => toColumn(column, times.length)),
  };
}

function toColumn({ series, rows, values }: Collected, times: number): SampleColumn {
  return { series, rows: rows.length === times ? undefined : Int32Array.from(rows), values: Float64Array.from(values) };
}

export function samplesIn(block: SampleBlock): number {
  return block.columns.reduce((sum, column) => sum + column.values.length, 0);
}

const EMPTY: SampleBlock = { timesMs: new Float64Array(0), timesNs: undefined, columns: [] };

/** The union as a set of (series, time) → value, the greater value where two differ. */
export function mergeBlocks(blocks: readonly SampleBlock[]): SampleBlock {
  const filled = blocks.filter((block) => block.timesMs.length > 0).sort((a, b) => firstMs(a) - firstMs(b));
  if (filled.length <= 1) return filled[0] ?? EMPTY;
  const apart = filled.every((block, i) => i === 0 || lastMs(filled[i - 1] as SampleBlock) < firstMs(block));
  return apart ? joinBlocks(filled) : uniteBlocks(filled);
}

function firstMs(block: SampleBlock): number {
  return block.timesMs[0] as number;
}

function lastMs(block: SampleBlock): number {
  return block.timesMs[block.timesMs.length - 1] as number;
}

/** Blocks that follow each other in time: the usual case, since a client is sealed piece by piece. */
function joinBlocks(blocks: readonly SampleBlock[]): SampleBlock {
  const total = blocks.reduce((sum, block) => sum + block.timesMs.length, 0);
  const timesMs = new Float64Array(total);
  const timesNs = blocks.some((block) => block.timesNs !== undefined) ? new Int32Array(total) : undefined;
  const parts = new Map<string, { series: Series; from: number[]; columns: SampleColumn[]; values: number }>();
  let at = 0;
  for (const block of blocks) {
    timesMs.set(block.timesMs, at);
    if (block.timesNs !== undefined) timesNs?.set(block.timesNs, at);
    for (const column of block.columns) {
      const part = parts.get(column.series.key) ?? { series: column.series, from: [], columns: [], values: 0 };
      parts.set(column.series.key, part);
      part.from.push(at);
      part.columns.push(column);
      part.values += column.values.length;
    }
    at += block.timesMs.length;
  }
  const columns = [...parts.values()].map(({ series, from, columns: pieces, values: count }): SampleColumn => {
    const values = new Float64Array(count);
    const rows = count === total ? undefined : new Int32Array(count);
    let done = 0;
    for (let piece = 0; piece < pieces.length; piece++) {
      const column = pieces[piece] as SampleColumn;
      const offset = from[piece] as number;
      values.set(column.values, done);
      if (rows !== undefined) {
        for (let i = 0; i < column.values.length; i++)
          rows[done + i] = offset + (column.rows === undefined ? i : (column.rows[i] as number));
      }
      done += column.values.length;
    }
    return { series, rows, values };
  });
  return { timesMs, timesNs, columns };
}

function uniteBlocks(blocks: readonly SampleBlock[]): SampleBlock {
  const samples: { ms: number; ns: number; series: Series; value: number }[] = [];
  for (const block of blocks) eachSample(block, (ms, ns, series, value) => samples.push({ ms, ns, series, value }));
  samples.sort(
    (a, b) => a.ms - b.ms || a.ns - b.ns || compareKeys(a.series.key, b.series.key) || compareValues(b.value, a.value),
  );
  return blockOf((sink) => {
    let previous: (typeof samples)[number] | undefined;
    for (const sample of samples) {
      const repeat = previous?.ms === sample.ms && previous.ns === sample.ns && previous.series.key === sample.series.key;
      if (!repeat) sink(sample.ms, sample.ns, sample.series, sample.value);
      previous = sample;
    }
  });
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareValues(a: number, b: number): number {
  return a - b || Number(Object.is(b, -0)) - Number(Object.is(a, -0));
}

/** Column by column, each in time order. */
function eachSample(block: SampleBlock, visit: SampleSink): void {
  for (const { series, rows, values } of block.columns) {
    for (let i = 0; i < values.length; i++) {
      const at = rows === undefined ? i : (rows[i] as number);
      visit(block.timesMs[at] as number, block.timesNs?.[at] ?? 0, series, values[i] as number);
    }
  }
}

/** The part of a block whose times pass; times that no column has a value for, and columns that lose all, are left out. */
export function filterBlock(block: SampleBlock, keep: (ms: number) => boolean): SampleBlock {
  const { timesMs, timesNs } = block;
  if (timesMs.every(keep)) return block;
  const used = new Uint8Array(timesMs.length);
  for (const { rows, values } of block.columns) {
    for (let i = 0; i < values.length; i++) used[rows === undefined ? i : (rows[i] as number)] = 1;
  }
  const places = new Int32Array(timesMs.length).fill(-1);
  let kept = 0;
  for (let i = 0; i < places.length; i++) if (used[i] === 1 && keep(timesMs[i] as number)) places[i] = kept++;
  const passes = (row: number): boolean => (places[row] as number) >= 0;
  const ns = timesNs?.filter((_, row) => passes(row));
  return {
    timesMs: timesMs.filter((_, row) => passes(row)),
    timesNs: ns?.some((remainder) => remainder !== 0) ? ns : undefined,
    columns: block.columns.map((column) => movedColumn(column, places, kept)).filter(({ values }) => values.length > 0),
  };
}

/** The block in pieces that follow each other, each from its first time on for less than `spanMs`. */
export function splitBlock(block: SampleBlock, spanMs: number): SampleBlock[] {
  const { timesMs, timesNs, columns } = block;
  const pieces: SampleBlock[] = [];
  const next = new Int32Array(columns.length);
  for (let from = 0, to = 0; from < timesMs.length; from = to) {
    const endMs = (timesMs[from] as number) + spanMs;
    while (to < timesMs.length && (timesMs[to] as number) < endMs) to += 1;
    if (to - from === timesMs.length) return [block];
    const ns = timesNs?.slice(from, to);
    const cut = columns.map((column, c) => {
      const start = next[c] as number;
      let end = start;
      while (end < column.values.length && (column.rows?.[end] ?? end) < to) end += 1;
      next[c] = end;
      return cutColumn(column, start, end, from, to);
    });
    pieces.push({
      timesMs: timesMs.slice(from, to),
      timesNs: ns?.some((remainder) => remainder !== 0) ? ns : undefined,
      columns: cut.filter(({ values }) => values.length > 0),
    });
  }
  return pieces;
}

/** Values [start, end) of a column, all that it has in rows [from, to). */
function cutColumn({ series, rows, values }: SampleColumn, start: number, end: number, from: number, to: number): SampleColumn {
  const isWhole = end - start === to - from;
  return {
    series,
    rows: isWhole ? undefined : rows?.slice(start, end).map((row) => row - from),
    values: values.slice(start, end),
  };
}

/** @param places of the rows that are kept, −1 for the others. @param total how many are kept. */
function movedColumn({ series, rows, values }: SampleColumn, places: Int32Array, total: number): SampleColumn {
  const moved = new Int32Array(values.length);
  const left = new Float64Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const place = places[rows === undefined ? i : (rows[i] as number)] as number;
    if (place < 0) continue;
    moved[count] = place;
    left[count++] = values[i] as number;
  }
  return { series, rows: count === total ? undefined : moved.slice(0, count), values: left.slice(0, count) };
}

/** Grows one window column. */
class WindowBuilder {
  readonly #starts: number[] = [];
  readonly #aggregates: Aggregate[] = [];
  readonly #revisions: number[] = [];
  readonly series: Series;

  constructor(series: Series) {
    this.series = series;
  }

  /** The aggregate of the window at `start`, which is the last one or later. */
  at(start: number, revision: number): Aggregate {
    const last = this.#starts.length - 1;
    if (this.#starts[last] === start) {
      this.#revisions[last] = Math.max(this.#revisions[last] as number, revision);
      return this.#aggregates[last] as Aggregate;
    }
    const fresh = emptyAggregate();
    this.#starts.push(start);
    this.#aggregates.push(fresh);
    this.#revisions.push(revision);
    return fresh;
  }

  build(): WindowColumn {
    const column = (field: keyof Aggregate): Float64Array => Float64Array.from(this.#aggregates, (aggregate) => aggregate[field]);
    return {
      series: this.series,
      starts: Float64Array.from(this.#starts),
      count: column('count'),
      sum: column('sum'),
      min: column('min'),
      max: column('max'),
      first: column('first'),
      last: column('last'),
      increase: column('increase'),
      revision: Float64Array.from(this.#revisions),
    };
  }
}

/** Windows of `stepMs` over a merged block: a pure function of its samples. */
export function foldSamples(
  block: SampleBlock,
  stepMs: number,
  revisionOf: (series: Series, start: number) => number,
): WindowColumn[] {
  return block.columns.map(({ series, rows, values }) => {
    const builder = new WindowBuilder(series);
    for (let i = 0; i < values.length; i++) {
      const start = windowStart(block.timesMs[rows === undefined ? i : (rows[i] as number)] as number, stepMs);
      addSample(builder.at(start, 0), values[i] as number);
    }
    const column = builder.build();
    return { ...column, revision: column.starts.map((start) => revisionOf(series, start)) };
  });
}

/** Folds windows into wider ones, in time order; the revision is the greatest of its parts'. */
export function foldWindows(columns: readonly WindowColumn[], stepMs: number): WindowColumn[] {
  return columns.map((column) => {
    const builder = new WindowBuilder(column.series);
    for (let i = 0; i < column.starts.length; i++) {
      const start = windowStart(column.starts[i] as number, stepMs);
      foldAggregate(builder.at(start, column.revision[i] as number), aggregateAt(column, i));
    }
    return builder.build();
  });
}

function aggregateAt(column: WindowColumn, i: number): Aggregate {
  return {
    count: column.count[i] as number,
    sum: column.sum[i] as number,
    min: column.min[i] as number,
    max: column.max[i] as number,
    first: column.first[i] as number,
    last: column.last[i] as number,
    increase: column.increase[i] as number,
  };
}
