/** A host for rules to be judged on, and rules to judge it by. */
import { compileRule } from '../../../src/alerts/compile-rule.ts';
import type { CompiledRule, RuleScope } from '../../../src/alerts/compiled-rule.ts';
import type { Aggregate } from '../../../src/model/aggregate.ts';
import type { RuleSpec } from '../../../src/model/alert.ts';

export function windowOf(fields: Partial<Aggregate> = {}): Aggregate {
  return { count: 6, sum: 570, min: 90, max: 99, first: 91, last: 97, increase: 120, ...fields };
}

export function scopeOf(fields: Partial<RuleScope> & { readonly windows?: Readonly<Record<string, Aggregate>> } = {}): RuleScope {
  const windows = fields.windows ?? { cpu: windowOf() };
  return {
    host: 'web-1',
    datacenter: 'fra',
    environment: undefined,
    labels: { mount: '/', 'a.b': 'dotted' },
    params: { threshold: 90 },
    window: (metric) => (Object.hasOwn(windows, metric) ? windows[metric] : undefined),
    absent: (metric) => (metric === 'nobody_knows' ? undefined : !Object.hasOwn(windows, metric)),
    anomaly: (metric) => (metric === 'cpu' ? { score: 3.9, explanation: '3.9× the usual spread for Tuesdays 14:00' } : undefined),
    silenceSeconds: undefined,
    skewMs: -250,
    ...fields,
  };
}

export function specOf(fields: Partial<RuleSpec> = {}): RuleSpec {
  return {
    group: 'g',
    alert: 'A',
    expr: 'avg(cpu) > params.threshold',
    clear: undefined,
    forMs: 0,
    keepFiringForMs: 0,
    severity: 'high',
    labels: {},
    annotations: {},
    params: { threshold: 90 },
    overrides: [],
    ...fields,
  };
}

export function ruleOf(fields: Partial<RuleSpec> = {}): CompiledRule {
  const rule = compileRule(specOf(fields));
  if (rule === undefined) throw new Error(`does not compile: ${JSON.stringify(fields)}`);
  return rule;
}
