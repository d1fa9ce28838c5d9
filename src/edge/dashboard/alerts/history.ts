/** The history of incidents: what is asked for, and which incidents a rule or a host had a part in. */
import { DAY_MS } from '../../../model/window.ts';
import type { IncidentRow, TimelineEntry } from './answers.ts';

export const HISTORY_RANGES = {
  '24h': { spanMs: DAY_MS, label: '24 h' },
  '7d': { spanMs: 7 * DAY_MS, label: '7 d' },
  '30d': { spanMs: 30 * DAY_MS, label: '30 d' },
} as const;
export type HistoryRange = keyof typeof HISTORY_RANGES;

export interface HistoryFilter {
  readonly rule: string;
  readonly host: string;
  readonly range: HistoryRange;
}

export function isFiltered({ rule, host }: HistoryFilter): boolean {
  return rule !== '' || host !== '';
}

/** Where the same can be had as a file. */
export function historyCsvPath({ rule, host, range }: HistoryFilter, nowMs: number): string {
  const query = new URLSearchParams({ format: 'csv', start: String(Math.floor(nowMs - HISTORY_RANGES[range].spanMs)) });
  if (rule !== '') query.set('rule', rule);
  if (host !== '') query.set('client', host);
  return `/api/v1/history?${query}`;
}

/** @param entries of the rule and the host that are asked for; undefined: all incidents. */
export function chosenIncidents<Row extends Pick<IncidentRow, 'id' | 'opened_ms'>>(
  incidents: readonly Row[],
  entries: readonly Pick<TimelineEntry, 'incident'>[] | undefined,
): Row[] {
  const named = entries && new Set(entries.map(({ incident }) => incident));
  return incidents.filter(({ id }) => named === undefined || named.has(id)).sort((a, b) => b.opened_ms - a.opened_ms);
}

/** From onset in event time to the first page; from opening to the end. null: it has not come. */
export function timesOf({ onset_ms, opened_ms, notified_ms, resolved_ms }: IncidentRow) {
  return {
    detectMs: notified_ms === null ? null : notified_ms - onset_ms,
    resolveMs: resolved_ms === null ? null : resolved_ms - opened_ms,
  };
}
