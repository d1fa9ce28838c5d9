/** Made-up fleets: pushes that a pipeline judges live, and that a backtest reads afterwards. */

import { memoryTimeSeriesStore } from '../../../src/adapters/memory/time-series-store.ts';
import { ANOMALY_MODELS } from '../../../src/alerts/anomaly.ts';
import { type BacktestOptions, backtest } from '../../../src/alerts/backtest.ts';
import { compileRule } from '../../../src/alerts/compile-rule.ts';
import { alertJudge } from '../../../src/alerts/evaluate.ts';
import { Judging } from '../../../src/consumers/judging.ts';
import { Pipeline } from '../../../src/consumers/pipeline.ts';
import { metricReader } from '../../../src/consumers/reader.ts';
import type { RuleSpec, Transition } from '../../../src/model/alert.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import { clientKey } from '../../../src/model/partition.ts';
import type { Push } from '../../../src/model/push.ts';
import type { BacktestReport, BookProblem } from '../../../src/ports/alert-book.ts';
import type { AlertJudge, JudgeState } from '../../../src/ports/alert-judge.ts';
import type { MetricReader } from '../../../src/ports/metric-reader.ts';
import { inOneGo } from '../../consumers/shapes.ts';

export const TENANT = 'default';
/** 2026-10-27, a Tuesday, 12:00 UTC. */
export const START_MS = Date.UTC(2026, 9, 27, 12);

export function rule(alert: string, expr: string, more: Partial<RuleSpec> = {}): RuleSpec {
  return {
    group: 'g',
    alert,
    expr,
    clear: undefined,
    forMs: 0,
    keepFiringForMs: 0,
    severity: 'high',
    labels: {},
    annotations: {},
    params: {},
    overrides: [],
    ...more,
  };
}

export function newJudge(): AlertJudge & JudgeState {
  return alertJudge({ compile: compileRule, builtins: [], models: ANOMALY_MODELS });
}

/** A push and the log time at which it is appended. */
export interface Arrival {
  readonly logMs: number;
  readonly push: Push;
}

export interface Lived {
  /** By judgedMs. */
  readonly transitions: readonly Transition[];
  readonly reader: MetricReader;
  /** Minutes that were corrected after they had been judged. */
  readonly corrected: number;
}

/** Lives through the arrivals as a partition of a server does, with a tick wherever none comes for tickIntervalMs. */
export async function live(arrivals: readonly Arrival[], rules: readonly RuleSpec[], endMs: number): Promise<Lived> {
  const store = memoryTimeSeriesStore();
  const judge = newJudge();
  let corrected = 0;
  const counted: AlertJudge & JudgeState = {
    closed: (minute) => judge.closed(minute),
    corrected: (minute) => {
      corrected += 1;
      judge.corrected(minute);
    },
    sampled: (samples) => judge.sampled(samples),
    scanned: (logMs, resumedMs, clients) => judge.scanned(logMs, resumedMs, clients),
    controlled: (control, logMs) => judge.controlled(control, logMs),
    take: () => judge.take(),
    snapshot: () => judge.snapshot(),
    restore: (state) => judge.restore(state),
  };
  const pipeline = new Pipeline(0, {
    store,
    sink: { closed() {} },
    telemetry: { count() {}, observe() {}, gauge() {}, log() {} },
    judging: new Judging(counted, LIMITS.tickIntervalMs),
    seen() {},
  });
  judge.controlled({ kind: 'rules', tenant: TENANT, rules: { version: 1, rules } }, START_MS);
  let offset = 0;
  let logMs = START_MS;
  const tickTo = (untilMs: number): void => {
    for (let tickMs = logMs + LIMITS.tickIntervalMs; tickMs < untilMs; tickMs += LIMITS.tickIntervalMs)
      inOneGo(pipeline.advanceLog(tickMs));
  };
  for (const { logMs: atMs, push } of [...arrivals].sort((a, b) => a.logMs - b.logMs)) {
    tickTo(atMs);
    const key = clientKey(push.tenant, push.client);
    inOneGo(pipeline.advanceLog(atMs));
    await pipeline.prepare(key, push, offset);
    pipeline.apply(key, push, offset);
    offset += 1;
    logMs = atMs;
  }
  tickTo(endMs);
  inOneGo(pipeline.advanceLog(endMs));
  const clock = {
    nowMs: () => endMs,
    schedule: (_: number, task: () => void) => {
      queueMicrotask(task);
      return () => {};
    },
  };
  const reader = metricReader({
    clock,
    store,
    pipelines: () => [pipeline],
    allHere: () => true,
    pipelineOf: () => pipeline,
    readsAhead: 1,
    replayed: () => true,
  });
  return { transitions: judge.take(), reader, corrected };
}

export function tried(reader: MetricReader, rules: readonly RuleSpec[], more: Partial<BacktestOptions> = {}) {
  return backtest({
    reader,
    judge: newJudge,
    rules: { version: 1, rules },
    tenant: TENANT,
    fromMs: START_MS,
    toMs: START_MS + 3_600_000,
    pages: { count: async () => ({ total: 0, byRule: new Map() }) },
    breathe: async () => {},
    ...more,
  });
}

export function isReport(outcome: BacktestReport | readonly BookProblem[]): outcome is BacktestReport {
  return 'firings' in outcome;
}

/** The report. @throws where there are problems instead. */
export async function reportOf(reader: MetricReader, rules: readonly RuleSpec[], more: Partial<BacktestOptions> = {}) {
  const outcome = await tried(reader, rules, more);
  if (!isReport(outcome)) throw new Error(outcome.map(({ message }) => message).join());
  return outcome;
}
