/** Runs rules over stored history: the very same evaluator, with a clock that goes on with the data. */
import type { RuleSet, RuleSpec, Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { HOUR_MS, MINUTE_MS, windowStart } from '../model/window.ts';
import type { BacktestReport, BookProblem } from '../ports/alert-book.ts';
import type { AlertJudge, JudgedClient, JudgeState } from '../ports/alert-judge.ts';
import type { ClientStatus, MetricReader, RangeQuery } from '../ports/metric-reader.ts';
import type { SampleBlock, WindowColumn } from '../ports/time-series-store.ts';
import { type HistoryChunk, HistoryFeed } from './backtest-feed.ts';
import { type Findings, type PageCount, reportOf } from './backtest-report.ts';
import { compileRule } from './compile-rule.ts';
import type { CompiledRule } from './compiled-rule.ts';

/** Counts the pages that transitions would have made: grouping, silences and maintenance, with a clock that goes on with them. */
export interface PageCounter {
  /** @param transitions by judgedMs. @param toMs where the clock ends, Unix ms. */
  count(transitions: readonly Transition[], toMs: number): Promise<PageCount>;
}

export interface BacktestOptions {
  readonly reader: MetricReader;
  /** Makes a judge that knows nothing: one for each client, as their alerts do not depend on each other. */
  judge(): AlertJudge & JudgeState;
  readonly rules: RuleSet;
  readonly tenant: string;
  /** [fromMs, toMs), Unix ms. Equal: nothing is run. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly pages: PageCounter;
  /** Lets others run, many times a second of work; what it throws ends the backtest. */
  breathe(): Promise<void>;
}

/** A client with data, and the hours in which it has some. */
interface Host {
  readonly client: JudgedClient;
  readonly hours: ReadonlySet<number>;
}

/**
 * Runs rules over what is stored. What the clock does not reach by toMs is not judged, as it would not have been then. Memory holds a few
 * hours of one client, and the transitions.
 * @returns the report, or why it would be too much work. @throws what the reader throws.
 */
export async function backtest(options: BacktestOptions): Promise<BacktestReport | readonly BookProblem[]> {
  const { fromMs, toMs } = options;
  const compiled = options.rules.rules.flatMap((spec) => compileRule(spec) ?? []);
  const startMs = windowStart(fromMs - leadMs(compiled), MINUTE_MS);
  const hosts = fromMs < toMs ? await hostsWithData(options, startMs) : [];
  const minutes = hosts.reduce((sum, { hours }) => sum + hours.size * (HOUR_MS / MINUTE_MS), 0);
  if (minutes > ALERT_LIMITS.backtestHostMinutesMax) {
    const most = ALERT_LIMITS.backtestHostMinutesMax;
    return [problem(`The hosts have data in ${minutes} minutes, and at most ${most} can be tried: choose a shorter time.`)];
  }
  const heard = new Uint8Array(Math.ceil(Math.max(0, toMs - fromMs) / MINUTE_MS));
  const findings: Findings = { correctedMinutes: 0, bareMinutes: 0, startMs: toMs, textLength: 0, clients: hosts.length, heard };
  const transitions: Transition[] = [];
  for (const host of hosts) {
    const trial = new HostTrial(options, compiled, startMs, findings);
    const outOf = await trial.run(host, transitions);
    if (outOf) {
      const most = ALERT_LIMITS.backtestTransitionsMax;
      return [
        problem(`Alerts change their state more than ${most} times, or say too much: choose a shorter time, or calmer rules.`),
      ];
    }
  }
  transitions.sort((a, b) => a.judgedMs - b.judgedMs || (a.id < b.id ? -1 : 1));
  const pages = await options.pages.count(transitions, toMs);
  return reportOf({ fromMs, toMs, transitions, pages, compiled, findings });
}

function problem(message: string): BookProblem {
  return { line: 0, path: '', message };
}

/** How long before the start rules run, so that what is pending, firing or usual then is known. */
function leadMs(compiled: readonly CompiledRule[]): number {
  if (compiled.some(({ anomalies }) => anomalies.length > 0)) return ALERT_LIMITS.backtestUsualMs;
  return compiled.reduce((most, { spec }) => Math.max(most, ...waitsOf(spec)), 0) + ALERT_LIMITS.pendingGapMs;
}

function waitsOf(spec: RuleSpec): number[] {
  return [spec, ...spec.overrides].map(
    ({ forMs = spec.forMs, keepFiringForMs = spec.keepFiringForMs }) => forMs + keepFiringForMs,
  );
}

/** Sorted by client. Hours are few, and say which minutes are worth reading. */
async function hostsWithData({ reader, tenant, toMs, breathe }: BacktestOptions, startMs: number): Promise<Host[]> {
  const known = new Map((await reader.clients(tenant)).map((status) => [status.client, status]));
  const everything = { tenant, client: undefined, metric: undefined, labels: {} };
  const range = { startMs: windowStart(startMs, HOUR_MS), endMs: Math.ceil(toMs / HOUR_MS) * HOUR_MS };
  const hosts: Host[] = [];
  for await (const { client, columns } of reader.windows({ ...everything, ...range, resolution: '1h', open: true })) {
    const hours = new Set(columns.flatMap(({ starts }) => [...starts]));
    if (hours.size > 0) hosts.push({ client: placed(tenant, client, known.get(client)), hours });
    await breathe();
  }
  return hosts;
}

/** Where it stands now: where it stood then is not kept. */
function placed(tenant: string, client: string, status: ClientStatus | undefined): JudgedClient {
  return { tenant, client, datacenter: status?.datacenter, environment: status?.environment, skewMs: undefined };
}

/** The trial of one host. */
class HostTrial {
  readonly #options: BacktestOptions;
  readonly #startMs: number;
  readonly #findings: Findings;
  readonly #reads: ReadonlySet<string>;
  readonly #onSamples: boolean;
  readonly #needsSamples: boolean;

  constructor(options: BacktestOptions, compiled: readonly CompiledRule[], startMs: number, findings: Findings) {
    this.#options = options;
    this.#startMs = startMs;
    this.#findings = findings;
    this.#reads = new Set(compiled.flatMap(({ metrics }) => metrics));
    this.#onSamples = compiled.some(
      (rule) => rule.onSamples && [rule.spec, ...rule.spec.overrides].some(({ forMs }) => forMs === 0),
    );
    // When a host fell silent is known to the sample.
    this.#needsSamples = this.#onSamples || compiled.some(({ judgesSilence }) => judgesSilence);
  }

  /** @param into gets its transitions of [fromMs, toMs). @returns whether there is no room for them. */
  async run({ client, hours }: Host, into: Transition[]): Promise<boolean> {
    const { judge: makeJudge, rules, tenant, fromMs, toMs, breathe } = this.#options;
    const firstMs = Math.max(this.#startMs, Math.min(...hours));
    this.#findings.startMs = Math.min(this.#findings.startMs, firstMs);
    const judge = makeJudge();
    judge.controlled({ kind: 'rules', tenant, rules: { ...rules, version: Math.max(1, rules.version) } }, firstMs);
    const feed = new HistoryFeed({ judge, client, startMs: firstMs, reads: this.#reads, onSamples: this.#onSamples });
    for (let startMs = firstMs; startMs < toMs; ) {
      const nextMs = windowStart(startMs, ALERT_LIMITS.backtestChunkMs) + ALERT_LIMITS.backtestChunkMs;
      const endMs = Math.min(nextMs, toMs);
      const told = feed.tell(await this.#read(client.client, startMs, endMs, hours));
      let step = told.next();
      while (step.done !== true) {
        await breathe();
        step = told.next();
      }
      if (this.#needsSamples) this.#findings.bareMinutes += step.value;
      for (const transition of judge.take()) {
        if (transition.judgedMs < fromMs) continue;
        this.#findings.textLength += lengthOf(transition.annotations) + lengthOf(transition.labels);
        if (into.length >= ALERT_LIMITS.backtestTransitionsMax) return true;
        if (this.#findings.textLength > ALERT_LIMITS.backtestTextLengthMax) return true;
        into.push(transition);
      }
      await breathe();
      startMs = endMs;
    }
    return false;
  }

  async #read(client: string, startMs: number, endMs: number, hours: ReadonlySet<number>): Promise<HistoryChunk> {
    const { reader, tenant } = this.#options;
    const nothing: HistoryChunk = { columns: [], samples: undefined, endMs };
    if (!hasHour(hours, startMs, endMs)) return nothing;
    const range: RangeQuery = { tenant, client, metric: undefined, labels: {}, startMs, endMs };
    let columns: readonly WindowColumn[] = [];
    for await (const one of reader.windows({ ...range, resolution: '1m', open: false })) columns = one.columns;
    let samples: SampleBlock | undefined;
    if (this.#needsSamples) for await (const one of reader.samples(range)) samples = one.block;
    this.#note(columns);
    return { columns, samples, endMs };
  }

  #note(columns: readonly WindowColumn[]): void {
    const { fromMs } = this.#options;
    const { heard } = this.#findings;
    const corrected = new Set<number>();
    for (const { series, starts, revision } of columns) {
      const read = this.#reads.has(series.name);
      for (let i = 0; i < starts.length; i++) {
        const startMs = starts[i] as number;
        const minute = Math.floor((startMs - fromMs) / MINUTE_MS);
        if (minute >= 0 && minute < heard.length) heard[minute] = 1;
        if (read && startMs >= fromMs && (revision[i] as number) > 1) corrected.add(startMs);
      }
    }
    this.#findings.correctedMinutes += corrected.size;
  }
}

function lengthOf(texts: Readonly<Record<string, string>>): number {
  let length = 0;
  for (const text of Object.values(texts)) length += text.length;
  return length;
}

function hasHour(hours: ReadonlySet<number>, startMs: number, endMs: number): boolean {
  for (let hourMs = windowStart(startMs, HOUR_MS); hourMs < endMs; hourMs += HOUR_MS) if (hours.has(hourMs)) return true;
  return false;
}
