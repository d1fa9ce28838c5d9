/** How things are called in InfluxDB: buckets, measurement, tags and fields. */
import type { Resolution } from '../../model/window.ts';
import type { WindowField } from '../../ports/time-series-store.ts';

export const MEASUREMENT = 'server_metrics';

export type PointKind = 'raw' | Resolution;
export const POINT_KINDS = ['raw', '1m', '1h'] as const satisfies readonly PointKind[];
export type BucketNames = Readonly<Record<PointKind, string>>;

export function bucketNames(prefix: string): BucketNames {
  return { raw: `${prefix}metrics_raw`, '1m': `${prefix}metrics_1m`, '1h': `${prefix}metrics_1h` };
}

/** The field of a sample. */
export const VALUE = 'value';
/** Fields of every point that has them: `unit` is left out where there is none, and `kind` where it is a gauge. */
export const WORDS = ['unit', 'kind'] as const;
/** The fields of a window that are read back, all of them floats: integers up to 2^53 are exact in one. `avg` is for people. */
export const WINDOW_FIELDS = [
  'count',
  'sum',
  'min',
  'max',
  'first',
  'last',
  'increase',
  'revision',
] as const satisfies readonly WindowField[];
/** A text at the start of an hour of minutes or a day of hours: all of them, for our own reader (packed-windows.ts). */
export const PACKED = 'packed';
