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
  /** Its values come from the live feed, so windows are older. */
  isLive: boolean;
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
    isLive: false,
    seenMs: 0,
    cpu: undefined,
    memory: undefined,
    disk: undefined,
    received: undefined,
    transmitted: undefined,
  };
}

/** The metrics of the list of hosts. */
export const FLEET_METRICS = [
  'cpu',
  'memory_used_percent',
  'disk_used_percent',
  'network_receive_bytes',
  'network_transmit_bytes',
] as const;

/** One value of a host now. `mount` of a file system. */
interface Reading {
  readonly metric: string;
  readonly mount: string | undefined;
  readonly value: number;
}

/** Of a metric that is not among the readings, the host keeps what it had. */
function takeReadings(host: Host, readings: readonly Reading[]): void {
  const of = (metric: (typeof FLEET_METRICS)[number]): readonly Reading[] => readings.filter((one) => one.metric === metric);
  const sum = (all: readonly Reading[]): number | undefined =>
    all.length === 0 ? undefined : all.reduce((total, { value }) => total + value, 0);
  const [fullest] = [...of('disk_used_percent')].sort((a, b) => b.value - a.value);
  host.cpu = of('cpu')[0]?.value ?? host.cpu;
  host.memory = of('memory_used_percent')[0]?.value ?? host.memory;
  if (fullest) host.disk = { percent: fullest.value, mount: fullest.mount ?? '' };
  host.received = sum(of('network_receive_bytes')) ?? host.received;
  host.transmitted = sum(of('network_transmit_bytes')) ?? host.transmitted;
}

function readingsOf(live: LiveAnswer): Reading[] {
  return live.keys.flatMap((key, index) => {
    const value = live.values[index];
    const isOfList = FLEET_METRICS.some((name) => key === name || key.startsWith(`${name}{`));
    if (!isOfList || typeof value !== 'number') return [];
    const { metric, labels } = parseLiveKey(key);
    return [{ metric, mount: labels.mount, value }];
  });
}

function takeLiveAnswer(host: Host, live: LiveAnswer): void {
  const readings = readingsOf(live);
  takeReadings(host, readings);
  for (const { metric, value } of readings) {
    if (metric === 'cpu') host.cpuHistory.add(live.sample_ms, value);
    if (metric === 'memory_used_percent') host.memoryHistory.add(live.sample_ms, value);
  }
  host.isLive = true;
  host.seenMs = Math.max(host.seenMs, live.seen_ms);
}

export interface Fleet {
  readonly hosts: ReadonlyMap<string, Host>;
  /** Takes an answer of /clients: it names every host there is. */
  takeClients(clients: readonly ClientAnswer[]): void;
  /** @returns true if a host came that was not known. */
  takeLive(changed: readonly LiveAnswer[]): boolean;
  /** Takes windows of the last hour for the sparkline. */
  takeHistory(metric: 'cpu' | 'memory_used_percent', answer: ColumnsAnswer): void;
  /** Takes windows of the last minutes as values of now, until the live feed brings newer ones. */
  takeWindows(answers: readonly ColumnsAnswer[]): void;
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
      for (const live of changed) takeLiveAnswer(hostOf(live.client_id), live);
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
    takeWindows(answers) {
      const readings = answers
        .flatMap(({ series }) => series)
        .map(({ client_id, metric, labels, avg }) => ({
          client_id,
          metric,
          mount: labels.mount,
          value: avg.findLast((cell) => cell !== null),
        }))
        .filter((one): one is typeof one & { value: number } => typeof one.value === 'number');
      for (const [id, own] of Map.groupBy(readings, (one) => one.client_id)) {
        const host = hosts.get(id);
        if (host && !host.isLive) takeReadings(host, own);
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
