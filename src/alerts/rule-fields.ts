/** The fields that rules, overrides and adjustments of built-in rules have in common, and what they may hold. */
import type { RuleOverride } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { LIMITS } from '../model/limits.ts';
import { isReservedLabel, LABEL_KEY_PATTERN } from '../model/series.ts';
import { parseDuration } from './rule-duration.ts';
import type { Fields, Place, YamlReader } from './rule-yaml.ts';

type Texts = Readonly<Record<string, string>>;

/** What a rule and an adjustment may both say. */
export interface Settings {
  readonly forMs: number | undefined;
  readonly keepFiringForMs: number | undefined;
  readonly severity: string | undefined;
  readonly labels: Texts;
  readonly annotations: Texts;
  readonly params: Readonly<Record<string, number>>;
  readonly overrides: readonly RuleOverride[];
  readonly enabled: boolean;
}

export const SETTING_FIELDS = [
  'for',
  'keep_firing_for',
  'severity',
  'labels',
  'annotations',
  'runbook',
  'params',
  'overrides',
  'enabled',
] as const;

const OVERRIDE_FIELDS = ['match', 'params', 'for', 'keep_firing_for', 'severity', 'enabled'] as const;

/** Where the link to a runbook stands among the annotations, by Prometheus's custom. */
export const RUNBOOK = 'runbook_url';

const SEVERITY = /^[a-z][a-z0-9_-]{0,31}$/;
const PARAM = /^[A-Za-z]\w{0,63}$/;
/** http, https, or a path without a scheme; a template may stand for part of it. */
const RUNBOOK_LINK = /^(?:https?:\/\/[^\s<>"]+|[\w./#-][^\s<>":]*)$/;

function given<T>(fields: Fields, name: string, read: (place: Place) => T | undefined): T | undefined {
  const place = fields.get(name);
  return place === undefined ? undefined : read(place);
}

/** @param known params that there are without those of `fields`: overrides may change them. */
export function readSettings(yaml: YamlReader, fields: Fields, known: readonly string[]): Settings {
  const labels = given(fields, 'labels', (place) => readLabels(yaml, place)) ?? {};
  const { severity: labelled, ...others } = labels;
  const severity = given(fields, 'severity', (place) => readSeverity(yaml, place));
  const labelsPlace = fields.get('labels');
  if (labelled !== undefined && labelsPlace !== undefined) {
    if (severity !== undefined && severity !== labelled) yaml.problem(labelsPlace, 'severity and labels.severity say two things');
    else if (!SEVERITY.test(labelled)) yaml.problem(labelsPlace, SEVERITY_RULE);
  }
  const params = given(fields, 'params', (place) => readParams(yaml, place)) ?? {};
  const runbook = given(fields, 'runbook', (place) => readRunbook(yaml, place));
  const annotations = given(fields, 'annotations', (place) => readAnnotations(yaml, place)) ?? {};
  return {
    forMs: given(fields, 'for', (place) => readDuration(yaml, place)),
    keepFiringForMs: given(fields, 'keep_firing_for', (place) => readDuration(yaml, place)),
    severity: severity ?? labelled,
    labels: others,
    annotations: runbook === undefined ? annotations : { ...annotations, [RUNBOOK]: runbook },
    params,
    overrides: given(fields, 'overrides', (place) => readOverrides(yaml, place, [...known, ...Object.keys(params)])) ?? [],
    enabled: given(fields, 'enabled', (place) => yaml.boolean(place)) ?? true,
  };
}

function readOverrides(yaml: YamlReader, place: Place, params: readonly string[]): RuleOverride[] {
  return yaml.items(place, ALERT_LIMITS.ruleOverridesMax).flatMap((item) => {
    const fields = yaml.fields(item, OVERRIDE_FIELDS);
    if (fields === undefined) return [];
    const matchPlace = fields.get('match');
    const match = matchPlace === undefined ? undefined : readMatch(yaml, matchPlace);
    if (matchPlace === undefined || match === undefined) {
      if (matchPlace === undefined) yaml.problem(item, 'needs match: for which host, datacenter, environment or labels it is');
      return [];
    }
    return [
      {
        match,
        enabled: given(fields, 'enabled', (one) => yaml.boolean(one)),
        params: given(fields, 'params', (one) => knownParams(yaml, one, params)),
        forMs: given(fields, 'for', (one) => readDuration(yaml, one)),
        keepFiringForMs: given(fields, 'keep_firing_for', (one) => readDuration(yaml, one)),
        severity: given(fields, 'severity', (one) => readSeverity(yaml, one)),
      },
    ];
  });
}

function readMatch(yaml: YamlReader, place: Place): Texts | undefined {
  const fields = yaml.fields(place, undefined);
  if (fields === undefined) return undefined;
  if (fields.size === 0) return yaml.problem(place, 'matches everything: name a host, datacenter, environment or label');
  return readTexts(yaml, fields, (key) =>
    LABEL_KEY_PATTERN.test(key) && !key.startsWith('__') ? undefined : 'is no name of a label',
  );
}

function knownParams(yaml: YamlReader, place: Place, known: readonly string[]): Record<string, number> {
  const params = readParams(yaml, place);
  const odd = Object.keys(params).find((name) => !known.includes(name));
  if (odd !== undefined)
    yaml.problem(
      place,
      `there is no param ${odd}: ${known.length === 0 ? 'the rule has none' : `there are ${known.join(', ')}`}`,
    );
  return params;
}

export function readDuration(yaml: YamlReader, place: Place): number | undefined {
  const text = yaml.text(place);
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (text.startsWith('-')) return yaml.problem(place, 'is negative: write 0 or a duration like 5m');
  if (ms === undefined)
    return yaml.problem(place, `${shown(text)} is no duration: write 0, or numbers with units like 30s, 5m, 1h30m`);
  if (ms > ALERT_LIMITS.ruleForMsMax) return yaml.problem(place, 'is longer than 7d');
  return ms;
}

const SEVERITY_RULE =
  'a severity is a word of small letters, digits, - and _, at most 32: critical, high, informational, or your own';

function readSeverity(yaml: YamlReader, place: Place): string | undefined {
  const text = yaml.text(place);
  return text === undefined || SEVERITY.test(text) ? text : yaml.problem(place, SEVERITY_RULE);
}

function readRunbook(yaml: YamlReader, place: Place): string | undefined {
  const text = yaml.text(place);
  return text === undefined || RUNBOOK_LINK.test(text) ? text : yaml.problem(place, 'has to be a link: http, https, or a path');
}

function readLabels(yaml: YamlReader, place: Place): Record<string, string> {
  const fields = yaml.fields(place, undefined) ?? new Map<string, Place>();
  if (fields.size > ALERT_LIMITS.ruleLabelsMax) yaml.problem(place, `has more than ${ALERT_LIMITS.ruleLabelsMax} labels`);
  const labels = readTexts(yaml, fields, labelProblem);
  for (const [key, text] of Object.entries(labels)) {
    const place = fields.get(key);
    if (place !== undefined && text.includes('{{')) yaml.problem(place, 'is no template: {{ }} stands in annotations');
  }
  return labels;
}

function labelProblem(key: string): string | undefined {
  if (!LABEL_KEY_PATTERN.test(key) || key.length > LIMITS.labelKeyLengthMax) return 'is no name of a label';
  return isReservedLabel(key) ? 'is a label that the system writes itself' : undefined;
}

function readAnnotations(yaml: YamlReader, place: Place): Record<string, string> {
  const fields = yaml.fields(place, undefined) ?? new Map<string, Place>();
  if (fields.size > ALERT_LIMITS.ruleAnnotationsMax)
    yaml.problem(place, `has more than ${ALERT_LIMITS.ruleAnnotationsMax} annotations`);
  const nameProblem = (key: string) =>
    LABEL_KEY_PATTERN.test(key) && key.length <= LIMITS.labelKeyLengthMax && !key.startsWith('__')
      ? undefined
      : 'is no name of an annotation';
  return readTexts(yaml, fields, nameProblem, ALERT_LIMITS.templateLengthMax);
}

function readTexts(
  yaml: YamlReader,
  fields: Fields,
  keyProblem: (key: string) => string | undefined,
  lengthMax: number = LIMITS.labelValueLengthMax,
): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [key, place] of fields) {
    const problem = keyProblem(key);
    const text = problem === undefined ? yaml.text(place) : yaml.problem(place, `${shown(key)} ${problem}`);
    if (text === undefined) continue;
    if (text.length > lengthMax) yaml.problem(place, `is longer than ${lengthMax} characters`);
    texts[key] = text;
  }
  return texts;
}

function readParams(yaml: YamlReader, place: Place): Record<string, number> {
  const params: Record<string, number> = {};
  const fields = yaml.fields(place, undefined) ?? new Map<string, Place>();
  if (fields.size > ALERT_LIMITS.ruleParamsMax) yaml.problem(place, `has more than ${ALERT_LIMITS.ruleParamsMax} params`);
  for (const [name, one] of fields) {
    const value = PARAM.test(name)
      ? yaml.number(one)
      : yaml.problem(one, `${shown(name)} is no name of a param: letters, digits and _`);
    if (value !== undefined) params[name] = value;
  }
  return params;
}

const SHOWN_LENGTH = 60;

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text);
}
