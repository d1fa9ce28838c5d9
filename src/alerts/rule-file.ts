/** Rule files: YAML in the shape of Prometheus's rules, with adjustments of the built-in ones. */
import type { RuleOverride, RuleSpec } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { BookProblem } from '../ports/alert-book.ts';
import { BUILTIN_GROUP } from './builtin-rules.ts';
import { checkRule } from './compile-rule.ts';
import { RUNBOOK, readDuration, readSettings, SETTING_FIELDS, type Settings } from './rule-fields.ts';
import { type Fields, type Place, YamlReader } from './rule-yaml.ts';

export interface RuleFileOptions {
  /** The rules that `builtin` adjusts; those that it does not name stand as they are. */
  readonly builtins: readonly RuleSpec[];
}

/** Rules, built-in ones first; or, where there are problems, none. */
export interface RuleFile {
  readonly rules: readonly RuleSpec[];
  readonly problems: readonly BookProblem[];
}

/** What nobody said is told, and wakes nobody. */
const DEFAULT_SEVERITY = 'informational';

/** The fields of a file by which it says something of rules. */
export const RULE_FILE_FIELDS = ['groups', 'builtin'] as const;
const GROUP_FIELDS = ['name', 'interval', 'rules'] as const;
const RULE_FIELDS = ['alert', 'expr', 'clear', ...SETTING_FIELDS] as const;

/** Reads a rule file. Never throws: every problem is said with its line. */
export function parseRuleFile(text: string, { builtins }: RuleFileOptions): RuleFile {
  const yaml = new YamlReader(text);
  const { root } = yaml;
  const isEmpty = root !== undefined && (root.node === null || root.node === undefined);
  const fields = root === undefined || isEmpty ? undefined : yaml.fields(root, RULE_FILE_FIELDS);
  const rules = readRules(yaml, root, fields, builtins);
  return yaml.problems.length > 0 ? { rules: [], problems: yaml.sorted } : { rules, problems: [] };
}

/** Reads what a file says of rules; problems are left with its reader. */
export function readRules(
  yaml: YamlReader,
  root: Place | undefined,
  fields: Fields | undefined,
  builtins: readonly RuleSpec[],
): readonly RuleSpec[] {
  const adjusted = readBuiltins(yaml, fields?.get('builtin'), builtins);
  const groups = fields?.get('groups');
  const own = groups === undefined ? [] : readGroups(yaml, groups);
  const rules = [...adjusted, ...own];
  if (root === undefined) return rules;
  if (own.length > ALERT_LIMITS.rulesMax) yaml.problem(root, `has more than ${ALERT_LIMITS.rulesMax} rules`);
  if (yaml.problems.length === 0 && bytesOf(rules) > ALERT_LIMITS.ruleSetBytesMax)
    yaml.problem(root, `the rules take more than ${ALERT_LIMITS.ruleSetBytesMax} bytes with all aliases written out`);
  return rules;
}

function bytesOf(rules: readonly RuleSpec[]): number {
  return new TextEncoder().encode(JSON.stringify(rules)).length;
}

function readGroups(yaml: YamlReader, place: Place): RuleSpec[] {
  const seen = new Set<string>();
  return yaml.items(place, ALERT_LIMITS.rulesMax).flatMap((item) => {
    const fields = yaml.fields(item, GROUP_FIELDS);
    if (fields === undefined) return [];
    const interval = fields.get('interval');
    if (interval !== undefined) readDuration(yaml, interval);
    const name = readName(yaml, item, fields, 'name', seen);
    const rules = fields.get('rules');
    if (rules === undefined) {
      yaml.problem(item, 'needs rules');
      return [];
    }
    const alerts = new Set<string>();
    return yaml
      .items(rules, ALERT_LIMITS.rulesMax)
      .flatMap((rule) => (yaml.exhausted ? [] : (readRule(yaml, rule, name ?? '', alerts) ?? [])));
  });
}

const NAME = /^[^\x00-\x1f\x7f]+$/;

/** @param seen the names so far, to which it is added. */
function readName(yaml: YamlReader, item: Place, fields: Fields, field: 'name' | 'alert', seen: Set<string>): string | undefined {
  const place = fields.get(field);
  if (place === undefined) return yaml.problem(item, `needs ${field}`);
  const name = yaml.text(place);
  if (name === undefined) return undefined;
  if (!NAME.test(name) || name.length > ALERT_LIMITS.ruleNameLengthMax)
    return yaml.problem(place, `has to have 1 to ${ALERT_LIMITS.ruleNameLengthMax} characters, none of them a control character`);
  if (field === 'alert' && name.includes('/')) return yaml.problem(place, 'may not hold /');
  if (field === 'name' && name === BUILTIN_GROUP)
    return yaml.problem(place, `the group ${BUILTIN_GROUP} is that of the built-in rules: adjust them under builtin`);
  if (seen.has(name)) return yaml.problem(place, `${name} stands twice${field === 'alert' ? ' in this group' : ''}`);
  seen.add(name);
  return name;
}

function readRule(yaml: YamlReader, item: Place, group: string, seen: Set<string>): RuleSpec | undefined {
  const fields = yaml.fields(item, RULE_FIELDS);
  if (fields === undefined) return undefined;
  const alert = readName(yaml, item, fields, 'alert', seen);
  const exprPlace = fields.get('expr');
  if (exprPlace === undefined) return yaml.problem(item, 'needs expr');
  const before = yaml.problems.length;
  const expr = yaml.text(exprPlace);
  const clearPlace = fields.get('clear');
  const clear = clearPlace === undefined ? undefined : yaml.text(clearPlace);
  const settings = readSettings(yaml, fields, []);
  if (expr === undefined || yaml.problems.length > before) return undefined;
  const spec = withSettings(
    {
      group,
      alert: alert ?? '',
      expr,
      clear,
      forMs: 0,
      keepFiringForMs: 0,
      severity: DEFAULT_SEVERITY,
      labels: {},
      annotations: {},
      params: {},
      overrides: [],
    },
    settings,
  );
  checkTexts(yaml, item, fields, spec);
  return onlyWhereEnabled(spec, settings.enabled);
}

function readBuiltins(yaml: YamlReader, place: Place | undefined, builtins: readonly RuleSpec[]): RuleSpec[] {
  if (place === undefined) return [...builtins];
  const names = builtins.map(({ alert }) => alert);
  const adjustments = yaml.fields(place, names);
  return builtins.flatMap((base) => {
    const item = adjustments?.get(base.alert);
    if (item === undefined) return [base];
    const fields = yaml.fields(item, SETTING_FIELDS);
    if (fields === undefined) return [];
    const known = Object.keys(base.params);
    const settings = readSettings(yaml, fields, known);
    const odd = Object.keys(settings.params).find((name) => !known.includes(name));
    if (odd !== undefined)
      yaml.problem(fields.get('params') ?? item, `there is no param ${odd}: ${base.alert} has ${known.join(', ')}`);
    const spec = withSettings(base, settings);
    checkTexts(yaml, item, fields, spec);
    return onlyWhereEnabled(spec, settings.enabled) ?? [];
  });
}

function withSettings(base: RuleSpec, settings: Settings): RuleSpec {
  return {
    ...base,
    forMs: settings.forMs ?? base.forMs,
    keepFiringForMs: settings.keepFiringForMs ?? base.keepFiringForMs,
    severity: settings.severity ?? base.severity,
    labels: { ...base.labels, ...settings.labels },
    annotations: { ...base.annotations, ...settings.annotations },
    params: { ...base.params, ...settings.params },
    overrides: [...settings.overrides, ...base.overrides],
  };
}

/** A rule that is off is left out, unless an override puts it on for some places: then it is off for all others. */
function onlyWhereEnabled(spec: RuleSpec, enabled: boolean): RuleSpec | undefined {
  if (enabled) return spec;
  if (!spec.overrides.some((override) => override.enabled === true)) return undefined;
  const elsewhere: RuleOverride = { match: {}, enabled: false };
  return { ...spec, overrides: [...spec.overrides.map((one) => ({ ...one, enabled: one.enabled ?? false })), elsewhere] };
}

/** Says what is wrong with the expressions and templates, each where it stands. */
function checkTexts(yaml: YamlReader, item: Place, fields: Fields, spec: RuleSpec): void {
  for (const { field, offset, message } of checkRule(spec)) {
    const [first = '', name] = field;
    const place = fields.get(name === RUNBOOK && fields.has('runbook') ? 'runbook' : first);
    const at = place === undefined ? item : name === undefined ? place : (entryOf(yaml, place, name) ?? place);
    yaml.problem(at, `${message} (column ${columnOf(spec, field, offset)})`, offset);
  }
}

function entryOf(yaml: YamlReader, place: Place, name: string): Place | undefined {
  return place.path.endsWith('.annotations') ? yaml.fields(place, undefined)?.get(name) : undefined;
}

/** From 1, in its line of the text. */
function columnOf({ expr, clear = '', annotations }: RuleSpec, [first, name = '']: readonly string[], offset: number): number {
  const text = first === 'expr' ? expr : first === 'clear' ? clear : (annotations[name] ?? '');
  return offset - text.lastIndexOf('\n', offset - 1);
}
