/** Blocks as plain values that are equal only when every bit is. */
import type { SampleBlock, WindowColumn } from '../../../src/ports/time-series-store.ts';

function hex(values: Float64Array): string {
  return Array.from(new BigUint64Array(values.slice().buffer), (bits) => bits.toString(16)).join(' ');
}

export function sampleBits({ timesMs, timesNs, columns }: SampleBlock): unknown {
  return {
    timesMs: hex(timesMs),
    timesNs: timesNs && Array.from(timesNs),
    columns: columns.map(({ series, rows, values }) => ({ series, rows: rows && Array.from(rows), values: hex(values) })),
  };
}

export function windowBits(columns: readonly WindowColumn[]): unknown {
  return columns.map(({ series, ...fields }) => ({
    series,
    fields: Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, hex(values)])),
  }));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
