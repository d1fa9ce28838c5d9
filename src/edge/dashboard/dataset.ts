/** The series of one host over one range, from windows or from samples, and what a chart draws of them. */
import { LIMITS } from '../../model/limits.ts';
import type { ColumnsAnswer, Labels, LiveAnswer, SampleAnswer } from './answers.ts';
import { parseLiveKey, seriesId, timestampMs } from './live-keys.ts';
import { alignPoints, type Cell, downsample, type Frame } from './points.ts';

export interface SeriesData {
  readonly id: string;
  readonly metric: string;
  readonly labels: Labels;
  readonly unit: string;
  /** Unix ms, ascending; the same array for all series that come from windows. */
  readonly times: number[];
  /** Samples, or averages of windows. */
  readonly values: (number | null)[];
  /** Least and greatest sample of each window. */
  readonly lows?: readonly Cell[];
  readonly highs?: readonly Cell[];
}

export type Dataset = Map<string, SeriesData>;

export function datasetOfWindows(answer: ColumnsAnswer): Dataset {
  const length = answer.series.reduce((most, series) => Math.max(most, series.avg.length), 0);
  const times = Array.from({ length }, (_, index) => answer.start + index * answer.step);
  return new Map(
    answer.series.map(({ metric, labels, unit, avg, min, max }) => {
      const id = seriesId(metric, labels);
      return [id, { id, metric, labels, unit, times, values: [...avg], lows: min, highs: max }];
    }),
  );
}

function put(data: Dataset, metric: string, labels: Labels, unit: string, time: number, value: number): void {
  const id = seriesId(metric, labels);
  const series = data.get(id) ?? { id, metric, labels, unit, times: [], values: [] };
  data.set(id, series);
  if (time <= (series.times.at(-1) ?? Number.NEGATIVE_INFINITY)) return;
  series.times.push(time);
  series.values.push(value);
}

export function datasetOfSamples(samples: readonly SampleAnswer[]): Dataset {
  const data: Dataset = new Map();
  const inOrder = samples.map((sample) => ({ ...sample, time: timestampMs(sample.timestamp) })).sort((a, b) => a.time - b.time);
  for (const { metric, labels, unit, time, value } of inOrder) put(data, metric, labels, unit, time, value);
  return data;
}

/**
 * Adds what the live feed brings, and drops what is older than `fromMs`.
 * @param unitOf the unit of a metric that was not in the data yet.
 * @returns true if a series came that was not there.
 */
export function appendLive(data: Dataset, live: LiveAnswer, fromMs: number, unitOf: (metric: string) => string): boolean {
  const before = data.size;
  live.keys.forEach((key, index) => {
    const value = live.values[index];
    if (value === undefined || value === null) return;
    const { metric, labels } = parseLiveKey(key);
    put(data, metric, labels, unitOf(metric), live.sample_ms, value);
  });
  for (const { times, values } of data.values()) {
    const kept = times.findIndex((time) => time >= fromMs);
    if (kept > 0) {
      times.splice(0, kept);
      values.splice(0, kept);
    }
  }
  return data.size > before;
}

export function meanOf(series: SeriesData | undefined): number {
  const known = (series?.values ?? []).filter((value) => value !== null);
  return known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Unix ms of the first point of all. */
export function firstOf(data: Dataset): number {
  return Math.min(...[...data.values()].map(({ times }) => times[0] ?? Number.POSITIVE_INFINITY));
}

export function latestOf(data: Dataset, metric: string): number | undefined {
  const value = data.get(metric)?.values.findLast((cell) => cell !== null);
  return value ?? undefined;
}

export interface ChartFrame extends Frame {
  /** For a chart of one series: between what its windows lay. */
  readonly band?: { readonly lows: readonly Cell[]; readonly highs: readonly Cell[] };
}

/** Columns in the order of `ids`; a series that is not there is an empty column. */
export function frameOf(data: Dataset, ids: readonly string[]): ChartFrame {
  const all = ids.map((id) => data.get(id));
  const [first] = all;
  if (first?.lows && first.highs) {
    const columns = all.map((series) => series?.values ?? []);
    if (all.length > 1) return { times: first.times, columns };
    return { times: first.times, columns, band: { lows: first.lows, highs: first.highs } };
  }
  return alignPoints(
    all.map((series) => {
      const { times, values } = series ?? { times: [], values: [] };
      const known = values.map((value) => value ?? Number.NaN);
      return downsample({ times, values: known }, LIMITS.pagePointsMax);
    }),
  );
}
