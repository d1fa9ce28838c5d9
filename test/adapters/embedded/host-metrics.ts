/** The samples of a real host, as blocks of ten minutes and as windows. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { addSample, emptyAggregate } from '../../../src/model/aggregate.ts';
import { catalogueEntry } from '../../../src/model/catalogue.ts';
import { createSeries, type Series } from '../../../src/model/series.ts';
import type { SampleBlock, WindowColumn } from '../../../src/ports/time-series-store.ts';

interface Capture {
  readonly series: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
  readonly timesMs: readonly number[];
  readonly values: readonly (readonly number[])[];
}

const SAMPLES_A_BLOCK = 60;
const SAMPLES_A_MINUTE = 6;

function capture(): { readonly timesMs: readonly number[]; readonly columns: readonly (readonly [Series, readonly number[]])[] } {
  const path = new URL('../../fixtures/host-metrics/two-cores.json.gz', import.meta.url);
  const { series, timesMs, values } = JSON.parse(gunzipSync(readFileSync(path)).toString()) as Capture;
  const columns = series.map(({ name, labels }, place): [Series, readonly number[]] => {
    const entry = catalogueEntry(name);
    return [createSeries(name, Object.entries(labels), entry?.unit ?? '', entry?.kind ?? 'gauge'), values[place] ?? []];
  });
  return { timesMs, columns };
}

/** Ten minutes each, one after the other. */
export function hostBlocks(): SampleBlock[] {
  const { timesMs, columns } = capture();
  return Array.from({ length: timesMs.length / SAMPLES_A_BLOCK }, (_, place) => {
    const [from, to] = [place * SAMPLES_A_BLOCK, (place + 1) * SAMPLES_A_BLOCK];
    return {
      timesMs: Float64Array.from(timesMs.slice(from, to)),
      timesNs: undefined,
      columns: columns.map(([series, values]) => ({
        series,
        rows: undefined,
        values: Float64Array.from(values.slice(from, to)),
      })),
    };
  });
}

/** The minutes of an hour from one of the captured minutes on, six samples each. */
export function hostMinutes(firstMinute: number): WindowColumn[] {
  const { columns } = capture();
  return columns.map(([series, values]) => minutesOf(series, values.slice(firstMinute * SAMPLES_A_MINUTE)));
}

/** An hour of percentages, rates and bytes that walk at random: each step as likely as any other, up to a width. */
export function walkMinutes(): WindowColumn[] {
  let state = 1;
  const random = (): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
    return (state >>> 0) / 2 ** 32;
  };
  const walks = [
    [5_000, 300, 100],
    [5_000, 10, 100],
    [2_000_000_000, 400 * 4096, 1],
    [500, 20, 100],
    [500, 4, 100],
    [5_000_000, 20_000, 10],
    [5_000_000, 2_000, 10],
  ] as const;
  return walks.map(([start, width, scale], place) => {
    let at = start;
    const values = Array.from({ length: 60 * SAMPLES_A_MINUTE }, () => {
      at += Math.round((2 * random() - 1) * width);
      return at / scale;
    });
    return minutesOf(createSeries(`walk_${place}`, [], '', 'gauge'), values);
  });
}

function minutesOf(series: Series, values: readonly number[]): WindowColumn {
  const minutes = Array.from({ length: 60 }, (_, minute) => {
    const from = minute * SAMPLES_A_MINUTE;
    const aggregate = emptyAggregate();
    for (const value of values.slice(from, from + SAMPLES_A_MINUTE)) addSample(aggregate, value);
    return aggregate;
  });
  return {
    series,
    starts: Float64Array.from(minutes, (_, minute) => 1_795_478_400_000 + minute * 60_000),
    count: Float64Array.from(minutes, ({ count }) => count),
    sum: Float64Array.from(minutes, ({ sum }) => sum),
    min: Float64Array.from(minutes, ({ min }) => min),
    max: Float64Array.from(minutes, ({ max }) => max),
    first: Float64Array.from(minutes, ({ first }) => first),
    last: Float64Array.from(minutes, ({ last }) => last),
    increase: Float64Array.from(minutes, ({ increase }) => increase),
    revision: Float64Array.from(minutes, () => 1),
  };
}
