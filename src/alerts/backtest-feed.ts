/** Stored history of one client, told to a judge in the order in which it came, by a clock that goes on with it. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { LIMITS } from '../model/limits.ts';
import { clientKey } from '../model/partition.ts';
import { MINUTE_MS, windowStart } from '../model/window.ts';
import type { AlertJudge, JudgedClient, SeenClient } from '../ports/alert-judge.ts';
import type { SampleBlock, SampleColumn, WindowColumn } from '../ports/time-series-store.ts';

/** What the store holds of a stretch of time. */
export interface HistoryChunk {
  readonly columns: readonly WindowColumn[];
  /** undefined where samples are not needed, or none are left. */
  readonly samples: SampleBlock | undefined;
  /** Where the stretch ends, Unix ms: log time goes on to here. */
  readonly endMs: number;
}

export interface FeedOptions {
  readonly judge: AlertJudge;
  readonly client: JudgedClient;
  readonly startMs: number;
  /** Metrics that some rule reads; others only say that there was a minute. */
  readonly reads: ReadonlySet<string>;
  /** Whether some rule is judged on samples. */
  readonly onSamples: boolean;
}

interface Minute {
  readonly startMs: number;
  readonly columns: readonly WindowColumn[];
}

interface Arrival {
  readonly atMs: number;
  /** undefined where only that something came is known, or counts. */
  readonly block: SampleBlock | undefined;
}

/**
 * Log time is taken to be sample time: what was pushed at once comes as it came. A minute of which no samples are left is taken to come
 * in two pushes, the first of which closes the minute before. Minutes close as in the pipeline: by the client's watermark, or two
 * minutes after their end.
 */
export class HistoryFeed {
  readonly #options: FeedOptions;
  readonly #clients = new Map<string, SeenClient>();
  readonly #key: string;
  #waiting: Minute[] = [];
  #logMs: number;
  #scanMs: number;
  #frontierMs: number;
  #waits = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#key = clientKey(options.client.tenant, options.client.client);
    this.#logMs = options.startMs;
    this.#scanMs = windowStart(options.startMs, ALERT_LIMITS.alertScanMs) + ALERT_LIMITS.alertScanMs;
    this.#frontierMs = windowStart(options.startMs, MINUTE_MS);
  }

  /** Tells the next stretch. Yields after each slice of log time, so that others can be let in. @returns how many minutes had no samples left. */
  *tell({ columns, samples, endMs }: HistoryChunk): Generator<undefined, number> {
    const minutes = minutesOf(columns, this.#options.reads);
    const arrivals = samples === undefined ? [] : arrivalsOf(samples, this.#options);
    const bare = bareMinutes(minutes, arrivals);
    for (const startMs of bare) {
      arrivals.push({ atMs: startMs + LIMITS.watermarkLagMs, block: undefined });
      arrivals.push({ atMs: startMs + MINUTE_MS - LIMITS.watermarkLagMs, block: undefined });
    }
    arrivals.sort((a, b) => a.atMs - b.atMs);
    while ((arrivals.at(-1)?.atMs ?? 0) >= endMs) arrivals.pop();
    this.#waiting = [...this.#waiting, ...minutes];
    let sliceMs = this.#logMs + ALERT_LIMITS.backtestSliceMs;
    for (const arrival of [...arrivals, undefined]) {
      const untilMs = arrival?.atMs ?? endMs;
      while (sliceMs < untilMs) {
        this.#advance(sliceMs);
        sliceMs += ALERT_LIMITS.backtestSliceMs;
        yield;
      }
      this.#advance(untilMs);
      if (arrival !== undefined) this.#arrive(arrival);
    }
    return bare.length;
  }

  #advance(toMs: number): void {
    while (this.#scanMs <= toMs) {
      // Nothing waits for log time: the judge has said so.
      if (!this.#waits && this.#waiting.length === 0) {
        this.#scanMs = windowStart(toMs, ALERT_LIMITS.alertScanMs) + ALERT_LIMITS.alertScanMs;
        break;
      }
      this.#logMs = this.#scanMs;
      this.#scan();
      this.#closeBefore(windowStart(this.#logMs - LIMITS.windowCloseLagMs, MINUTE_MS));
      this.#scanMs += ALERT_LIMITS.alertScanMs;
    }
    if (toMs > this.#logMs) this.#logMs = toMs;
    this.#closeBefore(windowStart(this.#logMs - LIMITS.windowCloseLagMs, MINUTE_MS));
  }

  #scan(): void {
    const seen = this.#clients.get(this.#key);
    if (seen !== undefined && this.#logMs - seen.lastSeenMs > LIMITS.clientForgetMs) this.#clients.delete(this.#key);
    this.#waits = this.#options.judge.scanned(this.#logMs, 0, this.#clients);
  }

  #arrive({ atMs, block }: Arrival): void {
    const { judge, client } = this.#options;
    this.#clients.set(this.#key, { ...client, lastSeenMs: atMs });
    if (block !== undefined) judge.sampled({ ...client, block: () => block, logMs: this.#logMs });
    this.#closeBefore(windowStart(atMs - LIMITS.watermarkLagMs, MINUTE_MS));
    this.#waits = true;
  }

  #closeBefore(frontierMs: number): void {
    if (frontierMs <= this.#frontierMs) return;
    this.#frontierMs = frontierMs;
    const { judge, client } = this.#options;
    let closed = 0;
    for (const { startMs, columns } of this.#waiting) {
      if (startMs >= frontierMs) break;
      judge.closed({ ...client, startMs, columns: () => columns, complete: true, logMs: this.#logMs });
      closed += 1;
    }
    if (closed > 0) this.#waiting = this.#waiting.slice(closed);
  }
}

/** Ascending; with the windows of metrics that are read. */
function minutesOf(columns: readonly WindowColumn[], reads: ReadonlySet<string>): Minute[] {
  const minutes = new Map<number, WindowColumn[]>();
  for (const column of columns) {
    const read = reads.has(column.series.name);
    for (let i = 0; i < column.starts.length; i++) {
      const startMs = column.starts[i] as number;
      let own = minutes.get(startMs);
      if (own === undefined) {
        own = [];
        minutes.set(startMs, own);
      }
      if (read) own.push(windowAt(column, i));
    }
  }
  return [...minutes].map(([startMs, own]) => ({ startMs, columns: own })).sort((a, b) => a.startMs - b.startMs);
}

function windowAt(column: WindowColumn, i: number): WindowColumn {
  return {
    series: column.series,
    starts: column.starts.subarray(i, i + 1),
    count: column.count.subarray(i, i + 1),
    sum: column.sum.subarray(i, i + 1),
    min: column.min.subarray(i, i + 1),
    max: column.max.subarray(i, i + 1),
    first: column.first.subarray(i, i + 1),
    last: column.last.subarray(i, i + 1),
    increase: column.increase.subarray(i, i + 1),
    revision: column.revision.subarray(i, i + 1),
  };
}

/** Starts of minutes with windows, but without samples. */
function bareMinutes(minutes: readonly Minute[], arrivals: readonly Arrival[]): number[] {
  const held = new Set(arrivals.map(({ atMs }) => windowStart(atMs, MINUTE_MS)));
  return minutes.map(({ startMs }) => startMs).filter((startMs) => !held.has(startMs));
}

/** What came at each ms. */
function arrivalsOf({ timesMs, timesNs, columns }: SampleBlock, { reads, onSamples }: FeedOptions): Arrival[] {
  const read = onSamples ? columns.filter(({ series }) => reads.has(series.name)) : [];
  const places = new Int32Array(read.length);
  const arrivals: Arrival[] = [];
  let from = 0;
  while (from < timesMs.length) {
    const atMs = timesMs[from] as number;
    let to = from + 1;
    while (to < timesMs.length && timesMs[to] === atMs) to += 1;
    const cut: SampleColumn[] = [];
    for (let i = 0; i < read.length; i++) {
      const column = read[i] as SampleColumn;
      const start = column.rows === undefined ? from : (places[i] as number);
      const end = column.rows === undefined ? to : placeOf(column.rows, start, to);
      places[i] = end;
      if (end > start) cut.push(cutColumn(column, start, end, from, to));
    }
    const block =
      cut.length === 0 ? undefined : { timesMs: timesMs.slice(from, to), timesNs: timesNs?.slice(from, to), columns: cut };
    arrivals.push({ atMs, block });
    from = to;
  }
  return arrivals;
}

/** The first place from `start` on whose row is not before `row`. */
function placeOf(rows: Int32Array, start: number, row: number): number {
  let place = start;
  while (place < rows.length && (rows[place] as number) < row) place += 1;
  return place;
}

function cutColumn({ series, rows, values }: SampleColumn, start: number, end: number, from: number, to: number): SampleColumn {
  const all = end - start === to - from;
  return { series, rows: all ? undefined : rows?.slice(start, end).map((row) => row - from), values: values.slice(start, end) };
}
