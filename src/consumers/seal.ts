/** Sealing: what of a client goes to the store at a checkpoint, and what its state is after that. */
import { LIMITS } from '../model/limits.ts';
import type { Series } from '../model/series.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, windowStart } from '../model/window.ts';
import type {
  RawWrite,
  SampleBlock,
  StoreRange,
  TimeSeriesStore,
  WindowColumn,
  WindowWrite,
} from '../ports/time-series-store.ts';
import type { ClientState } from './client-state.ts';
import { filterBlock, foldSamples, foldWindows, mergeBlocks, samplesIn, splitBlock } from './sample-block.ts';
import { cutWindows, joinWindows } from './window-columns.ts';

/** The fields of a client that sealing changes, as they are to be once the batch is durable. */
export interface SealedState {
  readonly sealedThroughMs: number;
  readonly sealOffset: number;
  readonly bundledHourMs: number;
  readonly bundledDayMs: number;
}

export interface SealPlan {
  readonly client: ClientState;
  readonly after: SealedState;
  readonly raw: readonly RawWrite[];
  readonly windows: readonly WindowWrite[];
  readonly samples: number;
  /** Whether there are samples that no sink was told of: of minutes that were read back, or of a client that is new. */
  readonly late: boolean;
}

/** Whether anything of a client can be sealed or bundled at all. */
export function owesSeal(client: ClientState): boolean {
  if (client.sealableMs < client.sealedThroughMs) return false;
  // Minutes that were read back are let go of, changed or not.
  if (client.opened.size > 0) return true;
  if (client.head.rows > 0 && client.head.minutesIn(Number.NEGATIVE_INFINITY, client.sealableMs, true).length > 0) return true;
  return client.bundledHourMs < bundleEnd(client) || client.bundledDayMs < dayEnd(client);
}

/** Hours up to this can be bundled: they have closed, and there are samples up to the last of them. */
function bundleEnd(client: ClientState): number {
  return Math.min(windowStart(client.sealableMs, HOUR_MS), windowStart(client.lastSampleMs, HOUR_MS) + HOUR_MS);
}

function dayEnd(client: ClientState): number {
  return Math.min(windowStart(client.sealableMs, DAY_MS), windowStart(client.lastSampleMs, DAY_MS) + DAY_MS);
}

/**
 * Everything that may be sealed leaves the head; hours and days that have ended are bundled, and those
 * that a late sample changed are written again.
 * @param position the log position of the checkpoint that this goes with.
 * @param pause lets others have their turn: one client may have a day to seal, and it is done an hour at a time.
 */
export async function planSeal(
  client: ClientState,
  position: number,
  store: TimeSeriesStore,
  pause: () => Promise<void> = async () => undefined,
): Promise<SealPlan> {
  const untilMs = client.sealableMs;
  const block = client.head.samples(Number.NEGATIVE_INFINITY, untilMs, undefined, true);
  const changed = client.head.minutesIn(Number.NEGATIVE_INFINITY, untilMs, true);
  const minutes = await hourBlocks(client, changed, store, pause);
  const hours = await dayBlocks(client, changed, minutes, store);
  const own = client.placed();
  const toldFromMs = client.saved ? client.sealedThroughMs : Number.POSITIVE_INFINITY;
  return {
    client,
    after: {
      sealedThroughMs: untilMs,
      sealOffset: position,
      bundledHourMs: Math.max(client.bundledHourMs, bundleEnd(client)),
      bundledDayMs: Math.max(client.bundledDayMs, dayEnd(client)),
    },
    raw: splitBlock(block, LIMITS.rawBlockSpanMs).map((part) => ({ ...own, sequence: position, toldFromMs, block: part })),
    windows: [
      ...[...minutes].map(([blockStartMs, columns]): WindowWrite => ({ ...own, resolution: '1m', blockStartMs, columns })),
      ...[...hours].map(([blockStartMs, columns]): WindowWrite => ({ ...own, resolution: '1h', blockStartMs, columns })),
    ],
    samples: samplesIn(block),
    late: (block.timesMs[0] ?? Number.POSITIVE_INFINITY) < toldFromMs,
  };
}

/** Takes what is durable out of memory. Call it when the batch and the checkpoint are committed, at once. */
export function applySeal({ client, after }: SealPlan): void {
  client.head.dropBefore(after.sealedThroughMs);
  client.opened.clear();
  client.sealedThroughMs = after.sealedThroughMs;
  client.sealOffset = after.sealOffset;
  client.bundledHourMs = after.bundledHourMs;
  client.bundledDayMs = after.bundledDayMs;
  client.skipped = stillSkipped(client.skipped, after);
  for (const minute of client.corrections.keys()) if (minute < after.bundledHourMs) client.corrections.delete(minute);
}

/** The skipped repeats that a replay would merge: those that it does not take for sealed. */
export function stillSkipped(skipped: ClientState['skipped'], after: SealedState): ClientState['skipped'] {
  return skipped.filter(([offset, ms]) => ms >= after.sealedThroughMs || offset >= after.sealOffset);
}

/** Blocks of minutes to write: hours that are due whole, and earlier ones with the changed minutes replaced. */
async function hourBlocks(
  client: ClientState,
  changed: readonly number[],
  store: TimeSeriesStore,
  pause: () => Promise<void>,
): Promise<Map<number, WindowColumn[]>> {
  const blocks = new Map<number, WindowColumn[]>();
  for (const hour of new Set(changed.map((minute) => windowStart(minute, HOUR_MS)))) {
    if (hour >= client.bundledHourMs) continue;
    if (blocks.size > 0) await pause();
    const minutes = changed.filter((minute) => windowStart(minute, HOUR_MS) === hour);
    blocks.set(hour, await amendHour(client, hour, minutes, store));
  }
  for (let hour = client.bundledHourMs; hour < bundleEnd(client); hour += HOUR_MS) {
    if (blocks.size > 0) await pause();
    const samples = await samplesOf(client, hour, hour + HOUR_MS, store);
    if (samples.timesMs.length === 0) continue;
    blocks.set(
      hour,
      foldSamples(samples, MINUTE_MS, (series, start) => 1 + client.correctionsOf(series.key, start)),
    );
  }
  return blocks;
}

async function amendHour(
  client: ClientState,
  hour: number,
  minutes: readonly number[],
  store: TimeSeriesStore,
): Promise<WindowColumn[]> {
  const held = (await store.readWindows(client.range(hour, hour + HOUR_MS), '1m')).flatMap((block) => block.columns);
  const revisions = revisionsOf(held);
  const revised = (series: Series, start: number): number =>
    (revisions.get(series.key)?.get(start) ?? 1) + client.correctionsOf(series.key, start);
  const fresh = minutes.flatMap((minute) => foldSamples(client.head.samples(minute, minute + MINUTE_MS), MINUTE_MS, revised));
  const kept = cutWindows(held, (start) => !minutes.includes(start));
  return joinWindows([...kept, ...fresh]);
}

/** Revisions by series and window start. */
export function revisionsOf(columns: readonly WindowColumn[]): Map<string, Map<number, number>> {
  return new Map(
    columns.map((column) => [
      column.series.key,
      new Map(Array.from(column.starts, (start, i) => [start, column.revision[i] as number])),
    ]),
  );
}

/** All samples of a range, in store and head: what lies in the store of minutes that the head holds whole is left out. */
export async function samplesOf(
  client: ClientState,
  startMs: number,
  endMs: number,
  store: TimeSeriesStore,
  want?: StoreRange['want'],
): Promise<SampleBlock> {
  const inHead = client.head.samples(startMs, endMs, want);
  const { sealedThroughMs } = client;
  if (startMs >= sealedThroughMs) return inHead;
  const opened = new Set(client.opened);
  const blocks = await store.readSamples(client.range(startMs, Math.min(endMs, sealedThroughMs), want));
  const stored =
    opened.size === 0 ? blocks : blocks.map((block) => filterBlock(block, (ms) => !opened.has(windowStart(ms, MINUTE_MS))));
  return mergeBlocks([...stored, inHead]);
}

/** Blocks of hours to write: days that are due whole, and earlier ones with the changed hours replaced. */
async function dayBlocks(
  client: ClientState,
  changed: readonly number[],
  minutes: ReadonlyMap<number, WindowColumn[]>,
  store: TimeSeriesStore,
): Promise<Map<number, WindowColumn[]>> {
  const blocks = new Map<number, WindowColumn[]>();
  const changedHours = new Set(changed.map((minute) => windowStart(minute, HOUR_MS)));
  for (const day of new Set([...changedHours].map((hour) => windowStart(hour, DAY_MS)))) {
    if (day >= client.bundledDayMs) continue;
    const held = (await store.readWindows(client.range(day, day + DAY_MS), '1h')).flatMap((block) => block.columns);
    const hours = [...changedHours].filter((hour) => windowStart(hour, DAY_MS) === day);
    const fresh = hours.flatMap((hour) => foldWindows(minutes.get(hour) ?? [], HOUR_MS));
    blocks.set(day, joinWindows([...cutWindows(held, (start) => !hours.includes(start)), ...fresh]));
  }
  for (let day = client.bundledDayMs; day < dayEnd(client); day += DAY_MS) {
    const stored = (await store.readWindows(client.range(day, day + DAY_MS), '1m')).filter(
      (block) => !minutes.has(block.blockStartMs),
    );
    const written = [...minutes].filter(([hour]) => windowStart(hour, DAY_MS) === day);
    const columns = joinWindows([...stored.flatMap((block) => block.columns), ...written.flatMap(([, block]) => block)]);
    if (columns.length > 0) blocks.set(day, foldWindows(columns, HOUR_MS));
  }
  return blocks;
}
