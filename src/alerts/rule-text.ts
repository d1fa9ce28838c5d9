/** Rules written out as a rule file, for those who write them in TypeScript. */
import { stringify } from 'yaml';
import type { RuleOverride, RuleSpec } from '../model/alert.ts';
import { formatDuration } from './rule-duration.ts';

/** @returns the YAML that parseRuleFile reads back as the same rules. Built-in rules are adjusted in a file, not written out. */
export function ruleFileText(rules: readonly RuleSpec[]): string {
  const groups = new Map<string, RuleSpec[]>();
  for (const rule of rules) groups.set(rule.group, [...(groups.get(rule.group) ?? []), rule]);
  const written = [...groups].map(([name, own]) => ({ name, rules: own.map(ruleOf) }));
  return stringify({ groups: written }, { lineWidth: 0, aliasDuplicateObjects: false });
}

function ruleOf(spec: RuleSpec): Record<string, unknown> {
  return {
    alert: spec.alert,
    expr: spec.expr,
    ...(spec.clear === undefined ? {} : { clear: spec.clear }),
    for: formatDuration(spec.forMs),
    ...(spec.keepFiringForMs === 0 ? {} : { keep_firing_for: formatDuration(spec.keepFiringForMs) }),
    severity: spec.severity,
    ...unlessEmpty('labels', spec.labels),
    ...unlessEmpty('annotations', spec.annotations),
    ...unlessEmpty('params', spec.params),
    ...(spec.overrides.length === 0 ? {} : { overrides: spec.overrides.map(overrideOf) }),
  };
}

function unlessEmpty(name: string, record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.keys(record).length === 0 ? {} : { [name]: record };
}

function overrideOf({ match, params, forMs, keepFiringForMs, severity, enabled }: RuleOverride): Record<string, unknown> {
  return {
    match,
    ...(params === undefined ? {} : { params }),
    ...(forMs === undefined ? {} : { for: formatDuration(forMs) }),
    ...(keepFiringForMs === undefined ? {} : { keep_firing_for: formatDuration(keepFiringForMs) }),
    ...(severity === undefined ? {} : { severity }),
    ...(enabled === undefined ? {} : { enabled }),
  };
}
