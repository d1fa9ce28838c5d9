/** What a run of the bench leaves behind: one section a scenario, each with its own check. */
import type { Machine } from './machine.ts';
import type { Check, Measurement } from './measure.ts';

/** A table of the store: its encoded blocks, and its pages on disk with all that is free within them. */
export interface TableBytes {
  readonly bodyBytes: number;
  readonly diskBytes: number;
}

/** Raw samples that were sealed while the load ran; what memory still held is in neither number. */
export interface StoredBytes extends TableBytes {
  readonly samples: number;
}

/**
 * real: timestamps are now, so that hardly a minute ends while it is measured. backlog: they start 23 h ago and advance 10 s
 * a push; log time is past every one of those minutes, so that each sample corrects a closed window.
 */
export const CLOSED_CLOCKS = ['real', 'backlog'] as const;
export type ClosedClock = (typeof CLOSED_CLOCKS)[number];

/** Of one metric and minute each, as the server counts them. */
export interface WindowCounts {
  readonly closed: number;
  readonly corrected: number;
}

/** Field-wise medians of the runs, and every run. */
export interface ClosedResult {
  /** What ran the server; left out: Bun. */
  readonly runtime?: string | undefined;
  readonly connections: number;
  readonly clients: number;
  readonly clock: ClosedClock;
  /** Beside the server's defaults; empty where there are none. */
  readonly serverFlags: string;
  /** Of all the runs, warm-ups included. */
  readonly windows: WindowCounts;
  readonly median: Measurement;
  readonly runs: readonly Measurement[];
  readonly checks: readonly Check[];
  readonly stored: StoredBytes;
}

export interface SteadyResult {
  readonly clients: number;
  readonly measurement: Measurement;
  readonly check: Check;
  readonly replay: Replay;
  readonly stored: StoredBytes;
}

export interface Replay {
  /** From SIGKILL to the first 200 of /ready of the new process. */
  readonly caughtUpMs: number;
  /** Log records from the safe offset to the end when it was killed; undefined: the server does not tell. */
  readonly records: number | undefined;
  /** Resident when it was ready. */
  readonly rssBytes: number;
  readonly check: Check;
}

export interface HostsResult {
  readonly hosts: number;
  readonly intervalSeconds: number;
  readonly measurement: Measurement;
  readonly check: Check;
  readonly stored: StoredBytes;
}

/** The same loads against `bare-server.ts`. */
export interface BareResult {
  readonly connections: number;
  readonly closed: Measurement;
  readonly steady: Measurement;
  readonly hosts: Measurement;
}

export interface Timing {
  readonly firstMs: number;
  readonly medianMs: number;
  readonly maxMs: number;
  readonly times: number;
  readonly responseBytes: number;
}

/** Of a day of minutes. */
export interface QueryTimes {
  readonly hosts: number;
  /** 1 host, 1 metric, 1 h: how many minutes came, and whether each held all its samples. */
  readonly hour: Timing & { readonly minutes: number; readonly complete: boolean };
  /** Every host and metric, 24 h, step=5m; `minutes`: how many a step=1m query of the same range shows. */
  readonly day: Timing & { readonly points: number; readonly minutes: number };
}

export interface QueryResult extends QueryTimes {
  readonly prefillPushesPerSecond: number;
  readonly check: Check;
  /** From SIGTERM until everything was sealed and the process had gone. */
  readonly stopMs: number;
  readonly stored: StoredBytes;
  /** Minutes and hours of the day, after the last stop. */
  readonly windows: TableBytes;
}

export interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface VisibleResult {
  readonly probes: number;
  readonly backgroundPushesPerSecond: number;
  /** From the send of a push until GET /api/v1/samples shows it, and until the live feed does. */
  readonly samples: Quantiles;
  readonly live: Quantiles;
  readonly check: Check;
}

/** The production profile, on the services that the environment named. */
export interface KafkaResult {
  readonly brokers: number;
  readonly edges: readonly {
    readonly connections: number;
    /** Of the edge, each push acknowledged by all in-sync replicas. */
    readonly measurement: Measurement;
    /** From the end of the edge until InfluxDB had confirmed all of the backlog; a checkpoint interval is part of it, since all clients are new. */
    readonly consumer: { readonly samplesPerSecond: number; readonly cpuUsPerSample: number };
    readonly check: Check;
  }[];
  readonly visible: VisibleResult;
}

/** Records of one push each, over REST; a "push" of its measurements is one. */
export interface GatewayResult {
  readonly brokers: number;
  readonly loads: readonly {
    readonly connections: number;
    readonly measurement: Measurement;
    /** Of all runs, warm-ups included: what was answered, and what lies in the topic afterwards. */
    readonly acknowledged: number;
    readonly kept: number;
  }[];
}

export interface Sections {
  readonly closed?: readonly ClosedResult[];
  readonly steady?: SteadyResult;
  readonly hosts?: HostsResult;
  readonly bare?: BareResult;
  readonly query?: QueryResult;
  readonly visible?: VisibleResult;
  readonly kafka?: KafkaResult;
  readonly gateway?: GatewayResult;
  /** Of a server that reads InfluxDB alone. */
  readonly kafkaQuery?: QueryTimes;
}

export interface BenchResult extends Sections {
  readonly machine: Machine;
  /** UTC, ISO 8601. */
  readonly date: string;
}

/** Sections of an earlier run stay beside the new ones, closed loops on other hosts too, if both are of one machine and one commit. */
export function mergeResults(before: BenchResult | undefined, after: BenchResult): BenchResult {
  const same = before !== undefined && JSON.stringify(before.machine) === JSON.stringify(after.machine);
  if (!same) return after;
  const runtimes = new Set(after.closed?.map(({ runtime }) => runtime));
  const closed = [...(before.closed ?? []).filter(({ runtime }) => !runtimes.has(runtime)), ...(after.closed ?? [])];
  return { ...before, ...after, ...(closed.length === 0 ? {} : { closed }) };
}

/** Every check of a result: what has to hold for its figures to mean anything. */
export function checksOf(result: Sections): Check[] {
  const { closed = [], steady, hosts, query, visible, kafka } = result;
  const single = [steady?.check, steady?.replay.check, hosts?.check, query?.check, visible?.check, kafka?.visible.check];
  const edges = kafka?.edges.map(({ check }) => check) ?? [];
  return [...closed.flatMap((section) => section.checks), ...edges, ...single.filter((check) => check !== undefined)];
}

/** The middle one of the sorted numbers (the lower of two); NaN of none. */
export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? Number.NaN;
}

export function medianOf(runs: readonly Measurement[]): Measurement {
  const first = runs[0];
  if (first === undefined) throw new RangeError('No runs.');
  const names = Object.keys(first) as (keyof Measurement)[];
  return Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name]))])) as unknown as Measurement;
}
