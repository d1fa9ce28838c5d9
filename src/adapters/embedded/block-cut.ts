/** Blocks cut to a stretch of time. */
import type { SampleBlock, SampleColumn, WindowColumn } from '../../ports/time-series-store.ts';

/** The samples of [startMs, endMs); columns without any are left out. Times are shared, not copied. */
export function cutSamples(block: SampleBlock, startMs: number, endMs: number): SampleBlock {
  const { timesMs, timesNs } = block;
  const from = lowerBound(timesMs, startMs);
  const to = lowerBound(timesMs, endMs);
  if (from === 0 && to === timesMs.length) return block;
  const columns = block.columns.map(({ series, rows, values }): SampleColumn => {
    if (rows === undefined) return { series, rows, values: values.subarray(from, to) };
    const first = lowerBound(rows, from);
    const last = lowerBound(rows, to);
    return { series, rows: rows.subarray(first, last).map((row) => row - from), values: values.subarray(first, last) };
  });
  return {
    timesMs: timesMs.subarray(from, to),
    timesNs: timesNs?.subarray(from, to),
    columns: columns.filter(({ values }) => values.length > 0),
  };
}

/** The windows that start in [startMs, endMs); columns without any are left out. */
export function cutWindows(columns: readonly WindowColumn[], startMs: number, endMs: number): WindowColumn[] {
  return columns
    .map((column) => cutColumn(column, lowerBound(column.starts, startMs), lowerBound(column.starts, endMs)))
    .filter(({ starts }) => starts.length > 0);
}

function cutColumn(column: WindowColumn, from: number, to: number): WindowColumn {
  if (from === 0 && to === column.starts.length) return column;
  return {
    series: column.series,
    starts: column.starts.subarray(from, to),
    count: column.count.subarray(from, to),
    sum: column.sum.subarray(from, to),
    min: column.min.subarray(from, to),
    max: column.max.subarray(from, to),
    first: column.first.subarray(from, to),
    last: column.last.subarray(from, to),
    increase: column.increase.subarray(from, to),
    revision: column.revision.subarray(from, to),
  };
}

/** The first place whose element is not less than `value`. */
function lowerBound(ascending: Float64Array | Int32Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
