/** Generators of blocks of samples and of windows: whatever the consumer may seal. */
import fc from 'fast-check';
import type { Series } from '../../../src/model/series.ts';
import type { SampleBlock, SampleColumn, WindowColumn } from '../../../src/ports/time-series-store.ts';
import { finite, series } from '../../protocols/arbitrary-push.ts';

const START_MS = 1_795_478_400_000;

/** Values of the kinds that have a form of their own in a block, and any others. */
function values(count: number): fc.Arbitrary<Float64Array> {
  const list = (one: fc.Arbitrary<number>): fc.Arbitrary<number[]> => fc.array(one, { minLength: count, maxLength: count });
  const scaled = fc
    .tuple(list(fc.integer({ min: -100_000, max: 100_000 })), fc.nat(6))
    .map(([integers, decimals]) => integers.map((integer) => integer / 10 ** decimals));
  const walk = fc
    .tuple(fc.maxSafeInteger(), list(fc.integer({ min: -3, max: 3 })), fc.constantFrom(1, 4096, 100_000))
    .map(([start, steps, unit]) => {
      let at = Math.trunc(start / 4);
      return steps.map((step) => (at += step * unit));
    });
  const line = fc
    .tuple(fc.nat(1e9), fc.integer({ min: -5, max: 5 }))
    .map(([start, slope]) => Array.from({ length: count }, (_, i) => start + i * slope));
  const spikes = list(fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: finite }));
  return fc.oneof(scaled, walk, line, spikes, list(finite)).map((numbers) => Float64Array.from(numbers));
}

/** Some rows of `total`, ascending, at least one; undefined: all. */
function rows(total: number): fc.Arbitrary<Int32Array | undefined> {
  const some = fc.uniqueArray(fc.nat(total - 1), { minLength: 1, maxLength: total }).map((list) => Int32Array.from(list).sort());
  const regular = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.nat(total - 1))
    .map(([stride, first]) => Int32Array.from({ length: Math.ceil((total - first) / stride) }, (_, i) => first + i * stride));
  return fc.oneof(fc.constant(undefined), some, regular).map((list) => (list?.length === total ? undefined : list));
}

function ascending(gaps: readonly number[]): Float64Array {
  let at = START_MS;
  return Float64Array.from(gaps, (gap) => (at += gap + 1));
}

const distinctSeries: fc.Arbitrary<Series[]> = fc.uniqueArray(series, { minLength: 1, maxLength: 8, selector: ({ key }) => key });

function column(one: Series, total: number): fc.Arbitrary<SampleColumn> {
  return rows(total).chain((list) => values(list?.length ?? total).map((some) => ({ series: one, rows: list, values: some })));
}

/** Columns that repeat or mirror the steps of another, as used and free do. */
function withMirrors(columns: readonly SampleColumn[]): SampleColumn[] {
  return columns.map((one, place) => {
    const like = columns[place - 2];
    if (place % 3 !== 2 || like === undefined) return one;
    return { ...one, rows: like.rows, values: like.values.map((value) => (place % 2 === 0 ? 1000 - value : value + 7)) };
  });
}

export const sampleBlock: fc.Arbitrary<SampleBlock> = fc
  .tuple(fc.integer({ min: 1, max: 70 }), distinctSeries)
  .chain(([total, list]) =>
    fc.record({
      timesMs: fc.array(fc.oneof(fc.constant(10_000), fc.nat(20_000)), { minLength: total, maxLength: total }).map(ascending),
      timesNs: fc
        .option(fc.array(fc.nat(999_999), { minLength: total, maxLength: total }), { nil: undefined })
        .map((list) => list && Int32Array.from(list)),
      columns: fc.tuple(...list.map((one) => column(one, total))).map(withMirrors),
    }),
  );

/** Windows whose fields need not agree with each other: the codec must not rely on it. */
export const windowColumns: fc.Arbitrary<WindowColumn[]> = fc
  .tuple(fc.integer({ min: 1, max: 60 }), distinctSeries)
  .chain(([total, list]) => fc.tuple(...list.map((one) => windowColumn(one, total))));

function windowColumn(one: Series, total: number): fc.Arbitrary<WindowColumn> {
  return rows(total).chain((list) => {
    const count = list?.length ?? total;
    const numbers = values(count);
    const counted = fc
      .array(fc.integer({ min: 1, max: 4000 }), { minLength: count, maxLength: count })
      .map((some) => Float64Array.from(some));
    return fc
      .record({
        count: counted,
        revision: counted,
        sum: numbers,
        min: numbers,
        max: numbers,
        first: numbers,
        last: numbers,
        increase: numbers,
      })
      .map((fields) => ({
        series: one,
        starts: Float64Array.from({ length: count }, (_, i) => START_MS + 60_000 * (list?.[i] ?? i)),
        ...fields,
      }));
  });
}
