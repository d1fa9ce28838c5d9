/** Annotations with `{{ }}`: names and filters only, filled in once, so that what stands in a label is never read as a template. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Judgement, RuleSettings, Where } from './compiled-rule.ts';
import { formatDuration } from './rule-duration.ts';

/** What a template is filled with. */
export interface TemplateScope {
  readonly where: Where;
  readonly judgement: Judgement;
  readonly settings: RuleSettings;
  readonly ruleLabels: Readonly<Record<string, string>>;
  readonly alert: string;
}

/** What a template may name: the params of its rule, and what it reads, as it is shown. */
export interface TemplateNames {
  readonly params: readonly string[];
  readonly reads: readonly string[];
}

export interface TemplateProblem {
  readonly offset: number;
  readonly message: string;
}

export type Template = (scope: TemplateScope) => string;

type Lookup = (scope: TemplateScope) => string | number | undefined;

/** What stands for something that is not there. */
const MISSING = '?';

const OPEN = '{{';
const CLOSE = '}}';

/** Compiles a template. Never throws. @returns undefined where there are problems. */
export function compileTemplate(text: string, names: TemplateNames, problems: TemplateProblem[]): Template | undefined {
  const before = problems.length;
  if (text.length > ALERT_LIMITS.templateLengthMax)
    problems.push({ offset: 0, message: `is longer than ${ALERT_LIMITS.templateLengthMax} characters` });
  const parts: (string | Template)[] = [];
  let at = 0;
  while (at < text.length && problems.length === before) {
    const open = text.indexOf(OPEN, at);
    parts.push(text.slice(at, open < 0 ? undefined : open));
    if (open < 0) break;
    const close = text.indexOf(CLOSE, open);
    if (close < 0) problems.push({ offset: open, message: '{{ is not closed with }}' });
    else if (parts.length > 2 * ALERT_LIMITS.templatePartsMax)
      problems.push({ offset: open, message: `has more than ${ALERT_LIMITS.templatePartsMax} {{ }}` });
    else parts.push(compilePart(text.slice(open + 2, close), names, (message) => problems.push({ offset: open, message })));
    at = close + 2;
  }
  if (problems.length > before) return undefined;
  return (scope) => {
    const filled = parts.map((part) => (typeof part === 'string' ? part : part(scope))).join('');
    return filled.length > ALERT_LIMITS.annotationLengthMax ? filled.slice(0, ALERT_LIMITS.annotationLengthMax) : filled;
  };
}

const PART =
  /^\s*([A-Za-z_$]\w*)(?:\.([A-Za-z_]\w*)|\[\s*"([^"]+)"\s*\]|\[\s*'([^']+)'\s*\])?\s*((?:\|\s*[a-z]+(?:\s+\d+)?\s*)*)$/;
const FILTER = /\|\s*([a-z]+)(?:\s+(\d+))?/g;

function compilePart(inside: string, names: TemplateNames, problem: (message: string) => void): Template | string {
  const match = PART.exec(inside);
  const [, name = '', dotted, quoted, single, filterText = ''] = match ?? [];
  const written = inside.trim().slice(0, 60);
  if (match === null || name.includes('$')) {
    const why = inside.includes('$')
      ? 'write names without $: labels.NAME, value'
      : 'write a name and filters, like {{ value | round 1 }}';
    problem(`{{ ${written} }} cannot be read: ${why}`);
    return '';
  }
  const lookup = lookupOf(name, dotted ?? quoted ?? single, names);
  if (typeof lookup === 'string') {
    problem(`{{ ${written} }}: ${lookup}`);
    return '';
  }
  const filters: Filter[] = [];
  for (const [, filter = '', argument] of filterText.matchAll(FILTER)) {
    const found = filterOf(filter, argument === undefined ? undefined : Number(argument));
    if (typeof found === 'string') problem(`{{ ${written} }}: ${found}`);
    else filters.push(found);
  }
  if (filters.length > 0 && TEXT_NAMES.has(name)) problem(`{{ ${written} }}: filters are for numbers; ${name} is a text`);
  return (scope) => {
    const value = filters.reduce<string | number | undefined>(
      (so, filter) => (typeof so === 'number' ? filter(so) : so),
      lookup(scope),
    );
    return value === undefined ? MISSING : typeof value === 'number' ? plain(value) : value;
  };
}

const TEXT_NAMES = new Set(['host', 'datacenter', 'environment', 'alert', 'severity', 'explanation', 'labels']);

const WHOLE: ReadonlyMap<string, Lookup> = new Map<string, Lookup>([
  ['host', ({ where }) => where.host],
  ['datacenter', ({ where }) => where.datacenter],
  ['environment', ({ where }) => where.environment],
  ['alert', ({ alert }) => alert],
  ['severity', ({ settings }) => settings.severity],
  ['explanation', ({ judgement }) => (judgement.explanations.length === 0 ? undefined : judgement.explanations.join('; '))],
]);

/** @returns what reads the name, or why it cannot be read. */
function lookupOf(name: string, key: string | undefined, names: TemplateNames): Lookup | string {
  const whole = WHOLE.get(name);
  const [first = ''] = names.reads;
  if (key === undefined && whole !== undefined) return whole;
  if (key === undefined && name === 'value') return ({ judgement }) => own(judgement.values, first);
  if (key === undefined && (name === 'labels' || name === 'params')) return `write ${name}.NAME`;
  if (key === undefined && name === 'values') return `write values["${first}"]`;
  if (key === undefined)
    return `there is no ${name}: there are ${[...WHOLE.keys()].join(', ')}, value, values["${first}"], labels.NAME, params.NAME`;
  if (name === 'labels') return ({ where, ruleLabels }) => own(where.labels, key) ?? own(ruleLabels, key);
  if (name === 'params') {
    if (names.params.includes(key)) return ({ settings }) => own(settings.params, key);
    return names.params.length === 0 ? 'this rule has no params' : `its params are ${names.params.join(', ')}`;
  }
  if (name !== 'values') return `${name} has no fields`;
  return names.reads.includes(key) ? ({ judgement }) => own(judgement.values, key) : `the rule reads ${names.reads.join(', ')}`;
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

type Filter = (value: number) => string | number;

function filterOf(name: string, argument: number | undefined): Filter | string {
  if (name === 'round') {
    const digits = argument ?? 0;
    return digits > 9 ? 'round takes 0 to 9' : (value) => Number(value.toFixed(digits));
  }
  if (argument !== undefined) return `${name} takes nothing`;
  if (name === 'percent') return (value) => `${Number(value.toFixed(1))}%`;
  if (name === 'bytes') return bytes;
  if (name === 'duration') return (value) => `${value < 0 ? '-' : ''}${formatDuration(Math.round(Math.abs(value)) * 1_000)}`;
  return `there is no filter ${name}: there are round, bytes, percent, duration`;
}

const SIGNIFICANT_DIGITS = 6;

function plain(value: number): string {
  return String(Number(value.toPrecision(SIGNIFICANT_DIGITS)));
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

function bytes(value: number): string {
  const size = Math.abs(value);
  const step = size < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(size) / 10));
  return `${Number((value / 1024 ** step).toFixed(1))} ${BYTE_UNITS[step]}`;
}
