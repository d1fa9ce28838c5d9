/** Files with tests of rules, in the manner of promtool: series of input, and the alerts expected at times. */
import type { RuleSpec } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { type Labels, NAME_PATTERN } from '../model/series.ts';
import { MINUTE_MS } from '../model/window.ts';
import type { BookProblem } from '../ports/alert-book.ts';
import { parseDuration } from './rule-duration.ts';
import { RULE_FILE_FIELDS, readRules } from './rule-file.ts';
import { type Fields, type Place, YamlReader } from './rule-yaml.ts';

/** One series of a test; sample i stands at i times the interval. */
export interface TestSeries {
  readonly host: string;
  readonly datacenter: string | undefined;
  readonly environment: string | undefined;
  readonly metric: string;
  /** Sorted by key. */
  readonly labels: Labels;
  /** undefined: no sample there. */
  readonly values: readonly (number | undefined)[];
}

/** What an alert has to be; what it does not say may be anything. */
export interface ExpectedAlert {
  readonly host: string | undefined;
  readonly severity: string | undefined;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Expectation {
  readonly line: number;
  readonly atMs: number;
  readonly alert: string;
  readonly expected: readonly ExpectedAlert[];
}

export interface RuleTest {
  readonly name: string;
  readonly line: number;
  readonly intervalMs: number;
  readonly series: readonly TestSeries[];
  /** Ascending by time. */
  readonly expectations: readonly Expectation[];
}

export interface RuleTestFile {
  /** Rule files, from where this one stands. */
  readonly ruleFiles: readonly string[];
  /** What the file itself says of rules, in the YAML of rule files; built-in ones first. */
  readonly rules: readonly RuleSpec[];
  readonly tests: readonly RuleTest[];
  readonly problems: readonly BookProblem[];
}

const FILE_FIELDS = ['rule_files', 'evaluation_interval', 'tests', ...RULE_FILE_FIELDS] as const;
const TEST_FIELDS = ['name', 'interval', 'input_series', 'alert_rule_test'] as const;
const SERIES_FIELDS = ['host', 'datacenter', 'environment', 'metric', 'labels', 'values'] as const;
const EXPECTATION_FIELDS = ['eval_time', 'alertname', 'exp_alerts'] as const;
const ALERT_FIELDS = ['host', 'severity', 'state', 'exp_labels', 'exp_annotations'] as const;
export const SHOWN_STATES: readonly string[] = ['pending', 'firing', 'recovering', 'unknown'];

/** Reads a test file. Never throws. @param builtins what its `builtin` adjusts. */
export function parseRuleTests(text: string, { builtins }: { readonly builtins: readonly RuleSpec[] }): RuleTestFile {
  const yaml = new YamlReader(text);
  const { root } = yaml;
  const fields = root === undefined ? undefined : yaml.fields(root, FILE_FIELDS);
  const rules = readRules(yaml, root, fields, builtins);
  const ruleFiles = listOf(yaml, fields, 'rule_files').flatMap((place) => yaml.text(place) ?? []);
  durationOf(yaml, fields, 'evaluation_interval');
  const places = listOf(yaml, fields, 'tests');
  if (root !== undefined && fields !== undefined && places.length === 0) yaml.problem(root, 'needs tests');
  const tests = places.flatMap((place, i) => readTest(yaml, place, i) ?? []);
  return { ruleFiles, rules, tests, problems: yaml.sorted };
}

function listOf(yaml: YamlReader, fields: Fields | undefined, name: string): Place[] {
  const place = fields?.get(name);
  return place === undefined ? [] : yaml.items(place, ALERT_LIMITS.ruleTestsMax);
}

function textOf(yaml: YamlReader, fields: Fields, name: string): string | undefined {
  const place = fields.get(name);
  return place === undefined ? undefined : yaml.text(place);
}

function durationOf(yaml: YamlReader, fields: Fields | undefined, name: string): number | undefined {
  const place = fields?.get(name);
  const text = place === undefined ? undefined : yaml.text(place);
  if (place === undefined || text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined) return yaml.problem(place, `${JSON.stringify(text.slice(0, 60))} is no duration like 30s, 5m or 1h30m`);
  return ms > ALERT_LIMITS.ruleTestSpanMsMax ? yaml.problem(place, 'is longer than 31d') : ms;
}

function readTest(yaml: YamlReader, item: Place, number: number): RuleTest | undefined {
  const fields = yaml.fields(item, TEST_FIELDS);
  if (fields === undefined) return undefined;
  const intervalMs = durationOf(yaml, fields, 'interval') ?? MINUTE_MS;
  if (intervalMs === 0) return yaml.problem(item, 'needs an interval above 0');
  const series = listOf(yaml, fields, 'input_series').flatMap((place) => readSeries(yaml, place) ?? []);
  const samples = series.reduce((so, { values }) => so + values.length, 0);
  const longest = series.reduce((so, { values }) => Math.max(so, values.length), 0);
  if (samples > ALERT_LIMITS.ruleTestSamplesMax)
    return yaml.problem(item, `has more than ${ALERT_LIMITS.ruleTestSamplesMax} samples`);
  if (longest * intervalMs > ALERT_LIMITS.ruleTestSpanMsMax) return yaml.problem(item, 'its series are longer than 31d');
  const expectations = listOf(yaml, fields, 'alert_rule_test').flatMap((place) => readExpectation(yaml, place) ?? []);
  return {
    name: textOf(yaml, fields, 'name') ?? `test ${number + 1}`,
    line: yaml.lineOf(item),
    intervalMs,
    series,
    expectations: expectations.sort((a, b) => a.atMs - b.atMs),
  };
}

function readSeries(yaml: YamlReader, item: Place): TestSeries | undefined {
  const fields = yaml.fields(item, SERIES_FIELDS);
  if (fields === undefined) return undefined;
  const host = textOf(yaml, fields, 'host');
  const metric = textOf(yaml, fields, 'metric');
  const valuesPlace = fields.get('values');
  const text = textOf(yaml, fields, 'values');
  if (host === undefined) return yaml.problem(item, 'needs host');
  if (metric === undefined) return yaml.problem(item, 'needs metric');
  if (!NAME_PATTERN.test(metric)) return yaml.problem(item, `no metric can have the name ${JSON.stringify(metric.slice(0, 60))}`);
  if (valuesPlace === undefined || text === undefined) return yaml.problem(item, 'needs values');
  const values = seriesValues(text);
  if (typeof values === 'string') return yaml.problem(valuesPlace, values);
  const labels = Object.entries(textsOf(yaml, fields, 'labels')).sort(([a], [b]) => (a < b ? -1 : 1));
  const datacenter = textOf(yaml, fields, 'datacenter');
  return { host, datacenter, environment: textOf(yaml, fields, 'environment'), metric, labels, values };
}

function textsOf(yaml: YamlReader, fields: Fields, name: string): Record<string, string> {
  const place = fields.get(name);
  const entries = place === undefined ? undefined : yaml.fields(place, undefined);
  return Object.fromEntries([...(entries ?? [])].flatMap(([key, one]) => [[key, yaml.text(one) ?? ''] as const]));
}

const NUMBER = String.raw`\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?`;
const RUN = new RegExp(`^(-?${NUMBER})(?:([+-]${NUMBER})?x(\\d{1,6}))?$`);
const GAP = /^_(?:x(\d{1,6}))?$/;

/**
 * Values in promtool's notation: `1 2 3`, `0+10x5` (0, 10 … 50), `100-5x3`, `90x4` (five times 90), `_` and `_x3` for no sample.
 * @returns why it cannot be read, where it cannot.
 */
export function seriesValues(text: string): readonly (number | undefined)[] | string {
  const values: (number | undefined)[] = [];
  for (const token of text.trim().split(/\s+/)) {
    const gap = GAP.exec(token);
    const run = RUN.exec(token);
    if (gap === null && run === null) return `${JSON.stringify(token.slice(0, 60))} is no value: write 5, 0+10x5, 90x4, _ or _x3`;
    const times = gap === null ? Number(run?.[3] ?? 0) + 1 : Number(gap[1] ?? 1);
    if (values.length + times > ALERT_LIMITS.ruleTestSamplesMax)
      return `has more than ${ALERT_LIMITS.ruleTestSamplesMax} samples`;
    const start = Number(run?.[1] ?? 0);
    const step = Number(run?.[2] ?? 0);
    for (let i = 0; i < times; i++) values.push(gap === null ? start + i * step : undefined);
  }
  return values;
}

function readExpectation(yaml: YamlReader, item: Place): Expectation | undefined {
  const fields = yaml.fields(item, EXPECTATION_FIELDS);
  if (fields === undefined) return undefined;
  const atMs = durationOf(yaml, fields, 'eval_time');
  const alert = textOf(yaml, fields, 'alertname');
  if (atMs === undefined) return fields.has('eval_time') ? undefined : yaml.problem(item, 'needs eval_time');
  if (alert === undefined) return yaml.problem(item, 'needs alertname');
  const expected = listOf(yaml, fields, 'exp_alerts').flatMap((place) => readAlert(yaml, place) ?? []);
  return { line: yaml.lineOf(item), atMs, alert, expected };
}

function readAlert(yaml: YamlReader, item: Place): ExpectedAlert | undefined {
  const fields = yaml.fields(item, ALERT_FIELDS);
  if (fields === undefined) return undefined;
  const state = textOf(yaml, fields, 'state') ?? 'firing';
  if (!SHOWN_STATES.includes(state))
    return yaml.problem(fields.get('state') ?? item, `state is one of ${SHOWN_STATES.join(', ')}`);
  return {
    host: textOf(yaml, fields, 'host'),
    severity: textOf(yaml, fields, 'severity'),
    state,
    labels: textsOf(yaml, fields, 'exp_labels'),
    annotations: textsOf(yaml, fields, 'exp_annotations'),
  };
}
