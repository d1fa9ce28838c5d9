/** Copies of what is read, without the larger arrays that they are views of: a message would carry those whole. */
import type { ClientSamples, ClientWindows } from '../ports/metric-reader.ts';

function own<T extends Float64Array | Int32Array>(array: T): T {
  return array.byteLength === array.buffer.byteLength ? array : (array.slice() as T);
}

export function compactWindows(item: ClientWindows): { item: ClientWindows; points: number } {
  let points = 0;
  const columns = item.columns.map((column) => {
    points += column.starts.length;
    return {
      series: column.series,
      starts: own(column.starts),
      count: own(column.count),
      sum: own(column.sum),
      min: own(column.min),
      max: own(column.max),
      first: own(column.first),
      last: own(column.last),
      increase: own(column.increase),
      revision: own(column.revision),
    };
  });
  return { item: { ...item, columns }, points };
}

export function compactSamples({ client, block }: ClientSamples): { item: ClientSamples; points: number } {
  let points = 0;
  const columns = block.columns.map(({ series, rows, values }) => {
    points += values.length;
    return { series, rows: rows === undefined ? undefined : own(rows), values: own(values) };
  });
  const timesNs = block.timesNs === undefined ? undefined : own(block.timesNs);
  return { item: { client, block: { timesMs: own(block.timesMs), timesNs, columns } }, points };
}
