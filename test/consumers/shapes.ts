/** Shapes and pushes for tests of the consumer, made as the edge makes them. */
import type { Push, PushId } from '../../src/model/push.ts';
import { createSeries, type Series, type Shape } from '../../src/model/series.ts';
import type { SampleBlock, WindowColumn } from '../../src/ports/time-series-store.ts';
import { type ShapeInterner, shapeInterner } from '../../src/protocols/log-record.ts';

export function seriesOf(names: readonly string[]): Series[] {
  return names.map((name) => createSeries(name, [], '', 'gauge'));
}

export function shapeOf(names: readonly string[], shapes: ShapeInterner = shapeInterner()): Shape {
  return shapes.intern(seriesOf(names));
}

/** One sample: series name, Unix ms, ns within the ms, value. */
export type Sample = readonly [name: string, ms: number, value: number, ns?: number];

export interface PushFields {
  readonly client?: string;
  readonly tenant?: string;
  readonly arrivalMs?: number;
  readonly sentMs?: number;
  readonly pushId?: PushId;
  readonly contentHash?: number;
  readonly stamped?: boolean;
  readonly rejected?: Push['rejected'];
  readonly datacenter?: string;
}

/** A push of these samples; times are shared where all are the same, as receivers have it. */
export function pushOf(shapes: ShapeInterner, samples: readonly Sample[], fields: PushFields = {}): Push {
  const times = samples.map(([, ms, , ns = 0]) => [ms, ns] as const);
  const [first] = times;
  const shared = first !== undefined && times.every(([ms, ns]) => ms === first[0] && ns === first[1]);
  const distinct = shared ? [first] : times;
  return {
    tenant: 'default',
    client: 'web-1',
    arrivalMs: first?.[0] ?? 0,
    sentMs: undefined,
    pushId: undefined,
    contentHash: 0,
    correlationId: 'c',
    traceparent: undefined,
    datacenter: undefined,
    environment: undefined,
    stamped: false,
    rejected: [],
    ...fields,
    shape: shapes.intern(seriesOf(samples.map(([name]) => name))),
    values: Float64Array.from(samples, ([, , value]) => value),
    timesMs: Float64Array.from(distinct, ([ms]) => ms),
    timesNs: distinct.some(([, ns]) => ns !== 0) ? Int32Array.from(distinct, ([, ns]) => ns) : undefined,
  };
}

/** The samples of a block as [key, ms, ns, value], sorted: what it says, whatever its columns. */
export function samplesIn(block: SampleBlock): [string, number, number, number][] {
  return block.columns
    .flatMap(({ series, rows, values }) =>
      Array.from(values, (value, i): [string, number, number, number] => {
        const at = rows === undefined ? i : (rows[i] ?? -1);
        return [series.key, block.timesMs[at] ?? Number.NaN, block.timesNs?.[at] ?? 0, value];
      }),
    )
    .sort(compareSamples);
}

export function compareSamples(
  a: readonly [string, number, number, number],
  b: readonly [string, number, number, number],
): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1] || a[2] - b[2];
}

/** Windows as plain rows sorted by series and start. */
export function windowsIn(columns: readonly WindowColumn[]): Record<string, number | string>[] {
  return columns
    .flatMap((column) =>
      Array.from(column.starts, (start, i) => ({
        key: column.series.key,
        start,
        count: column.count[i] ?? Number.NaN,
        sum: column.sum[i] ?? Number.NaN,
        min: column.min[i] ?? Number.NaN,
        max: column.max[i] ?? Number.NaN,
        first: column.first[i] ?? Number.NaN,
        last: column.last[i] ?? Number.NaN,
        increase: column.increase[i] ?? Number.NaN,
        revision: column.revision[i] ?? Number.NaN,
      })),
    )
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.start - b.start));
}

/** Does in one go what the product does step by step. */
export function inOneGo(steps: Iterable<void> | undefined): void {
  for (const _step of steps ?? []);
}
