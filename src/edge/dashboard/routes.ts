/** The page's own addresses, behind the `#`: they can be sent to a colleague, and hold no data but names and times. */
import { HISTORY_RANGES, type HistoryFilter, type HistoryRange } from './alerts/history.ts';
import { isPreset, type Range } from './ranges.ts';

export type Route =
  | { readonly view: 'fleet' }
  | { readonly view: 'host'; readonly client: string; readonly range: Range }
  | { readonly view: 'alerts' | 'rules' | 'channels' }
  | { readonly view: 'incident'; readonly id: string }
  | { readonly view: 'history'; readonly filter: HistoryFilter }
  /** `#key=…`: to be exchanged for a session and erased. */
  | { readonly view: 'key'; readonly key: string };

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseRange(text: string | undefined): Range {
  if (text === undefined) return 'live';
  if (isPreset(text)) return text;
  const [, start, end] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  const startMs = Number(start);
  const endMs = Number(end);
  return startMs < endMs ? { startMs, endMs } : 'live';
}

/** @param hash location.hash. Whatever cannot be read is the list of hosts. */
export function parseRoute(hash: string): Route {
  if (hash.startsWith('#key=')) return { view: 'key', key: decode(hash.slice(5)) };
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [place, name, range] = path.split('/');
  if (place === 'host' && name) return { view: 'host', client: decode(name), range: parseRange(range) };
  if (place === 'incidents' && name) return { view: 'incident', id: decode(name) };
  if (place === 'history') return { view: 'history', filter: parseFilter(new URLSearchParams(query)) };
  if (place === 'alerts' || place === 'rules' || place === 'channels') return { view: place };
  return { view: 'fleet' };
}

function isHistoryRange(text: string): text is HistoryRange {
  return Object.hasOwn(HISTORY_RANGES, text);
}

function parseFilter(query: URLSearchParams): HistoryFilter {
  const range = query.get('range') ?? '';
  return { rule: query.get('rule') ?? '', host: query.get('host') ?? '', range: isHistoryRange(range) ? range : '7d' };
}

export function hostHash(client: string, range: Range = 'live'): string {
  const base = `#/host/${encodeURIComponent(client)}`;
  if (range === 'live') return base;
  return `${base}/${typeof range === 'string' ? range : `${Math.round(range.startMs)}-${Math.round(range.endMs)}`}`;
}

export function incidentHash(id: string): string {
  return `#/incidents/${encodeURIComponent(id)}`;
}

export function historyHash({ rule, host, range }: HistoryFilter): string {
  const query = new URLSearchParams({ ...(rule === '' ? {} : { rule }), ...(host === '' ? {} : { host }), range });
  return `#/history?${query}`;
}
