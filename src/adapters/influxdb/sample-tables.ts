/** Tables of samples as one block: times united, and of two values for one time the greater. */
import type { SampleBlock, SampleColumn } from '../../ports/time-series-store.ts';
import { VALUE } from './names.ts';
import { bySeries, type SeriesTables } from './series-tables.ts';

/** Times ascend; all are parallel. */
interface Samples {
  readonly timesMs: readonly number[];
  readonly timesNs: readonly number[];
  readonly numbers: readonly number[];
}

const NONE: Samples = { timesMs: [], timesNs: [], numbers: [] };

export function sampleBlock(found: readonly SeriesTables[]): SampleBlock {
  const columns = bySeries(found)
    .map(({ series, versions }) => ({
      series,
      samples: versions.map(({ fields }): Samples => fields.get(VALUE) ?? NONE).reduce(mergeSamples),
    }))
    .filter(({ samples }) => samples.numbers.length > 0);
  const times = columns.map(({ samples }) => samples).reduce(uniteTimes, NONE);
  return {
    timesMs: Float64Array.from(times.timesMs),
    timesNs: times.timesNs.some((ns) => ns !== 0) ? Int32Array.from(times.timesNs) : undefined,
    columns: columns.map(
      ({ series, samples }): SampleColumn => ({
        series,
        rows: samples.numbers.length === times.timesMs.length ? undefined : rowsIn(times, samples),
        values: Float64Array.from(samples.numbers),
      }),
    ),
  };
}

/** −, 0 or + where sample `i` of `a` is before, at or after sample `j` of `b`. */
function compare(a: Samples, i: number, b: Samples, j: number): number {
  return (a.timesMs[i] as number) - (b.timesMs[j] as number) || (a.timesNs[i] as number) - (b.timesNs[j] as number);
}

/** −0 is less than 0. */
function greater(a: number, b: number): number {
  return a > b || (a === b && Object.is(b, -0)) ? a : b;
}

/** The union of two columns of one series. */
function mergeSamples(a: Samples, b: Samples): Samples {
  const timesMs: number[] = [];
  const timesNs: number[] = [];
  const numbers: number[] = [];
  for (let i = 0, j = 0; i < a.timesMs.length || j < b.timesMs.length; ) {
    const order = i === a.timesMs.length ? 1 : j === b.timesMs.length ? -1 : compare(a, i, b, j);
    const [from, at] = order <= 0 ? [a, i] : [b, j];
    timesMs.push(from.timesMs[at] as number);
    timesNs.push(from.timesNs[at] as number);
    numbers.push(order === 0 ? greater(a.numbers[i] as number, b.numbers[j] as number) : (from.numbers[at] as number));
    if (order <= 0) i += 1;
    if (order >= 0) j += 1;
  }
  return { timesMs, timesNs, numbers };
}

/** Most series of a client share their times: then there is nothing to merge. */
function uniteTimes(times: Samples, next: Samples): Samples {
  const covers = times.timesMs.length >= next.timesMs.length && rowsIn(times, next).every((row) => row >= 0);
  return covers ? times : mergeSamples(times, next);
}

/** Where the times of a column stand among all; −1 for one that is not there. */
function rowsIn(times: Samples, samples: Samples): Int32Array {
  const rows = new Int32Array(samples.timesMs.length).fill(-1);
  for (let i = 0, row = 0; i < rows.length && row < times.timesMs.length; ) {
    const order = compare(samples, i, times, row);
    if (order === 0) rows[i] = row;
    if (order <= 0) i += 1;
    if (order >= 0) row += 1;
  }
  return rows;
}
