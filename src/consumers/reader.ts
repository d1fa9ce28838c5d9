/** Reading: what the store holds, merged with what the heads hold. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { clientKey } from '../model/partition.ts';
import type { Series } from '../model/series.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Resolution, windowStart } from '../model/window.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClientStatus, ClientWindows, MetricReader, RangeQuery, SeriesFilter, WindowQuery } from '../ports/metric-reader.ts';
import type { SeriesWant, StoreRange, TimeSeriesStore, WindowColumn } from '../ports/time-series-store.ts';
import { ClientState } from './client-state.ts';
import type { Pipeline } from './pipeline.ts';
import { filterBlock, foldSamples, foldWindows } from './sample-block.ts';
import { revisionsOf, samplesOf } from './seal.ts';
import { cutWindows, joinWindows, windowsBetween } from './window-columns.ts';

export interface ReaderDependencies {
  readonly clock: Clock;
  readonly store: TimeSeriesStore;
  /** Those that are here; what is another's is read from the store alone. */
  pipelines(): readonly Pipeline[];
  /** Whether these are all there are. */
  allHere(): boolean;
  pipelineOf(key: string): Pipeline | undefined;
  /** What is known of the clients of a tenant whose pipelines are another's; left out: there are none. */
  readonly elsewhere?: (tenant: string) => Promise<readonly ClientState[]>;
  /** Clients that are read at once: more than one where the store is elsewhere. */
  readonly readsAhead: number;
  /** Whether the heads hold again what they held before the last stop: before that a minute would look partial. */
  replayed(): boolean;
}

export function metricReader(deps: ReaderDependencies): MetricReader {
  const stateOf = (tenant: string, client: string): ClientState => {
    const key = clientKey(tenant, client);
    const state = deps.pipelineOf(key)?.clients.get(key);
    // One that memory does not know, or has let go of, is what the store holds of it.
    return state ?? new ClientState(tenant, client, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0);
  };
  const statesOf = (tenant: string): ClientState[] => {
    const states = deps.pipelines().flatMap(({ clients }) => [...clients.values()].filter((state) => state.tenant === tenant));
    return states.sort((a, b) => (a.client < b.client ? -1 : 1));
  };
  const allStatesOf = async (tenant: string): Promise<ClientState[]> =>
    withOthers(statesOf(tenant), (await deps.elsewhere?.(tenant)) ?? []);
  const checkReplayed = (): void => {
    if (deps.replayed()) return;
    const detail = 'The server is reading its log after a start; try again.';
    throw new MetricStreamError('unavailable', detail, { retryAfterMs: LIMITS.retryMs });
  };
  const breathe = (): Promise<void> => new Promise((resolve) => void deps.clock.schedule(0, resolve));
  /** Whether samples of clients that memory has let go of, or never had, may lie in the range: none goes before its last day is bundled. */
  const reachesBack = ({ startMs }: RangeQuery): boolean =>
    !deps.allHere() || startMs < windowStart(Math.max(0, ...deps.pipelines().map((pipeline) => pipeline.logMs)), DAY_MS);
  /** The clients that a query is about, sorted. */
  const statesIn = async function* (query: RangeQuery): AsyncGenerator<ClientState> {
    const { tenant, client, after: last = '' } = query;
    if (client !== undefined) {
      if (client > last) yield stateOf(tenant, client);
      return;
    }
    const names = new Set(statesOf(tenant).map((state) => state.client));
    let after: string | undefined = reachesBack(query) ? last : undefined;
    while (after !== undefined) {
      const stored: string[] = await deps.store.clients(tenant, after, LIMITS.storedClientsPerRead);
      for (const name of stored) names.add(name);
      after = stored.at(-1);
      await breathe();
    }
    for (const name of [...names].sort()) if (name > last) yield stateOf(tenant, name);
  };
  return {
    async clients(tenant) {
      checkReplayed();
      return (await allStatesOf(tenant)).map(statusOf);
    },
    async metrics(tenant) {
      checkReplayed();
      return describeMetrics(await allStatesOf(tenant), deps);
    },
    async *windows(query) {
      checkReplayed();
      const want = wantOf(query);
      for await (const windows of ahead(deps.readsAhead, statesIn(query), (state) => windowsOf(state, query, want, deps.store))) {
        if (windows.columns.length > 0) yield windows;
        await breathe();
      }
    },
    async *samples(query) {
      checkReplayed();
      const want = wantOf(query);
      const read = async (state: ClientState) => {
        const block = await samplesOf(state, query.startMs, query.endMs, deps.store, want);
        return { client: state.client, block: filterBlock(block, (ms) => ms >= query.startMs && ms < query.endMs) };
      };
      for await (const samples of ahead(deps.readsAhead, statesIn(query), read)) {
        if (samples.block.columns.length > 0) yield samples;
        await breathe();
      }
    },
  };
}

/** One that has come here meanwhile is what is here. @returns sorted. */
function withOthers(here: ClientState[], elsewhere: readonly ClientState[]): ClientState[] {
  if (elsewhere.length === 0) return here;
  const names = new Set(here.map(({ client }) => client));
  return [...here, ...elsewhere.filter(({ client }) => !names.has(client))].sort((a, b) => (a.client < b.client ? -1 : 1));
}

/**
 * What `read` makes of each item, in their order, up to `most` of them under way at once. They are begun by halves: of several that are begun
 * together a store elsewhere is asked in one go.
 */
async function* ahead<T, R>(
  most: number,
  items: AsyncIterable<T> | Iterable<T>,
  read: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const reading: Promise<R>[] = [];
  let waiting: T[] = [];
  const next = (): Promise<R> => reading.shift() as Promise<R>;
  const begin = (): void => {
    const begun = waiting.map((item) => read(item));
    waiting = [];
    // It may fail while nobody waits for it yet; whoever comes to it is told.
    for (const result of begun) result.catch(() => undefined);
    reading.push(...begun);
  };
  for await (const item of items) {
    waiting.push(item);
    if (reading.length + waiting.length < most) continue;
    begin();
    while (reading.length > most / 2) yield await next();
  }
  begin();
  while (reading.length > 0) yield await next();
}

function wantOf({ metric, labels }: SeriesFilter): SeriesWant | undefined {
  const pairs = Object.entries(labels);
  if (metric === undefined && pairs.length === 0) return undefined;
  const passes = (series: Series): boolean =>
    (metric === undefined || series.name === metric) &&
    pairs.every(([key, value]) => series.labels.some(([label, held]) => label === key && held === value));
  return Object.assign(passes, { metric });
}

function statusOf(state: ClientState): ClientStatus {
  return {
    client: state.client,
    lastSeenMs: state.lastSeenMs,
    skewMs: state.skewMs,
    datacenter: state.datacenter,
    environment: state.environment,
    pushes: { ...state.ledger.pushes },
    samples: { ...state.ledger.samples, rejected: Object.fromEntries(state.ledger.rejected) },
  };
}

type MetricEntry = Awaited<ReturnType<MetricReader['metrics']>>[number];

/** The series of a client: what its head holds, else what it sent last. */
async function seriesOf(state: ClientState, store: TimeSeriesStore): Promise<readonly Series[]> {
  const inHead = state.head.series();
  if (inHead.length > 0) return inHead;
  const blocks = await store.readSamples(state.range(state.lastSampleMs - MINUTE_MS, state.lastSampleMs + 1));
  return blocks.flatMap((block) => block.columns.map((column) => column.series));
}

async function describeMetrics(
  states: readonly ClientState[],
  { store, readsAhead }: Pick<ReaderDependencies, 'store' | 'readsAhead'>,
): Promise<MetricEntry[]> {
  const byName = new Map<
    string,
    { entry: { name: string; unit: string; kind: string }; clients: Set<string>; series: Map<string, Series> }
  >();
  const read = async (state: ClientState) => ({ client: state.client, all: await seriesOf(state, store) });
  for await (const { client, all } of ahead(readsAhead, states, read)) {
    for (const series of all) {
      const { name, unit, kind } = series;
      const held = byName.get(name) ?? { entry: { name, unit, kind }, clients: new Set(), series: new Map() };
      byName.set(name, held);
      held.clients.add(client);
      held.series.set(series.key, series);
    }
  }
  return [...byName.values()]
    .map(({ entry, clients, series }) => ({ ...entry, clients: clients.size, series: [...series.values()] }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function windowsOf(
  state: ClientState,
  query: WindowQuery,
  want: SeriesWant | undefined,
  store: TimeSeriesStore,
): Promise<ClientWindows> {
  const { client, frontierMs } = state;
  const { startMs, endMs, open, fields } = query;
  if (query.resolution === '1h') {
    const columns = await hoursOf(state, { ...state.range(startMs, endMs, want), fields }, open, store);
    return { client, openFromMs: windowStart(frontierMs, HOUR_MS), columns };
  }
  const range = { ...state.range(startMs, open ? endMs : Math.min(endMs, frontierMs), want), fields };
  return { client, openFromMs: open ? frontierMs : Number.POSITIVE_INFINITY, columns: await minutesOf(state, range, store) };
}

/** As they lie in their blocks: several columns a series. */
async function storedWindows(range: StoreRange, resolution: Resolution, store: TimeSeriesStore): Promise<WindowColumn[]> {
  if (range.startMs >= range.endMs) return [];
  const blocks = await store.readWindows(range, resolution);
  return blocks.flatMap((block) => block.columns);
}

/**
 * Minutes: bundled hours from the store, but for minutes that were read back, which the head holds and a late sample
 * may have changed; everything later from samples.
 */
async function minutesOf(state: ClientState, range: StoreRange, store: TimeSeriesStore): Promise<WindowColumn[]> {
  const { bundledHourMs } = state;
  const untilMs = Math.ceil(range.endMs / MINUTE_MS) * MINUTE_MS;
  const late = state.head.minutesIn(range.startMs, Math.min(untilMs, bundledHourMs));
  const lateColumns = late.map((minute) => ({ minute, block: state.head.samples(minute, minute + MINUTE_MS, range.want) }));
  const resident = new Set(late);
  const corrected = new Map([...state.corrections].map(([minute, bySeries]) => [minute, new Map(bySeries)]));
  const timesCorrected = (key: string, start: number): number => corrected.get(start)?.get(key) ?? 0;
  const from = windowStart(Math.max(range.startMs, bundledHourMs), MINUTE_MS);
  // Asked for in one go: between the two a seal could move samples from one to the other.
  const [samples, stored] = await Promise.all([
    from < untilMs ? samplesOf(state, from, untilMs, store, range.want) : undefined,
    // What is not bundled is told by its samples.
    storedWindows({ ...range, endMs: Math.min(range.endMs, bundledHourMs) }, '1m', store),
  ]);
  const revisions = resident.size === 0 ? undefined : revisionsOf(joinWindows(stored));
  const amended = lateColumns.flatMap(({ block }) =>
    foldSamples(
      block,
      MINUTE_MS,
      (series, start) => (revisions?.get(series.key)?.get(start) ?? 1) + timesCorrected(series.key, start),
    ),
  );
  const recent =
    samples === undefined ? [] : foldSamples(samples, MINUTE_MS, (series, start) => 1 + timesCorrected(series.key, start));
  const bundled = windowsBetween(stored, range.startMs, bundledHourMs);
  const kept = resident.size === 0 ? bundled : cutWindows(bundled, (start) => !resident.has(start));
  return joinWindows(windowsBetween([...kept, ...amended, ...recent], range.startMs, range.endMs));
}

/** Hours: bundled days from the store; later ones, and those with a minute in the head, folded from minutes. */
async function hoursOf(state: ClientState, range: StoreRange, open: boolean, store: TimeSeriesStore): Promise<WindowColumn[]> {
  const startMs = Math.ceil(range.startMs / HOUR_MS) * HOUR_MS;
  const closedMs = open ? Number.POSITIVE_INFINITY : state.frontierMs;
  const { bundledDayMs } = state;
  const lastHourEnd = Math.ceil(range.endMs / HOUR_MS) * HOUR_MS;
  const changed = new Set(
    state.head.minutesIn(startMs, Math.min(lastHourEnd, bundledDayMs)).map((minute) => windowStart(minute, HOUR_MS)),
  );
  const stored = await storedWindows({ ...range, startMs, endMs: Math.min(range.endMs, bundledDayMs) }, '1h', store);
  const kept = cutWindows(stored, (start) => start < bundledDayMs && !changed.has(start));
  const folded: WindowColumn[] = [];
  const later = { startMs: Math.max(startMs, bundledDayMs), endMs: Math.min(lastHourEnd, closedMs) };
  const spans = [
    ...[...changed].map((hour) => ({ startMs: hour, endMs: hour + HOUR_MS })),
    ...(later.startMs < later.endMs ? [later] : []),
  ];
  for (const span of spans) folded.push(...foldWindows(await minutesOf(state, { ...range, ...span }, store), HOUR_MS));
  return joinWindows([...kept, ...folded]);
}
