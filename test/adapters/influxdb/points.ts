/** Points of clients for tests, made up and generated. */
import fc from 'fast-check';
import { createSeries, type Series } from '../../../src/model/series.ts';
import type { ClientPoints } from '../../../src/ports/point-writer.ts';
import type { SampleBlock, WindowColumn } from '../../../src/ports/time-series-store.ts';

/** Every bit pattern of a finite double has its chance, not only round ones. */
export const FINITE = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
  fc.tuple(fc.maxSafeInteger(), fc.constantFrom(10, 100, 1_000, 10_000)).map(([whole, parts]) => whole / parts),
  fc.tuple(fc.integer(), fc.constantFrom(10, 100, 1_000, 10_000)).map(([whole, parts]) => whole / parts),
  fc.constantFrom(
    -0,
    0,
    1e308,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    Number.MIN_VALUE,
    2.2250738585072014e-308,
    0.1,
    1 / 3,
    2 ** 53,
  ),
);

const LABEL_KEY = fc.constantFrom('mount', 'device', '_x', 'datacenter', 'time', 'a.b-c', 'zz', 'host_of', 'value');
const LABEL_VALUE = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.string({ unit: fc.constantFrom('\\', ' ', ',', '=', '"', '\n', '%', '5', 'C', 'ü'), maxLength: 8 }),
);

export const SERIES: fc.Arbitrary<Series> = fc
  .record({
    name: fc.constantFrom('cpu', 'a.b:c/d-e', 'requests_total'),
    labels: fc.dictionary(
      LABEL_KEY,
      LABEL_VALUE.filter((value) => !value.includes('\0')),
      { maxKeys: 4 },
    ),
    unit: fc.oneof(
      fc.constantFrom('', 'percent', 'a "b"\\'),
      fc.string({ unit: fc.constantFrom('"', '\\', ' ', ',', '=', 'µ'), maxLength: 6 }),
    ),
    kind: fc.constantFrom('gauge' as const, 'counter' as const),
  })
  .map(({ name, labels, unit, kind }) => createSeries(name, Object.entries(labels), unit, kind));

/** A stretch of time, Unix ms. */
export interface Stretch {
  readonly min: number;
  readonly max: number;
}

const CENTURY: Stretch = { min: 0, max: 4_102_444_800_000 };

function timesIn(stretch: Stretch) {
  const time = fc.record({ ms: fc.integer(stretch), ns: fc.integer({ min: 0, max: 999_999 }) });
  return fc
    .uniqueArray(time, { minLength: 1, maxLength: 6, selector: ({ ms, ns }) => `${ms}.${ns}` })
    .map((times) => times.sort((a, b) => a.ms - b.ms || a.ns - b.ns));
}

const DISTINCT_SERIES = fc.uniqueArray(SERIES, { minLength: 1, maxLength: 4, selector: ({ key }) => key });

/** Every time of the block has a sample. */
export function blocksIn(stretch: Stretch): fc.Arbitrary<SampleBlock> {
  return fc.tuple(timesIn(stretch), DISTINCT_SERIES).chain(([times, series]) => {
    const column = (own: Series, place: number) =>
      fc.record({
        series: fc.constant(own),
        rows: place === 0 ? fc.constant([...times.keys()]) : fc.subarray([...times.keys()], { minLength: 1 }),
        values: fc.array(FINITE, { minLength: times.length, maxLength: times.length }),
      });
    return fc.tuple(...series.map(column)).map((columns) => ({
      timesMs: Float64Array.from(times, ({ ms }) => ms),
      timesNs: times.some(({ ns }) => ns !== 0) ? Int32Array.from(times, ({ ns }) => ns) : undefined,
      columns: columns.map(({ series: own, rows, values }) => ({
        series: own,
        rows: rows.length === times.length ? undefined : Int32Array.from(rows),
        values: Float64Array.from(values.slice(0, rows.length)),
      })),
    }));
  });
}

export const BLOCK = blocksIn(CENTURY);

/** Minutes of one series. */
export function windowsIn({ min, max }: Stretch): fc.Arbitrary<WindowColumn> {
  const window = fc.record({
    start: fc.integer({ min: Math.ceil(min / 60_000), max: Math.floor(max / 60_000) }).map((minute) => minute * 60_000),
    count: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    revision: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    numbers: fc.array(FINITE, { minLength: 6, maxLength: 6 }),
  });
  const windows = fc.uniqueArray(window, { minLength: 1, maxLength: 4, selector: ({ start }) => start });
  return fc.tuple(SERIES, windows).map(([series, some]) => {
    const sorted = some.sort((a, b) => a.start - b.start);
    const field = (place: number): Float64Array => Float64Array.from(sorted, ({ numbers }) => numbers[place] as number);
    return {
      series,
      starts: Float64Array.from(sorted, ({ start }) => start),
      count: Float64Array.from(sorted, ({ count }) => count),
      sum: field(0),
      min: field(1),
      max: field(2),
      first: field(3),
      last: field(4),
      increase: field(5),
      revision: Float64Array.from(sorted, ({ revision }) => revision),
    };
  });
}

export const WINDOWS = windowsIn(CENTURY);

export function clientPoints(over: Partial<ClientPoints>): ClientPoints {
  return {
    tenant: 'acme',
    client: 'web-1',
    datacenter: undefined,
    environment: undefined,
    samples: [],
    minutes: [],
    hours: [],
    blocks: [],
    ...over,
  };
}

/** `count` samples of one series, a ms apart. */
export function sampleRun(
  series: Series,
  startMs: number,
  count: number,
  valueAt: (place: number) => number = (place) => place,
): SampleBlock {
  return {
    timesMs: Float64Array.from({ length: count }, (_, place) => startMs + place),
    timesNs: undefined,
    columns: [{ series, rows: undefined, values: Float64Array.from({ length: count }, (_, place) => valueAt(place)) }],
  };
}
