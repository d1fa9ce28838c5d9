/** The rules of one tenant as a judge looks for them: by the metrics that a minute brings. */
import type { RuleSet, RuleSpec } from '../model/alert.ts';
import type { CompiledRule } from './compiled-rule.ts';

export interface RuleIndex {
  readonly version: number;
  readonly byId: ReadonlyMap<string, CompiledRule>;
  /** Judged on closed minutes, by each metric that they read. */
  readonly byMetric: ReadonlyMap<string, readonly CompiledRule[]>;
  /** Judged on each closed minute of a host. */
  readonly always: readonly CompiledRule[];
  /** May be judged on samples, where `for` is 0, by metric. */
  readonly bySample: ReadonlyMap<string, readonly CompiledRule[]>;
  /** Judged as log time goes on. */
  readonly silence: readonly CompiledRule[];
  /** Metrics of which anomaly scores are kept. */
  readonly anomalies: ReadonlySet<string>;
}

/** @param compile gives undefined for a rule that this version cannot read: it is passed over. */
export function indexRules({ version, rules }: RuleSet, compile: (spec: RuleSpec) => CompiledRule | undefined): RuleIndex {
  const compiled = rules.flatMap((spec) => compile(spec) ?? []);
  const onMinutes = compiled.filter(({ judgesSilence }) => !judgesSilence);
  return {
    version,
    byId: new Map(compiled.map((rule) => [rule.id, rule])),
    byMetric: metricsOf(onMinutes),
    // A rule of which nothing is read holds or not by the host alone; one that asks for absence must be asked where nothing came.
    always: onMinutes.filter(({ metrics, absents }) => absents.length > 0 || metrics.length === 0),
    bySample: metricsOf(onMinutes.filter(mayBeAtOnce)),
    silence: compiled.filter(({ judgesSilence }) => judgesSilence),
    anomalies: new Set(compiled.flatMap(({ anomalies }) => anomalies)),
  };
}

function mayBeAtOnce({ onSamples, spec }: CompiledRule): boolean {
  return onSamples && (spec.forMs === 0 || spec.overrides.some(({ forMs }) => forMs === 0));
}

function metricsOf(rules: readonly CompiledRule[]): Map<string, CompiledRule[]> {
  const byMetric = new Map<string, CompiledRule[]>();
  for (const rule of rules) {
    for (const metric of rule.metrics) {
      const own = byMetric.get(metric);
      if (own === undefined) byMetric.set(metric, [rule]);
      else own.push(rule);
    }
  }
  return byMetric;
}
