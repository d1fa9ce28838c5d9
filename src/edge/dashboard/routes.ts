/** The page's own addresses, behind the `#`: they can be sent to a colleague, and hold no data but names and times. */
import { isPreset, type Range } from './ranges.ts';

export type Route =
  | { readonly view: 'fleet' }
  | { readonly view: 'host'; readonly client: string; readonly range: Range }
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
  const [place, client, range] = hash.replace(/^#\/?/, '').split('/');
  if (place === 'host' && client) return { view: 'host', client: decode(client), range: parseRange(range) };
  return { view: 'fleet' };
}

export function hostHash(client: string, range: Range = 'live'): string {
  const base = `#/host/${encodeURIComponent(client)}`;
  if (range === 'live') return base;
  return `${base}/${typeof range === 'string' ? range : `${Math.round(range.startMs)}-${Math.round(range.endMs)}`}`;
}
