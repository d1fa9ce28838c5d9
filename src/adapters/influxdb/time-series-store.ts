/** The time-series store on InfluxDB 2.7, read with Flux. What is past retention InfluxDB drops by itself. */
import { flux, type ParameterizedQuery } from '@influxdata/influxdb-client';
import { LIMITS } from '../../model/limits.ts';
import { BLOCK_MS, type Resolution, windowStart } from '../../model/window.ts';
import type { StoreRange, TimeSeriesStore, WindowColumn } from '../../ports/time-series-store.ts';
import { cutWindows } from '../embedded/block-cut.ts';
import { type ClientQuery, type ClientTables, clientTables } from './client-tables.ts';
import { clientLister } from './clients.ts';
import type { InfluxConnection } from './connection.ts';
import type { FluxTable } from './flux-tables.ts';
import { type BucketNames, bucketNames, MEASUREMENT, PACKED, type PointKind, VALUE, WINDOW_FIELDS, WORDS } from './names.ts';
import { type WindowPacker, windowPacker } from './packed-windows.ts';
import { fluxRunner } from './query.ts';
import { sampleBlock } from './sample-tables.ts';
import { type SeriesTables, seriesOfTables } from './series-tables.ts';
import { tagText } from './tag-text.ts';
import { fieldsToRead, windowBlocks } from './window-tables.ts';

export interface InfluxTimeSeriesStoreOptions extends InfluxConnection {
  /** As of the writer. */
  readonly bucketPrefix: string;
}

export function influxTimeSeriesStore(options: InfluxTimeSeriesStoreOptions): TimeSeriesStore {
  const buckets = bucketNames(options.bucketPrefix);
  const run = fluxRunner(options);
  const tablesOf = clientTables(run);
  const packer = windowPacker();
  return {
    async lastSampleMs(tenant, client) {
      const points = pointsOf(buckets.raw, tenant, flux`r.host == ${tagText(client)}`, EVER);
      const query = flux`${points} |> filter(fn: (r) => r._field == ${VALUE}) |> last() |> group() |> keep(columns: ["_time", "_value"])`;
      const times = (await run(query, `for the last sample of ${client}`)).flatMap(({ timesMs }) => timesMs);
      return times.length === 0 ? undefined : Math.max(...times);
    },
    clients: clientLister(run, buckets, options.clock),
    async readSamples(range) {
      const source = sourceOf(tablesOf, buckets, 'raw', range, LIMITS.rawBlockSpanMs);
      const block = sampleBlock(await readRows(source, [range], await listed(source, range, VALUE), [VALUE]));
      return block.columns.length === 0 ? [] : [block];
    },
    async readWindows(range, resolution) {
      const source = sourceOf(tablesOf, buckets, resolution, range, BLOCK_MS[resolution] * LIMITS.influxBlocksTogetherMax);
      const list = await listed(source, range, WINDOW_FIELDS[0]);
      const fields = fieldsToRead(range.fields);
      const packing = readPacked(source, packer, range, resolution, list);
      // Of a block or less the points are few, and to ask for them later would take as long again.
      const isShort = range.endMs - range.startMs <= BLOCK_MS[resolution];
      const [{ columns, gaps }, early] = await Promise.all([
        packing,
        isShort ? readRows(source, [range], list, fields) : undefined,
      ]);
      const rows = early ?? (await readRows(source, gaps, list, fields, columns));
      return windowBlocks(rows, BLOCK_MS[resolution], columns, fields);
    },
    // The buckets have their retention.
    retain: async () => 0,
  };
}

/** Whole blocks, and the stretches of the range in which there are none: of what is there are points alone. */
async function readPacked(
  { run, points, want }: Source,
  packer: WindowPacker,
  { startMs, endMs }: Stretch,
  resolution: Resolution,
  list: SeriesList | undefined,
): Promise<{ columns: WindowColumn[]; gaps: Stretch[] }> {
  const blockMs = BLOCK_MS[resolution];
  const columns: WindowColumn[] = [];
  const whole = new Set<number>();
  const unread = new Set<number>();
  const span = spanOf({ startMs: windowStart(startMs, blockMs), endMs });
  if (span === undefined || list?.isEmpty === true) return { columns, gaps: [] };
  const packed = await run((theirs) => flux`${fieldsIn(points(theirs, span), list, [PACKED])} |> ${DROP}`);
  for (const { timesMs, texts } of packed) {
    texts.forEach((text, i) => {
      const column = packer.unpack(text);
      (column === undefined ? unread : whole).add(timesMs[i] as number);
      if (column !== undefined && want?.(column.series) !== false) columns.push(column);
    });
  }
  const starts = [...whole].filter((start) => !unread.has(start)).sort((a, b) => a - b);
  return { columns: cutWindows(columns, startMs, endMs), gaps: gapsOf({ startMs, endMs }, starts, blockMs) };
}

/** What of [startMs, endMs) lies in no block. Where that is in many pieces, it is one with all that lies between them. */
function gapsOf({ startMs, endMs }: Stretch, blockStarts: readonly number[], blockMs: number): Stretch[] {
  const gaps: Stretch[] = [];
  let fromMs = startMs;
  for (const blockStartMs of [...blockStarts, Number.POSITIVE_INFINITY]) {
    const untilMs = Math.min(endMs, blockStartMs);
    if (fromMs < untilMs) gaps.push({ startMs: fromMs, endMs: untilMs });
    fromMs = Math.max(fromMs, blockStartMs + blockMs);
  }
  const [first, last] = [gaps[0], gaps.at(-1)];
  if (gaps.length <= LIMITS.influxStretchesMax || first === undefined || last === undefined) return gaps;
  return [{ startMs: first.startMs, endMs: last.endMs }];
}

/** [startMs, endMs), Unix ms. */
type Stretch = Pick<StoreRange, 'startMs' | 'endMs'>;

/** The same within what 64 bits of ns can say. */
interface Span {
  readonly start: Date;
  readonly stop: Date;
}

const LAST_MS = Date.UTC(2262, 3, 11);
const EVER: Span = { start: new Date(0), stop: new Date(LAST_MS) };
const MANY_NAMES = 32;

function spanOf({ startMs, endMs }: Stretch): Span | undefined {
  const start = Math.max(0, Math.ceil(startMs));
  const stop = Math.min(LAST_MS, Math.ceil(endMs));
  return start < stop ? { start: new Date(start), stop: new Date(stop) } : undefined;
}

/** Everything of some clients, still with all columns. */
function pointsOf(bucket: string, tenant: string, isTheirs: ParameterizedQuery, { start, stop }: Span): ParameterizedQuery {
  return flux`from(bucket: ${bucket})
  |> range(start: ${start}, stop: ${stop})
  |> filter(fn: (r) => r._measurement == ${MEASUREMENT} and r.tenant == ${tagText(tenant)} and (${isTheirs}))`;
}

function anyOf(column: string, values: readonly string[]): ParameterizedQuery {
  return values.map((value) => flux`r[${column}] == ${value}`).reduce((some, next) => flux`${some} or ${next}`);
}

/** What all rows have in common is not sent. */
const DROP = flux`drop(columns: ["_start", "_stop", "_measurement", "tenant"])`;

/** What is kept of one client in one bucket. */
interface Source {
  run(query: ClientQuery): Promise<readonly FluxTable[]>;
  points(isTheirs: ParameterizedQuery, span: Span): ParameterizedQuery;
  readonly want: StoreRange['want'];
}

/** @param togetherMs a longer range is read of each client by itself: that takes longer than to set a query up, and a query has only so much time. */
function sourceOf(tablesOf: ClientTables, buckets: BucketNames, kind: PointKind, range: StoreRange, togetherMs: number): Source {
  const { tenant, client, want, startMs, endMs } = range;
  const where = `in the bucket "${buckets[kind]}"`;
  return {
    run: (query) => tablesOf(client, query, where, endMs - startMs > togetherMs),
    points: (isTheirs, span) => pointsOf(buckets[kind], tenant, isTheirs, span),
    want,
  };
}

/** The series of a range that are wanted: their names, as far as it helps to say them, and their units and kinds. */
interface SeriesList {
  readonly isEmpty: boolean;
  readonly names: readonly string[];
  /** undefined: they are asked for with the rows. */
  readonly words: readonly FluxTable[] | undefined;
}

/** What `want` says can only be asked of a series: where it names no metric they are listed first. @returns undefined: all are wanted. */
async function listed({ run, points, want }: Source, range: Stretch, field: string): Promise<SeriesList | undefined> {
  const span = spanOf(range);
  if (want === undefined || span === undefined) return undefined;
  if (want.metric !== undefined) return { isEmpty: false, names: [tagText(want.metric)], words: undefined };
  const tables = await run((theirs) => lastOf(points(theirs, span), undefined, [...WORDS, field]));
  const wanted = seriesOfTables(tables).filter(({ series }) => want(series));
  const names = [...new Set(wanted.map(({ series }) => tagText(series.name)))];
  return { isEmpty: names.length === 0, names: names.length > MANY_NAMES ? [] : names, words: tables.filter(isWord) };
}

function lastOf(points: ParameterizedQuery, list: SeriesList | undefined, fields: readonly string[]): ParameterizedQuery {
  return flux`${fieldsIn(points, list, fields)} |> last() |> ${DROP} |> yield(name: "last")`;
}

function fieldsIn(points: ParameterizedQuery, list: SeriesList | undefined, fields: readonly string[]): ParameterizedQuery {
  const names = list?.names ?? [];
  const named = names.length === 0 ? points : flux`${points} |> filter(fn: (r) => ${anyOf('metric_name', names)})`;
  return flux`${named} |> filter(fn: (r) => ${anyOf('_field', fields)})`;
}

/**
 * The wanted series in some stretches of time.
 * @param packed says unit and kind of its series: of a client of which blocks were found these are asked for only where others turn up.
 */
async function readRows(
  { run, points, want }: Source,
  stretches: readonly Stretch[],
  list: SeriesList | undefined,
  fields: readonly string[],
  packed: readonly WindowColumn[] = [],
): Promise<SeriesTables[]> {
  if (list?.isEmpty === true) return [];
  const spans = stretches.map(spanOf).filter((span) => span !== undefined);
  const known = new Map(packed.map(({ series }) => [series.key, series]));
  const wordsIn = (theirs: ParameterizedQuery, span: Span) => lastOf(points(theirs, span), list, WORDS);
  const asksWords = list?.words === undefined && known.size === 0;
  const parts = spans.map((span) =>
    run((theirs) => {
      const rows = flux`${fieldsIn(points(theirs, span), list, fields)} |> ${DROP} |> yield(name: "rows")`;
      return asksWords ? flux`${wordsIn(theirs, span)}\n${rows}` : rows;
    }),
  );
  const tables = [list?.words ?? [], ...(await Promise.all(parts))].flat();
  let found = seriesOfTables(tables);
  const wanted = ({ series }: SeriesTables): boolean => want?.(series) !== false;
  if (known.size > 0 && list?.words === undefined && found.some((one) => wanted(one) && !known.has(one.series.key))) {
    const words = await Promise.all(spans.map((span) => run((theirs) => wordsIn(theirs, span))));
    found = seriesOfTables([...words.flat(), ...tables]);
  }
  return found.filter(wanted).map(({ series, fields: held }) => ({ series: known.get(series.key) ?? series, fields: held }));
}

function isWord({ tags }: FluxTable): boolean {
  return WORDS.some((word) => word === tags.get('_field'));
}
