/** A store of single points in memory, written and read: a fake that keeps the promises of both ports. */
import { clientKey } from '../../model/partition.ts';
import type { Series } from '../../model/series.ts';
import { BLOCK_MS, type Resolution, windowStart } from '../../model/window.ts';
import type { ClientPoints, PointWriter } from '../../ports/point-writer.ts';
import type { SampleBlock, StoreRange, TimeSeriesStore, WindowColumn } from '../../ports/time-series-store.ts';

const FIELDS = ['count', 'sum', 'min', 'max', 'first', 'last', 'increase', 'revision'] as const;
type Point = Readonly<Record<(typeof FIELDS)[number], number>>;

interface StoredSeries {
  readonly series: Series;
  /** By `ms ns`. */
  readonly samples: Map<string, readonly [ms: number, ns: number, value: number]>;
  readonly windows: Readonly<Record<Resolution, Map<number, Point>>>;
}

type StoredClient = Map<string, StoredSeries>;

export interface MemoryPointStore extends PointWriter, TimeSeriesStore {}

export function memoryPointStore(): MemoryPointStore {
  const stored = new Map<string, StoredClient>();
  const clientOf = (key: string): StoredClient => {
    const client: StoredClient = stored.get(key) ?? new Map();
    stored.set(key, client);
    return client;
  };
  const seriesIn = ({ tenant, client, want }: StoreRange): StoredSeries[] =>
    [...(stored.get(clientKey(tenant, client))?.values() ?? [])].filter(({ series }) => want === undefined || want(series));
  return {
    async write(points) {
      for (const one of points) keep(clientOf(clientKey(one.tenant, one.client)), one);
      return { refused: [], refusedCount: 0 };
    },
    async readSamples(range) {
      return seriesIn(range).flatMap(({ series, samples }) => {
        const found = [...samples.values()].filter(([ms]) => ms >= range.startMs && ms < range.endMs);
        return found.length === 0 ? [] : [blockOf(series, found)];
      });
    },
    async readWindows(range, resolution) {
      const blocks = new Map<number, WindowColumn[]>();
      for (const { series, windows } of seriesIn(range)) {
        const starts = [...windows[resolution].keys()].filter((start) => start >= range.startMs && start < range.endMs);
        for (const [blockStartMs, own] of Map.groupBy(
          starts.sort((a, b) => a - b),
          (start) => windowStart(start, BLOCK_MS[resolution]),
        ))
          blocks.set(blockStartMs, [...(blocks.get(blockStartMs) ?? []), columnOf(series, own, windows[resolution])]);
      }
      return [...blocks].sort(([a], [b]) => a - b).map(([blockStartMs, columns]) => ({ blockStartMs, columns }));
    },
    async lastSampleMs(tenant, client) {
      const times = [...(stored.get(clientKey(tenant, client))?.values() ?? [])].flatMap(({ samples }) =>
        [...samples.values()].map(([ms]) => ms),
      );
      return times.length === 0 ? undefined : Math.max(...times);
    },
    async clients(tenant, after, max) {
      const names = [...stored.keys()].filter((key) => key.startsWith(`${tenant}/`)).map((key) => key.slice(tenant.length + 1));
      return names
        .filter((name) => name > after)
        .sort()
        .slice(0, max);
    },
    retain: async () => 0,
  };
}

function keep(client: StoredClient, { samples, minutes, hours, blocks }: ClientPoints): void {
  const seriesOf = (series: Series): StoredSeries => {
    const held = client.get(series.key) ?? { series, samples: new Map(), windows: { '1m': new Map(), '1h': new Map() } };
    client.set(series.key, held);
    return held;
  };
  for (const { timesMs, timesNs, columns } of samples) {
    for (const { series, rows, values } of columns) {
      values.forEach((value, i) => {
        const at = rows?.[i] ?? i;
        const [ms, ns] = [timesMs[at] as number, timesNs?.[at] ?? 0];
        seriesOf(series).samples.set(`${ms} ${ns}`, [ms, ns, value]);
      });
    }
  }
  const whole = blocks.map(({ resolution, columns }) => [resolution, columns] as const);
  for (const [resolution, columns] of [['1m', minutes] as const, ['1h', hours] as const, ...whole]) {
    for (const column of columns) {
      const windows = seriesOf(column.series).windows[resolution];
      column.starts.forEach((start, i) => {
        windows.set(start, Object.fromEntries(FIELDS.map((field) => [field, column[field][i]])) as unknown as Point);
      });
    }
  }
}

function blockOf(series: Series, found: readonly (readonly [ms: number, ns: number, value: number])[]): SampleBlock {
  const sorted = [...found].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const ns = sorted.map((one) => one[1]);
  return {
    timesMs: Float64Array.from(sorted, ([ms]) => ms),
    timesNs: ns.some((one) => one !== 0) ? Int32Array.from(ns) : undefined,
    columns: [{ series, rows: undefined, values: Float64Array.from(sorted, ([, , value]) => value) }],
  };
}

function columnOf(series: Series, starts: readonly number[], windows: ReadonlyMap<number, Point>): WindowColumn {
  const field = (name: (typeof FIELDS)[number]): Float64Array =>
    Float64Array.from(starts, (start) => windows.get(start)?.[name] ?? Number.NaN);
  return {
    series,
    starts: Float64Array.from(starts),
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
