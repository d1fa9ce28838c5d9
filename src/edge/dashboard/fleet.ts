/** What the list of hosts knows: the ledger's answer and the live feed, merged, searched, sorted and summed up. */
import { LIMITS } from '../../model/limits.ts';
import type { ClientAnswer, ColumnsAnswer, LiveAnswer } from './answers.ts';
import { parseLiveKey } from './live-keys.ts';
import { type Freshness, freshness } from './relative-time.ts';
import { type MinuteHistory, minuteHistory } from './sparkline.ts';

export interface Host {
  readonly id: string;
  readonly cpuHistory: MinuteHistory;
  readonly memoryHistory: MinuteHistory;
  /** Undefined until the first answer of /clients names this host. */
  status: ClientAnswer | undefined;
  /** Unix ms, server time. */
  seenMs: number;
  /** Percent. */
  cpu: number | undefined;
  memory: number | undefined;
  /** The fullest file system. */
  disk: { readonly percent: number; readonly mount: string } | undefined;
  /** Bytes per second, summed over the interfaces. */
  received: number | undefined;
  transmitted: number | undefined;
}

export interface Totals {
  readonly hosts: Readonly<Record<Freshness, number>>;
  readonly expected: number;
  readonly arrived: number;
  readonly late: number;
  readonly stored: number;
  /** Pushes and samples that came again and were counted once. */
  readonly repeatedPushes: number;
  readonly repeatedSamples: number;
  readonly rejected: number;
  /** The reason most samples were rejected for. */
  readonly topReason: string | undefined;
}

function newHost(id: string): Host {
  return {
    id,
    cpuHistory: minuteHistory(LIMITS.pageSparkMinutes),
    memoryHistory: minuteHistory(LIMITS.pageSparkMinutes),
    status: undefined,
    seenMs: 0,
    cpu: undefined,
    memory: undefined,
    disk: undefined,
    received: undefined,
    transmitted: undefined,
  };
}

function readLive(host: Host, live: LiveAnswer): void {
  let received: number | undefined;
  let transmitted: number | undefined;
  let disk: Host['disk'];
  live.keys.forEach((key, index) => {
    const value = live.values[index];
    if (value === undefined || value === null) return;
    const brace = key.indexOf('{');
    switch (brace < 0 ? key : key.slice(0, brace)) {
      case 'cpu':
        host.cpu = value;
        host.cpuHistory.add(live.sample_ms, value);
        break;
      case 'memory_used_percent':
        host.memory = value;
        host.memoryHistory.add(live.sample_ms, value);
        break;
      case 'disk_used_percent':
        if (!disk || value > disk.percent) disk = { percent: value, mount: parseLiveKey(key).labels.mount ?? '' };
        break;
      case 'network_receive_bytes':
        received = (received ?? 0) + value;
        break;
      case 'network_transmit_bytes':
        transmitted = (transmitted ?? 0) + value;
        break;
    }
  });
  host.disk = disk ?? host.disk;
  host.received = received ?? host.received;
  host.transmitted = transmitted ?? host.transmitted;
  host.seenMs = Math.max(host.seenMs, live.seen_ms);
}

export interface Fleet {
  readonly hosts: ReadonlyMap<string, Host>;
  /** Takes an answer of /clients: it names every host there is. */
  takeClients(clients: readonly ClientAnswer[]): void;
  /** @returns true if a host came that was not known. */
  takeLive(changed: readonly LiveAnswer[]): boolean;
  takeHistory(metric: 'cpu' | 'memory_used_percent', answer: ColumnsAnswer): void;
  totals(nowMs: number): Totals;
}

export function createFleet(): Fleet {
  const hosts = new Map<string, Host>();
  const hostOf = (id: string): Host => {
    const host = hosts.get(id) ?? newHost(id);
    hosts.set(id, host);
    return host;
  };
  return {
    hosts,
    takeClients(clients) {
      const named = new Set(clients.map((client) => client.client_id));
      for (const [id, host] of hosts) if (host.status && !named.has(id)) hosts.delete(id);
      for (const client of clients) {
        const host = hostOf(client.client_id);
        host.status = client;
        host.seenMs = Math.max(host.seenMs, client.last_seen);
      }
    },
    takeLive(changed) {
      const before = hosts.size;
      for (const live of changed) readLive(hostOf(live.client_id), live);
      return hosts.size > before;
    },
    takeHistory(metric, answer) {
      for (const series of answer.series) {
        const host = hosts.get(series.client_id);
        if (!host || Object.keys(series.labels).length > 0) continue;
        const history = metric === 'cpu' ? host.cpuHistory : host.memoryHistory;
        history.load(answer.start, answer.step, series.avg);
      }
    },
    totals: (nowMs) => sumUp([...hosts.values()], nowMs),
  };
}

function sumUp(hosts: readonly Host[], nowMs: number): Totals {
  const counts = { live: 0, stale: 0, silent: 0 };
  const reasons = new Map<string, number>();
  const sum = { expected: 0, arrived: 0, late: 0, stored: 0, repeatedPushes: 0, repeatedSamples: 0, rejected: 0 };
  for (const host of hosts) {
    counts[freshness(nowMs - host.seenMs)]++;
    if (!host.status) continue;
    const { pushes, samples } = host.status;
    sum.expected += pushes.expected;
    sum.arrived += Math.min(pushes.received, pushes.expected);
    sum.late += pushes.late;
    sum.stored += samples.stored;
    sum.repeatedPushes += pushes.duplicate;
    sum.repeatedSamples += samples.duplicate;
    for (const [reason, count] of Object.entries(samples.rejected)) {
      sum.rejected += count;
      reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    }
  }
  const [topReason] = [...reasons].sort((a, b) => b[1] - a[1])[0] ?? [];
  return { hosts: counts, ...sum, topReason };
}

export const SORT_KEYS = ['name', 'seen', 'cpu', 'memory', 'disk', 'network'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface Selection {
  /** Every word has to stand somewhere in the name, datacenter or environment. */
  readonly search: string;
  readonly freshness: Freshness | undefined;
  readonly sort: SortKey;
  readonly descending: boolean;
}

const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

function sortValue(host: Host, sort: SortKey): number | undefined {
  switch (sort) {
    case 'seen':
      return host.seenMs;
    case 'cpu':
      return host.cpu;
    case 'memory':
      return host.memory;
    case 'disk':
      return host.disk?.percent;
    case 'network':
      return host.received === undefined && host.transmitted === undefined
        ? undefined
        : (host.received ?? 0) + (host.transmitted ?? 0);
    case 'name':
      return undefined;
  }
}

/** The hosts to show, in order. A host without the value that is sorted by comes last, whatever the direction. */
export function selectHosts(hosts: Iterable<Host>, selection: Selection, nowMs: number): Host[] {
  const words = selection.search.toLowerCase().split(/\s+/).filter(Boolean);
  const direction = selection.descending ? -1 : 1;
  const chosen = [...hosts].filter((host) => {
    if (selection.freshness && freshness(nowMs - host.seenMs) !== selection.freshness) return false;
    const text = `${host.id} ${host.status?.datacenter ?? ''} ${host.status?.environment ?? ''}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return chosen.sort((a, b) => {
    const [left, right] = [sortValue(a, selection.sort), sortValue(b, selection.sort)];
    if (left === right) return byName.compare(a.id, b.id) * (selection.sort === 'name' ? direction : 1);
    if (left === undefined) return 1;
    return right === undefined ? -1 : (left - right) * direction;
  });
}
