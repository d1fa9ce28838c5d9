/** Reads the series keys of the live feed and the timestamps of samples. */
import type { Labels } from './answers.ts';

export interface SeriesName {
  readonly metric: string;
  readonly labels: Labels;
}

const PAIR = /^([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/s;

/**
 * `name` or `name{label=value,label=value}`. Values are not escaped: a piece behind a comma that does not read
 * `label=` belongs to the value before it.
 */
export function parseLiveKey(key: string): SeriesName {
  const open = key.indexOf('{');
  if (open < 0 || !key.endsWith('}')) return { metric: key, labels: {} };
  const pairs: [string, string][] = [];
  for (const piece of key.slice(open + 1, -1).split(',')) {
    const [, label, value] = PAIR.exec(piece) ?? [];
    const last = pairs.at(-1);
    if (label !== undefined && value !== undefined) pairs.push([label, value]);
    else if (last) last[1] += `,${piece}`;
  }
  return { metric: key.slice(0, open), labels: Object.fromEntries(pairs) };
}

/** One string for one series of a client, whatever the order of its labels. */
export function seriesId(metric: string, labels: Labels): string {
  const names = Object.keys(labels).sort();
  return names.reduce((id, name) => `${id}\0${name}\0${labels[name]}`, metric);
}

/** @param timestamp Unix ms, or Unix ns as a decimal string. @returns Unix ms, cut to whole ones. */
export function timestampMs(timestamp: number | string): number {
  return typeof timestamp === 'number' ? timestamp : Number(BigInt(timestamp) / 1_000_000n);
}
