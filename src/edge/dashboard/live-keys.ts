/** Asks for the live feed, and reads its series keys and the timestamps of samples. */
import type { Labels } from './answers.ts';

/** What of the feed a view draws. */
export interface LiveInterest {
  /** Left out: every client. */
  readonly client?: string;
  /** Left out: every metric. */
  readonly metrics?: readonly string[];
}

export function livePath({ client, metrics }: LiveInterest): string {
  const query = new URLSearchParams();
  if (client !== undefined) query.set('client', client);
  if (metrics !== undefined) query.set('metric', metrics.join());
  return query.size === 0 ? '/api/v1/live' : `/api/v1/live?${query}`;
}

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
