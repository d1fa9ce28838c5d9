/** Small blocks and windows to store, and what was read as plain values. */
import { createSeries, type Series } from '../../../src/model/series.ts';
import type { Resolution } from '../../../src/model/window.ts';
import type {
  PlacedClient,
  RawWrite,
  SampleBlock,
  StoreBatch,
  TimeSeriesStore,
  WindowColumn,
  WindowWrite,
} from '../../../src/ports/time-series-store.ts';

/** A store with the way by which batches get into it. */
export interface WritableStore {
  readonly store: TimeSeriesStore;
  write(batch: StoreBatch): Promise<void> | void;
}

export const CPU = createSeries('cpu', [], 'percent', 'gauge');
export const DISK = createSeries('disk_free', [['mount', '/']], 'bytes', 'gauge');
export const HOUR = 1_795_478_400_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
/** The day that HOUR is in. */
export const DAY = HOUR - (HOUR % (24 * HOUR_MS));

/** A time with the value of each series at it; undefined where a series has none. */
export type Row = readonly [ms: number, cpu: number | undefined, disk: number | undefined];

/** @param rows ascending; at least one. */
export const placed = (tenant: string, client: string): PlacedClient => ({
  tenant,
  client,
  datacenter: undefined,
  environment: undefined,
});

export function rawWrite(client: string, sequence: number, rows: readonly Row[], tenant = 'acme'): RawWrite {
  const column = (series: Series, place: 1 | 2) => {
    const at = rows.flatMap((row, index) => (row[place] === undefined ? [] : [index]));
    return {
      series,
      rows: at.length === rows.length ? undefined : Int32Array.from(at),
      values: Float64Array.from(at, (index) => rows[index]?.[place] ?? 0),
    };
  };
  const block: SampleBlock = {
    timesMs: Float64Array.from(rows, ([ms]) => ms),
    timesNs: undefined,
    columns: [column(CPU, 1), column(DISK, 2)].filter(({ values }) => values.length > 0),
  };
  return { ...placed(tenant, client), sequence, block };
}

/** Windows whose every aggregate can be told from `base`. */
export function windowColumn(series: Series, starts: readonly number[], base: number, revision = 1): WindowColumn {
  const field = (add: number): Float64Array => Float64Array.from(starts, (_, place) => base + place + add);
  return {
    series,
    starts: Float64Array.from(starts),
    count: Float64Array.from(starts, () => 6),
    sum: field(0.1),
    min: field(0.2),
    max: field(0.9),
    first: field(0.4),
    last: field(0.5),
    increase: field(0.6),
    revision: Float64Array.from(starts, () => revision),
  };
}

export function minuteWrite(
  client: string,
  blockStartMs: number,
  columns: readonly WindowColumn[],
  tenant = 'acme',
): WindowWrite {
  return { ...placed(tenant, client), resolution: '1m', blockStartMs, columns };
}

export function hourWrite(client: string, blockStartMs: number, columns: readonly WindowColumn[], tenant = 'acme'): WindowWrite {
  return { ...placed(tenant, client), resolution: '1h', blockStartMs, columns };
}

export function batch(...writes: readonly (RawWrite | WindowWrite)[]): StoreBatch {
  return {
    raw: writes.filter((write) => 'block' in write),
    windows: writes.filter((write) => 'columns' in write),
  };
}

/** Every sample of the blocks, in their order: name, time, value. */
export function samplesOf(blocks: readonly SampleBlock[]): [string, number, number][] {
  return blocks.flatMap(({ timesMs, columns }) =>
    columns.flatMap(({ series, rows, values }) =>
      Array.from(values, (value, place): [string, number, number] => [
        series.name,
        timesMs[rows?.[place] ?? place] ?? Number.NaN,
        value,
      ]),
    ),
  );
}

/** Every window of the blocks, in their order: block, name, start, sum, revision. */
export function windowsOf(
  blocks: readonly { readonly blockStartMs: number; readonly columns: readonly WindowColumn[] }[],
): [number, string, number, number, number][] {
  return blocks.flatMap(({ blockStartMs, columns }) =>
    columns.flatMap(({ series, starts, sum, revision }) =>
      Array.from(starts, (start, place): [number, string, number, number, number] => [
        blockStartMs,
        series.name,
        start,
        sum[place] ?? Number.NaN,
        revision[place] ?? Number.NaN,
      ]),
    ),
  );
}

/** Samples of a client of the tenant acme. */
export async function readSamples(
  { store }: WritableStore,
  client: string,
  startMs: number,
  endMs: number,
  want?: (series: Series) => boolean,
) {
  return samplesOf(await store.readSamples({ tenant: 'acme', client, startMs, endMs, want }));
}

/** Its windows. */
export async function readWindows(
  { store }: WritableStore,
  client: string,
  startMs: number,
  endMs: number,
  resolution: Resolution = '1m',
) {
  return windowsOf(await store.readWindows({ tenant: 'acme', client, startMs, endMs, want: undefined }, resolution));
}
