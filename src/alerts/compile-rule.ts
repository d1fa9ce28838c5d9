/** From a rule as its file says it to one that judges. */
import type { RuleSpec } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { CompiledRule, Judgement, RuleScope, Verdict } from './compiled-rule.ts';
import { compileExpression, type ExpressionProblem } from './expression.ts';
import { SAMPLE_READERS } from './expression-calls.ts';
import type { Condition, Read } from './expression-types.ts';
import { settingsOf } from './overrides.ts';
import { compileTemplate, type Template } from './template.ts';

/** What is wrong with a rule: in which of its texts, at which character of it, from 0. */
export interface RuleProblem extends ExpressionProblem {
  readonly field: readonly ('expr' | 'clear' | 'annotations' | string)[];
}

type Run = Condition['run'];

/** Compiles a rule. Never throws. @returns undefined where this version cannot read it; checkRule says why. */
export function compileRule(spec: RuleSpec): CompiledRule | undefined {
  return compile(spec, []);
}

/** @returns what is wrong with the expressions and the templates of a rule. */
export function checkRule(spec: RuleSpec): readonly RuleProblem[] {
  const problems: RuleProblem[] = [];
  compile(spec, problems);
  return problems;
}

function compile(spec: RuleSpec, problems: RuleProblem[]): CompiledRule | undefined {
  const reads: Read[] = [];
  const params = Object.keys(spec.params);
  const within = <T>(field: RuleProblem['field'], work: (found: ExpressionProblem[]) => T): T => {
    const found: ExpressionProblem[] = [];
    const result = work(found);
    for (const one of found) problems.push({ field, ...one });
    return result;
  };
  const expr = within(['expr'], (found) => compileExpression(spec.expr, params, reads, found));
  const { clear: clearText } = spec;
  const clear =
    clearText === undefined ? undefined : within(['clear'], (found) => compileExpression(clearText, params, reads, found));
  if (problems.length === 0) within(['expr'], (found) => found.push(...unjudgeable(reads)));
  const names = { params, reads: reads.map(({ key }) => key) };
  const templates: [string, Template][] = [];
  // A template of a rule that cannot be read names what nobody knows.
  if (problems.length === 0)
    for (const [name, text] of Object.entries(spec.annotations)) {
      const template = within(['annotations', name], (found) => compileTemplate(text, names, found));
      if (template !== undefined) templates.push([name, template]);
    }
  if (expr === undefined || problems.length > 0) return undefined;
  return ready(spec, reads, expr, clear, templates);
}

function unjudgeable(reads: readonly Read[]): ExpressionProblem[] {
  if (reads.length === 0) return [{ offset: 0, message: 'reads nothing: name a metric, like avg(cpu) > 90' }];
  const isMixed = reads.some(({ reader }) => reader === 'silence') && reads.some(({ metric }) => metric !== undefined);
  const message = 'silence() is judged as time goes on, metrics when their minute closes: write two rules';
  return isMixed ? [{ offset: 0, message }] : [];
}

function ready(
  spec: RuleSpec,
  reads: readonly Read[],
  expr: Run,
  clear: Run | undefined,
  templates: readonly (readonly [string, Template])[],
): CompiledRule {
  const metricsOf = (wanted: (reader: string) => boolean): string[] => [
    ...new Set(reads.flatMap(({ reader, metric }) => (metric !== undefined && wanted(reader) ? [metric] : []))),
  ];
  const metrics = metricsOf(() => true);
  const settingsFor = settingsOf(spec);
  return {
    spec,
    id: ruleId(spec),
    metrics,
    anomalies: metricsOf((reader) => reader === 'anomaly'),
    absents: metricsOf((reader) => reader === 'absent'),
    onSamples: metrics.length > 0 && reads.every(({ reader, metric }) => metric === undefined || SAMPLE_READERS.has(reader)),
    judgesSilence: metrics.length === 0 && reads.some(({ reader }) => reader === 'silence'),
    settingsFor,
    holds: (scope) => judge(reads, expr, scope),
    clears: (scope) => (clear === undefined ? opposite(judge(reads, expr, scope)) : judge(reads, clear, scope)),
    annotationsFor: (where, judgement) => {
      const scope = { where, judgement, settings: settingsFor(where), ruleLabels: spec.labels, alert: spec.alert };
      let left: number = ALERT_LIMITS.annotationsLengthMax;
      const filled = templates.map(([name, fill]) => {
        const text = fill(scope).slice(0, left);
        left -= text.length;
        return [name, text] as const;
      });
      return Object.fromEntries(filled);
    },
  };
}

function ruleId({ group, alert }: RuleSpec): string {
  return `${group}/${alert}`;
}

function judge(reads: readonly Read[], run: Run, scope: RuleScope): Judgement {
  const values: Record<string, number> = {};
  const cells: (number | undefined)[] = [];
  const notes: string[] = [];
  let truth: boolean | undefined;
  try {
    for (const { key, get } of reads) {
      const value = get(scope, notes);
      cells.push(value);
      if (value !== undefined) values[key] = value;
    }
    truth = run({ scope, cells, notes });
  } catch (error) {
    notes.push(error instanceof Error ? error.message : 'it failed');
  }
  if (truth === undefined) reads.forEach(({ key }, i) => void (cells[i] === undefined && notes.push(`${key} is missing`)));
  if (notes.length > ALERT_LIMITS.explanationsMax) notes.length = ALERT_LIMITS.explanationsMax;
  return { verdict: verdictOf(truth), values, explanations: notes };
}

function verdictOf(truth: boolean | undefined): Verdict {
  return truth === undefined ? 'unknown' : truth ? 'true' : 'false';
}

function opposite(judgement: Judgement): Judgement {
  const { verdict } = judgement;
  return verdict === 'unknown' ? judgement : { ...judgement, verdict: verdict === 'true' ? 'false' : 'true' };
}
