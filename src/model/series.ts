/** Series: a metric name with its labels, the key that identifies it, and the shape that a push has. */
import { catalogueEntry, type Kind } from './catalogue.ts';

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
 * The other columns are what a receiver checks a metric of the same shape against; all are parallel to `series`.
 */
export interface Shape {
  readonly series: readonly Series[];
  readonly bytes: Uint8Array;
  /** The range of values that is accepted. */
  readonly min: Float64Array;
  readonly max: Float64Array;
  /** Whether the unit and the kind may be left out: they are then what the series has. */
  readonly unitImplied: readonly boolean[];
  readonly kindImplied: readonly boolean[];
  /** No series stands in it twice. */
  readonly distinct: boolean;
  /** The labels of these names, where all series that have one agree on its value. */
  readonly datacenter: string | undefined;
  readonly environment: string | undefined;
}

export function createShape(series: readonly Series[], bytes: Uint8Array): Shape {
  const entries = series.map((one) => catalogueEntry(one.name));
  return {
    series,
    bytes,
    min: Float64Array.from(entries, (entry) => entry?.min ?? -Number.MAX_VALUE),
    max: Float64Array.from(entries, (entry) => entry?.max ?? Number.MAX_VALUE),
    unitImplied: series.map((one, i) => entries[i] !== undefined || one.unit === ''),
    kindImplied: series.map((one, i) => entries[i] !== undefined || one.kind === 'gauge'),
    distinct: new Set(series.map((one) => one.key)).size === series.length,
    datacenter: agreed(series, 'datacenter'),
    environment: agreed(series, 'environment'),
  };
}

function agreed(series: readonly Series[], label: string): string | undefined {
  let found: string | undefined;
  for (const { labels } of series) {
    for (const [key, value] of labels) {
      if (key !== label) continue;
      if (found !== undefined && found !== value) return undefined;
      found = value;
    }
  }
  return found;
}
