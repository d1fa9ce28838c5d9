/** A rule that is ready to judge: what the expression language gives to the evaluator. */

import type { Aggregate } from '../model/aggregate.ts';
import type { RuleSpec } from '../model/alert.ts';

/** `unknown`: something that it needs is not there. */
export type Verdict = 'true' | 'false' | 'unknown';

export interface Judgement {
  readonly verdict: Verdict;
  /** What the expression read, by how it was written: `avg(cpu)` → 93.2. */
  readonly values: Readonly<Record<string, number>>;
  readonly explanations: readonly string[];
}

/** How far a value lies from the usual, in spreads, and why. */
export interface AnomalyScore {
  readonly score: number;
  /** "3.9× the usual spread for Tuesdays 14:00". */
  readonly explanation: string;
}

/** Where an alert would stand: what overrides are matched against, and the labels of the series. */
export interface Where {
  readonly host: string;
  readonly datacenter: string | undefined;
  readonly environment: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** What an expression can read: one host, and one label set of it. */
export interface RuleScope extends Where {
  readonly params: Readonly<Record<string, number>>;
  /** Of the metric at these labels, else of the metric without labels; the aggregate of a minute, or of one sample. undefined: not there. */
  window(metric: string): Aggregate | undefined;
  /** Whether the host sent nothing of this metric, under any labels, in a minute that is complete; undefined: that cannot be told. */
  absent(metric: string): boolean | undefined;
  anomaly(metric: string): AnomalyScore | undefined;
  /** Since the host's last push, s of log time; undefined where it is not that which is judged. */
  readonly silenceSeconds: number | undefined;
  readonly skewMs: number | undefined;
}

/** What counts for a place, overrides applied. */
export interface RuleSettings {
  readonly enabled: boolean;
  readonly params: Readonly<Record<string, number>>;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly severity: string;
}

export interface CompiledRule {
  readonly spec: RuleSpec;
  /** `group/alert`. */
  readonly id: string;
  /** The metrics that `expr` and `clear` read, each once. */
  readonly metrics: readonly string[];
  /** Of them those whose anomaly score is read. */
  readonly anomalies: readonly string[];
  /** Of them those that `absent` asks for: it is judged in every minute of a host, whether they are there or not. */
  readonly absents: readonly string[];
  /** It reads only what one sample says as well as a window (avg, min, max, first, last): where `for` is 0 it is judged on samples. */
  readonly onSamples: boolean;
  /** It reads `silence()`, and no window: it is judged as time goes on. */
  readonly judgesSilence: boolean;
  settingsFor(where: Where): RuleSettings;
  /** Never throws: an expression that fails is `unknown`, with the reason as its explanation. */
  holds(scope: RuleScope): Judgement;
  /** Whether a firing alert is over. */
  clears(scope: RuleScope): Judgement;
  annotationsFor(scope: Where, judgement: Judgement): Readonly<Record<string, string>>;
}
