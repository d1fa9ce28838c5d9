/** The store in memory: a fake that keeps the promises of the port, for tests and simulations. */
import { clientKey } from '../../model/partition.ts';
import { BLOCK_MS } from '../../model/window.ts';
import type { RawWrite, StoreBatch, StoreRange, TimeSeriesStore, WindowWrite } from '../../ports/time-series-store.ts';
import { cutSamples, cutWindows } from '../embedded/block-cut.ts';

export interface MemoryTimeSeriesStore extends TimeSeriesStore {
  write(batch: StoreBatch): void;
}

export function memoryTimeSeriesStore(): MemoryTimeSeriesStore {
  let raw: RawWrite[] = [];
  let windows: WindowWrite[] = [];
  const rawOf = (tenant: string, client: string): RawWrite[] =>
    raw
      .filter((write) => clientKey(write.tenant, write.client) === clientKey(tenant, client))
      .sort((a, b) => firstMs(a) - firstMs(b) || a.sequence - b.sequence);
  return {
    write(batch) {
      for (const write of batch.raw) raw = [...raw.filter((held) => !isSameRaw(held, write)), write];
      for (const write of batch.windows) windows = [...windows.filter((held) => !isSameWindows(held, write)), write];
    },
    async readSamples(range) {
      return rawOf(range.tenant, range.client)
        .map(({ block }) => cutSamples({ ...block, columns: wanted(block.columns, range) }, range.startMs, range.endMs))
        .filter(({ columns }) => columns.length > 0);
    },
    async readWindows(range, resolution) {
      return windows
        .filter((write) => clientKey(write.tenant, write.client) === clientKey(range.tenant, range.client))
        .filter((write) => write.resolution === resolution)
        .sort((a, b) => a.blockStartMs - b.blockStartMs)
        .map(({ blockStartMs, columns }) => ({
          blockStartMs,
          columns: cutWindows(wanted(columns, range), range.startMs, range.endMs),
        }))
        .filter(({ columns }) => columns.length > 0);
    },
    async lastSampleMs(tenant, client) {
      const held = rawOf(tenant, client);
      return held.length === 0 ? undefined : Math.max(...held.map(lastMs));
    },
    async clients(tenant, after, max) {
      const held = [...raw, ...windows].filter((write) => write.tenant === tenant && write.client > after);
      return [...new Set(held.map(({ client }) => client))].sort().slice(0, max);
    },
    async retain({ rawBeforeMs, minuteBeforeMs, hourBeforeMs }, rowsMax) {
      let room = rowsMax;
      const drops = (isPast: boolean): boolean => isPast && room-- > 0;
      const before = raw.length + windows.length;
      raw = raw.filter((write) => !drops(lastMs(write) <= rawBeforeMs));
      windows = windows.filter(({ resolution, blockStartMs }) => {
        const beforeMs = resolution === '1m' ? minuteBeforeMs : hourBeforeMs;
        return !drops(blockStartMs + BLOCK_MS[resolution] <= beforeMs);
      });
      return before - raw.length - windows.length;
    },
  };
}

function firstMs({ block }: RawWrite): number {
  return block.timesMs[0] as number;
}

function lastMs({ block }: RawWrite): number {
  return block.timesMs[block.timesMs.length - 1] as number;
}

function isSameRaw(a: RawWrite, b: RawWrite): boolean {
  return (
    clientKey(a.tenant, a.client) === clientKey(b.tenant, b.client) && firstMs(a) === firstMs(b) && a.sequence === b.sequence
  );
}

function isSameWindows(a: WindowWrite, b: WindowWrite): boolean {
  const sameClient = clientKey(a.tenant, a.client) === clientKey(b.tenant, b.client);
  return sameClient && a.resolution === b.resolution && a.blockStartMs === b.blockStartMs;
}

function wanted<Column extends { readonly series: Parameters<NonNullable<StoreRange['want']>>[0] }>(
  columns: readonly Column[],
  { want }: StoreRange,
): Column[] {
  return columns.filter(({ series }) => want === undefined || want(series));
}
