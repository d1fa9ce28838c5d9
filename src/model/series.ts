/** Series: a metric name with its labels, the key that identifies it, and the shape that a push has. */
import type { Kind } from './catalogue.ts';

/** Label pairs sorted by key (code-unit order), no key twice. */
export type Labels = readonly (readonly [key: string, value: string])[];

/** Identity is name and labels (`key`, within a client); unit and kind are metadata. */
export interface Series {
  readonly name: string;
  readonly labels: Labels;
  /** Empty where none was given. */
  readonly unit: string;
  readonly kind: Kind;
  /** `name`, then `\0key\0value` for each label: NUL can stand in none of them. */
  readonly key: string;
}

/** A pattern every metric name and label key has to match; checked once per new shape, not per push. */
export const NAME_PATTERN = /^[A-Za-z_][A-Za-z0-9_.:/-]*$/;
export const LABEL_KEY_PATTERN = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** Labels that the system writes itself; a sample that brings them is refused (`reserved_label`). */
export function isReservedLabel(key: string): boolean {
  return key.startsWith('__') || key === 'tenant' || key === 'client_id' || key === 'host' || key === 'metric_name';
}

export function seriesKey(name: string, labels: Labels): string {
  let key = name;
  for (const [label, value] of labels) key += `\0${label}\0${value}`;
  return key;
}

/** @param labels in any order. */
export function createSeries(name: string, labels: Labels, unit: string, kind: Kind): Series {
  const sorted = labels.length > 1 ? [...labels].sort((a, b) => (a[0] < b[0] ? -1 : 1)) : labels;
  return { name, labels: sorted, unit, kind, key: seriesKey(name, sorted) };
}

/**
 * The ordered series of a push. Hosts push the same series every time, so shapes are interned and shared:
 * a push is then one shape and a column of values. `bytes` is its encoding (protocols/log-record.ts), its identity.
 * A series may stand in a shape more than once.
 */
export interface Shape {
  readonly series: readonly Series[];
  readonly bytes: Uint8Array;
  /** The metric names, for receivers that compare without touching `series`. */
  readonly names: readonly string[];
}
