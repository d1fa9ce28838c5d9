/** What the tests of queries share: an edge with ten minutes of data, and a GET. */
import { createSeries, type Series } from '../../src/model/series.ts';
import type { ClientWindows, MetricReader } from '../../src/ports/metric-reader.ts';
import type { WindowColumn } from '../../src/ports/time-series-store.ts';
import { createEdge, type Edge } from './harness.ts';

export const MINUTE = 60_000;
export const HOUR_START = Date.UTC(2026, 10, 24, 10, 0);

export interface Get {
  readonly status: number;
  readonly text: string;
  readonly type: string;
  /** The parsed body. */
  readonly json: unknown;
}

export async function get(edge: Edge, path: string, query: Readonly<Record<string, string | number>>): Promise<Get> {
  const search = new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]));
  const response = await edge.send('GET', `${path}?${search}`, { key: await edge.key({ role: 'read' }) });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, text, type, json: type.includes('json') ? JSON.parse(text) : undefined };
}

/** Two hosts, ten minutes from 10:00 on, a sample at :00 and :30 of each: cpu 0..19 on a; on b two disks. */
export async function edgeWithData(): Promise<Edge> {
  const edge = createEdge();
  const key = await edge.key();
  for (let i = 0; i < 20; i++) {
    const timestamp = HOUR_START + i * 30_000;
    await edge.push({ client_id: 'a', metrics: [{ name: 'cpu', value: i, timestamp }] }, { key });
    const disk = (device: string, value: number): unknown => ({ name: 'disk_reads', value, timestamp, labels: { device } });
    await edge.push({ client_id: 'b', metrics: [disk('vda', i), disk('vdb', 2 * i)] }, { key });
    edge.clock.advance(100);
  }
  return edge;
}

export const RANGE = { start: HOUR_START, end: HOUR_START + 10 * MINUTE };

export const CPU = createSeries('cpu', [], 'percent', 'gauge');

export function column(
  series: Series,
  windows: readonly (readonly [start: number, value: number, revision: number])[],
): WindowColumn {
  const of = (read: (window: (typeof windows)[number]) => number): Float64Array => Float64Array.from(windows, read);
  const value = of(([, one]) => one);
  const zeros = of(() => 0);
  const ones = of(() => 1);
  return {
    ...{ series, starts: of(([start]) => start), count: ones, sum: value, min: value, max: value },
    ...{ first: value, last: value, increase: zeros, revision: of(([, , revision]) => revision) },
  };
}

/** A reader that gives just this. */
export function readerOf(...clients: readonly ClientWindows[]): MetricReader {
  return {
    clients: async () => [],
    metrics: async () => [],
    async *windows() {
      yield* clients;
    },
    async *samples() {},
  };
}
