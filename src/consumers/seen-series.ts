/** The series that hold places of a client, as a checkpoint keeps them: a clean restart reads none of them from the log. */
import { LIMITS } from '../model/limits.ts';
import { createSeries, type Series } from '../model/series.ts';
import { shapeBytes } from '../protocols/log-record.ts';
import type { ClientSeries } from './cardinality.ts';

/** A list of series, encoded, and when a client was last seen with it, Unix ms. */
export interface SeenShape {
  readonly shape: Uint8Array;
  readonly seenMs: number;
}

/** @returns each shape of a client; of one with many, what they hold together, as seen with the last of them. */
export function seenShapes(own: ClientSeries | undefined): SeenShape[] {
  if (own === undefined) return [];
  const { shapes, keys } = own;
  if (shapes.size <= LIMITS.checkpointShapesPerClient || keys === undefined) {
    return Array.from(shapes, ([shape, seenMs]) => ({ shape: shape.bytes, seenMs }));
  }
  return [{ shape: shapeBytes(Array.from(keys, seriesOfKey)), seenMs: Math.max(...shapes.values()) }];
}

/** Unit and kind are no part of what holds a place. */
function seriesOfKey(key: string): Series {
  const [name = '', ...rest] = key.split('\0');
  const labels: [string, string][] = [];
  for (let i = 0; i < rest.length; i += 2) labels.push([rest[i] ?? '', rest[i + 1] ?? '']);
  return createSeries(name, labels, '', 'gauge');
}
