/** The time-series store on InfluxDB 2.7, read with Flux. What is past retention InfluxDB drops by itself. */
import { flux, type ParameterizedQuery } from '@influxdata/influxdb-client';
import { BLOCK_MS } from '../../model/window.ts';
import type { StoreRange, TimeSeriesStore } from '../../ports/time-series-store.ts';
import { clientLister } from './clients.ts';
import type { InfluxConnection } from './connection.ts';
import type { FluxTable } from './flux-tables.ts';
import { type BucketNames, bucketNames, MEASUREMENT, type PointKind, VALUE, WINDOW_FIELDS, WORDS } from './names.ts';
import { fluxRunner, type RunFlux } from './query.ts';
import { sampleBlock } from './sample-tables.ts';
import { type SeriesTables, seriesOfTables } from './series-tables.ts';
import { tagText } from './tag-text.ts';
import { windowBlocks } from './window-tables.ts';

export interface InfluxTimeSeriesStoreOptions extends InfluxConnection {
  /** As of the writer. */
  readonly bucketPrefix: string;
}

export function influxTimeSeriesStore(options: InfluxTimeSeriesStoreOptions): TimeSeriesStore {
  const buckets = bucketNames(options.bucketPrefix);
  const run = fluxRunner(options);
  return {
    async lastSampleMs(tenant, client) {
      const points = pointsOf(buckets.raw, EVER, tenant, client);
      const query = flux`${points} |> filter(fn: (r) => r._field == ${VALUE}) |> last() |> group() |> keep(columns: ["_time", "_value"])`;
      const times = (await run(query, `for the last sample of ${client}`)).flatMap(({ timesMs }) => timesMs);
      return times.length === 0 ? undefined : Math.max(...times);
    },
    clients: clientLister(run, buckets, options.clock),
    async readSamples(range) {
      const found = await read(run, buckets, 'raw', range, [VALUE]);
      const block = sampleBlock(found);
      return block.columns.length === 0 ? [] : [block];
    },
    async readWindows(range, resolution) {
      const found = await read(run, buckets, resolution, range, WINDOW_FIELDS);
      return windowBlocks(found, BLOCK_MS[resolution]);
    },
    // The buckets have their retention.
    retain: async () => 0,
  };
}

/** [startMs, endMs) within what 64 bits of ns can say. */
interface Span {
  readonly start: Date;
  readonly stop: Date;
}

const LAST_MS = Date.UTC(2262, 3, 11);
const EVER: Span = { start: new Date(0), stop: new Date(LAST_MS) };
const MANY_NAMES = 32;

function spanOf({ startMs, endMs }: StoreRange): Span | undefined {
  const start = Math.max(0, Math.ceil(startMs));
  const stop = Math.min(LAST_MS, Math.ceil(endMs));
  return start < stop ? { start: new Date(start), stop: new Date(stop) } : undefined;
}

/** Everything of one client, still with all columns. */
function pointsOf(bucket: string, { start, stop }: Span, tenant: string, client: string): ParameterizedQuery {
  return flux`from(bucket: ${bucket})
  |> range(start: ${start}, stop: ${stop})
  |> filter(fn: (r) => r._measurement == ${MEASUREMENT} and r.tenant == ${tagText(tenant)} and r.host == ${tagText(client)})`;
}

function anyOf(column: string, values: readonly string[]): ParameterizedQuery {
  return values.map((value) => flux`r[${column}] == ${value}`).reduce((some, next) => flux`${some} or ${next}`);
}

/** What all rows have in common is not sent. */
const DROP = flux`drop(columns: ["_start", "_stop", "_measurement", "tenant", "host"])`;

/**
 * The wanted series in a range. What `want` says can only be asked of a series: where it is given, they are listed first,
 * and only the rows of wanted metric names are read.
 */
async function read(
  run: RunFlux,
  buckets: BucketNames,
  kind: PointKind,
  range: StoreRange,
  fields: readonly string[],
): Promise<SeriesTables[]> {
  const { tenant, client, want } = range;
  const span = spanOf(range);
  if (span === undefined) return [];
  const points = pointsOf(buckets[kind], span, tenant, client);
  const what = `for what is kept of ${client} in the bucket "${buckets[kind]}"`;
  const last = (some: readonly string[]): ParameterizedQuery =>
    flux`${points} |> filter(fn: (r) => ${anyOf('_field', some)}) |> last() |> ${DROP} |> yield(name: "last")`;
  const rows = (names: readonly string[]): ParameterizedQuery => {
    const named = names.length === 0 ? points : flux`${points} |> filter(fn: (r) => ${anyOf('metric_name', names)})`;
    return flux`${named} |> filter(fn: (r) => ${anyOf('_field', fields)}) |> ${DROP} |> yield(name: "rows")`;
  };
  if (want === undefined) return seriesOfTables(await run(flux`${last(WORDS)}\n${rows([])}`, what));
  const listed = await run(last([...WORDS, ...fields.slice(0, 1)]), what);
  const wanted = seriesOfTables(listed).filter(({ series }) => want(series));
  if (wanted.length === 0) return [];
  const names = [...new Set(wanted.map(({ series }) => tagText(series.name)))];
  const found = await run(rows(names.length > MANY_NAMES ? [] : names), what);
  return seriesOfTables([...listed.filter(isWord), ...found]).filter(({ series }) => want(series));
}

function isWord({ tags }: FluxTable): boolean {
  return WORDS.some((word) => word === tags.get('_field'));
}
