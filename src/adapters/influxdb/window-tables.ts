/** Tables of windows as blocks: fields joined by start, and of two versions of a window the one with the higher revision. */
import { windowStart } from '../../model/window.ts';
import type { WindowColumn, WindowField } from '../../ports/time-series-store.ts';
import type { FluxTable } from './flux-tables.ts';
import { WINDOW_FIELDS } from './names.ts';
import { bySeries, type SeriesTables } from './series-tables.ts';

const COLUMNS = ['starts', ...WINDOW_FIELDS] as const;
type Columns = Omit<WindowColumn, 'series'>;

export interface WindowBlock {
  readonly blockStartMs: number;
  readonly columns: WindowColumn[];
}

/** What has to be read of windows of which these fields are wanted: of two versions of a window, revision and count say which one counts. */
export function fieldsToRead(wanted: readonly WindowField[] | undefined): readonly WindowField[] {
  return WINDOW_FIELDS.filter((name) => wanted?.includes(name) !== false || name === 'revision' || name === 'count');
}

/**
 * @param packed windows of one series and block each, as they were packed.
 * @param blockMs how much event time a block covers.
 * @param fields that were read of points.
 */
export function windowBlocks(
  found: readonly SeriesTables[],
  blockMs: number,
  packed: readonly WindowColumn[] = [],
  fields: readonly WindowField[] = WINDOW_FIELDS,
): WindowBlock[] {
  const blocks = new Map<number, Map<string, WindowColumn>>();
  const put = (column: WindowColumn): void => {
    const blockStartMs = windowStart(column.starts[0] as number, blockMs);
    const block = blocks.get(blockStartMs) ?? new Map<string, WindowColumn>();
    blocks.set(blockStartMs, block);
    const held = block.get(column.series.key);
    block.set(column.series.key, held === undefined ? column : { series: held.series, ...latest(held, column) });
  };
  for (const column of packed) put(column);
  for (const { series, versions } of bySeries(found)) {
    const windows = versions.map((version) => columnsOf(version.fields, fields)).reduce(latest);
    const { starts } = windows;
    for (let from = 0, to = 0; from < starts.length; from = to) {
      const blockEndMs = windowStart(starts[from] as number, blockMs) + blockMs;
      while (to < starts.length && (starts[to] as number) < blockEndMs) to += 1;
      put({ series, ...mapColumns((name) => windows[name].slice(from, to)) });
    }
  }
  return [...blocks]
    .sort(([a], [b]) => a - b)
    .map(([blockStartMs, block]) => ({ blockStartMs, columns: [...block.values()].sort(byKey) }));
}

function byKey({ series: a }: WindowColumn, { series: b }: WindowColumn): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

function mapColumns(column: (name: (typeof COLUMNS)[number]) => Float64Array): Columns {
  return Object.fromEntries(COLUMNS.map((name) => [name, column(name)])) as unknown as Columns;
}

/** Windows that lack a field are left out: another program began to write them. What was not read is NaN. */
function columnsOf(tableOf: ReadonlyMap<string, FluxTable>, fields: readonly WindowField[]): Columns {
  const tables = fields.map((name) => tableOf.get(name));
  const [first] = tables;
  const whole = tables.filter((table) => table !== undefined);
  if (first === undefined || whole.length < tables.length) return mapColumns(() => new Float64Array(0));
  const { timesMs } = first;
  const isAligned = whole.every(
    (table) => table.timesMs.length === timesMs.length && table.timesMs.every((ms, i) => ms === timesMs[i]),
  );
  if (isAligned) {
    const unread = new Float64Array(timesMs.length).fill(Number.NaN);
    const numbersOf = (name: WindowField) => tableOf.get(name)?.numbers;
    return mapColumns((name) => Float64Array.from(name === 'starts' ? timesMs : (numbersOf(name) ?? unread)));
  }
  const values = new Map<string, Map<number, number>>(fields.map((name) => [name, valuesByTime(tableOf.get(name))]));
  const starts = timesMs.filter((ms) => [...values.values()].every((held) => held.has(ms)));
  return mapColumns((name) =>
    Float64Array.from(starts, (ms) => (name === 'starts' ? ms : (values.get(name)?.get(ms) ?? Number.NaN))),
  );
}

function valuesByTime(table: FluxTable | undefined): Map<number, number> {
  return new Map(table?.timesMs.map((ms, i) => [ms, table.numbers[i] as number]));
}

/** The union by start; of equal revisions the window of more samples. */
function latest(a: Columns, b: Columns): Columns {
  const from: Columns[] = [];
  const places: number[] = [];
  for (let i = 0, j = 0; i < a.starts.length || j < b.starts.length; ) {
    const order = (a.starts[i] ?? Number.POSITIVE_INFINITY) - (b.starts[j] ?? Number.POSITIVE_INFINITY);
    const takesA = order < 0 || (order === 0 && isNewer(a, i, b, j));
    from.push(takesA ? a : b);
    places.push(takesA ? i : j);
    if (order <= 0) i += 1;
    if (order >= 0) j += 1;
  }
  return mapColumns((name) => Float64Array.from(places, (place, k) => from[k]?.[name][place] as number));
}

function isNewer(a: Columns, i: number, b: Columns, j: number): boolean {
  const revisions = (a.revision[i] as number) - (b.revision[j] as number);
  return revisions > 0 || (revisions === 0 && (a.count[i] as number) >= (b.count[j] as number));
}
