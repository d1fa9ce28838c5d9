/** Reads what the memory appender kept, computed anew for each question: slow, plain, and right by looking at it. */
import { type Aggregate, addSample, emptyAggregate, foldAggregate } from '../../model/aggregate.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Series } from '../../model/series.ts';
import { HOUR_MS, MINUTE_MS, windowStart } from '../../model/window.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ClientStatus, MetricReader, SeriesFilter } from '../../ports/metric-reader.ts';
import type { SampleColumn, WindowColumn } from '../../ports/time-series-store.ts';
import type { KeptPush } from './push-appender.ts';

export interface MemoryMetricReaderOptions {
  readonly clock: Clock;
  readonly kept: readonly KeptPush[];
}

interface Sample {
  readonly ms: number;
  readonly ns: number;
  readonly value: number;
}

interface SeriesSamples {
  readonly series: Series;
  /** In time order; of two values for one time the greater. */
  readonly samples: readonly Sample[];
}

export function memoryMetricReader({ clock, kept }: MemoryMetricReaderOptions): MetricReader {
  const pushesOf = (tenant: string, client: string): readonly KeptPush[] =>
    kept.filter(({ push }) => push.tenant === tenant && push.client === client);
  const clientsOf = (tenant: string, client: string | undefined, after = ''): string[] => {
    const names = kept.filter(({ push }) => push.tenant === tenant).map(({ push }) => push.client);
    return [...new Set(names)].filter((name) => name > after && (client === undefined || name === client)).sort();
  };

  return {
    clients: async (tenant) => clientsOf(tenant, undefined).map((client) => statusOf(client, pushesOf(tenant, client))),
    async metrics(tenant) {
      const series = new Map<string, Series>();
      const clients = new Map<string, Set<string>>();
      for (const client of clientsOf(tenant, undefined)) {
        for (const one of seriesOf(pushesOf(tenant, client), everything(tenant))) {
          series.set(one.series.key, one.series);
          clients.set(one.series.name, (clients.get(one.series.name) ?? new Set()).add(client));
        }
      }
      return [...Map.groupBy(series.values(), ({ name }) => name)].map(([name, all]) => ({
        name,
        unit: all[0]?.unit ?? '',
        kind: all[0]?.kind ?? 'gauge',
        clients: clients.get(name)?.size ?? 0,
        series: all,
      }));
    },
    async *windows(query) {
      for (const client of clientsOf(query.tenant, query.client, query.after)) {
        const all = seriesOf(pushesOf(query.tenant, client), query);
        const openFromMs = closedBefore(pushesOf(query.tenant, client), clock.nowMs());
        const columns = all
          .map(({ series, samples }) => {
            const minutes = minutesOf(samples).filter(([start]) => query.open || start < openFromMs);
            const windows = query.resolution === '1m' ? minutes : hoursOf(minutes);
            return windowColumn(
              series,
              windows.filter(([start]) => start >= query.startMs && start < query.endMs),
            );
          })
          .filter(({ starts }) => starts.length > 0);
        if (columns.length > 0) yield { client, openFromMs: query.open ? openFromMs : Number.POSITIVE_INFINITY, columns };
      }
    },
    async *samples(query) {
      for (const client of clientsOf(query.tenant, query.client, query.after)) {
        const inRange = seriesOf(pushesOf(query.tenant, client), query)
          .map((one) => ({ ...one, samples: one.samples.filter(({ ms }) => ms >= query.startMs && ms < query.endMs) }))
          .filter(({ samples }) => samples.length > 0);
        if (inRange.length > 0) yield { client, block: blockOf(inRange) };
      }
    },
  };
}

function everything(tenant: string): SeriesFilter {
  return { tenant, client: undefined, metric: undefined, labels: {} };
}

function seriesOf(pushes: readonly KeptPush[], filter: SeriesFilter): SeriesSamples[] {
  const all = new Map<string, { series: Series; byTime: Map<string, Sample> }>();
  for (const { push, refused } of pushes) {
    push.shape.series.forEach((series, i) => {
      if (refused.has(i) || !matches(series, filter)) return;
      const at = push.timesMs.length === 1 ? 0 : i;
      const sample = { ms: push.timesMs[at] ?? 0, ns: push.timesNs?.[at] ?? 0, value: push.values[i] ?? 0 };
      const known = all.get(series.key) ?? { series, byTime: new Map<string, Sample>() };
      all.set(series.key, known);
      const time = `${sample.ms}/${sample.ns}`;
      const before = known.byTime.get(time);
      if (before === undefined || sample.value > before.value) known.byTime.set(time, sample);
    });
  }
  return [...all.values()].map(({ series, byTime }) => ({
    series,
    samples: [...byTime.values()].sort((a, b) => a.ms - b.ms || a.ns - b.ns),
  }));
}

function matches(series: Series, { metric, labels }: SeriesFilter): boolean {
  if (metric !== undefined && series.name !== metric) return false;
  const own = new Map(series.labels);
  return Object.entries(labels).every(([key, value]) => own.get(key) === value);
}

/** Minutes that start before this have closed. */
function closedBefore(pushes: readonly KeptPush[], nowMs: number): number {
  const newestMs = pushes.reduce((newest, { push }) => push.timesMs.reduce((a, b) => Math.max(a, b), newest), 0);
  const watermarkMs = Math.min(newestMs, nowMs) - LIMITS.watermarkLagMs;
  return windowStart(Math.max(watermarkMs, nowMs - LIMITS.windowCloseLagMs), MINUTE_MS);
}

type Window = readonly [startMs: number, aggregate: Aggregate];

function minutesOf(samples: readonly Sample[]): Window[] {
  const minutes = new Map<number, Aggregate>();
  for (const { ms, value } of samples) {
    const start = windowStart(ms, MINUTE_MS);
    const aggregate = minutes.get(start) ?? emptyAggregate();
    minutes.set(start, aggregate);
    addSample(aggregate, value);
  }
  return [...minutes];
}

function hoursOf(minutes: readonly Window[]): Window[] {
  const hours = new Map<number, Aggregate>();
  for (const [start, minute] of minutes) {
    const hour = hours.get(windowStart(start, HOUR_MS)) ?? emptyAggregate();
    hours.set(windowStart(start, HOUR_MS), hour);
    foldAggregate(hour, minute);
  }
  return [...hours];
}

function windowColumn(series: Series, windows: readonly Window[]): WindowColumn {
  const column = (read: (aggregate: Aggregate) => number): Float64Array =>
    Float64Array.from(windows, ([, aggregate]) => read(aggregate));
  return {
    series,
    starts: Float64Array.from(windows, ([start]) => start),
    count: column((one) => one.count),
    sum: column((one) => one.sum),
    min: column((one) => one.min),
    max: column((one) => one.max),
    first: column((one) => one.first),
    last: column((one) => one.last),
    increase: column((one) => one.increase),
    revision: column(() => 1),
  };
}

function blockOf(all: readonly SeriesSamples[]): {
  timesMs: Float64Array;
  timesNs: Int32Array | undefined;
  columns: SampleColumn[];
} {
  const name = ({ ms, ns }: Sample): string => `${ms}/${ns}`;
  const distinct = new Map(all.flatMap(({ samples }) => samples.map((sample) => [name(sample), sample])));
  const times = [...distinct.values()].sort((a, b) => a.ms - b.ms || a.ns - b.ns);
  const rowOf = new Map(times.map((sample, row) => [name(sample), row]));
  return {
    timesMs: Float64Array.from(times, ({ ms }) => ms),
    timesNs: times.some(({ ns }) => ns !== 0) ? Int32Array.from(times, ({ ns }) => ns) : undefined,
    columns: all.map(({ series, samples }) => ({
      series,
      rows: Int32Array.from(samples, (sample) => rowOf.get(name(sample)) ?? 0),
      values: Float64Array.from(samples, ({ value }) => value),
    })),
  };
}

function statusOf(client: string, pushes: readonly KeptPush[]): ClientStatus {
  const rejected: Record<string, number> = {};
  for (const { push, refused } of pushes) {
    for (const [reason, count] of push.rejected) rejected[reason] = (rejected[reason] ?? 0) + count;
    if (refused.size > 0) rejected.series_limit = (rejected.series_limit ?? 0) + refused.size;
  }
  const last = pushes.at(-1)?.push;
  const skewed = pushes.findLast(({ push }) => push.sentMs !== undefined)?.push;
  const stored = seriesOf(pushes, everything('')).reduce((sum, { samples }) => sum + samples.length, 0);
  const sent = pushes.reduce((sum, { push, refused }) => sum + push.values.length - refused.size, 0);
  return {
    client,
    lastSeenMs: last?.arrivalMs ?? 0,
    skewMs: skewed?.sentMs === undefined ? undefined : skewed.arrivalMs - skewed.sentMs,
    datacenter: last?.datacenter,
    environment: last?.environment,
    pushes: { expected: pushes.length, received: pushes.length, duplicate: 0, late: 0, conflict: 0 },
    samples: { stored, duplicate: sent - stored, conflict: 0, rejected },
  };
}
