/** Rule files: what they say with all defaults filled in, and what is wrong with them, with the line. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUILTIN_RULES } from '../../../src/alerts/builtin-rules.ts';
import { checkRule, compileRule } from '../../../src/alerts/compile-rule.ts';
import { parseRuleFile } from '../../../src/alerts/rule-file.ts';
import type { RuleSpec } from '../../../src/model/alert.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { catalogueEntry } from '../../../src/model/catalogue.ts';
import { scopeOf, windowOf } from './scope.ts';

const read = (text: string) => parseRuleFile(text, { builtins: BUILTIN_RULES });
const problems = (text: string) => read(text).problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
const rulesOf = (text: string): readonly RuleSpec[] => {
  const found = read(text);
  expect(found.problems).toEqual([]);
  return found.rules;
};
const builtin = (text: string, name: string) => rulesOf(text).find(({ group, alert }) => group === 'builtin' && alert === name);
const oneRule = (fields: string): string => `groups:\n- name: g\n  rules:\n  - alert: A\n    expr: avg(cpu) > 1\n${fields}`;

describe('a rule file', () => {
  test.each(['', '# nothing', 'groups: []', 'builtin: {}'])('%j has the built-in rules alone', (text) => {
    expect(rulesOf(text)).toEqual(BUILTIN_RULES);
  });

  test('in the shape of Prometheus is read with all defaults filled in', () => {
    const own = rulesOf(`
groups:
  - name: web/api
    interval: 30s
    rules:
      - alert: Slow
        expr: avg("http.ms") > 5
        labels: { severity: page, port: 8080 }
      - alert: Slower
        expr: |
          avg("http.ms") > params.ms
        clear: avg("http.ms") < 3
        for: 1h30m
        keep_firing_for: 90s
        severity: critical
        params: { ms: 7.5 }
        labels: { team: web }
        annotations: { summary: 'slow: {{ value }}' }
        runbook: https://runbooks.example/slow
        overrides:
          - { match: { host: 'db-*', mount: / }, params: { ms: 9 }, for: 0, keep_firing_for: 1m, severity: high, enabled: true }
          - { match: { datacenter: fra }, enabled: false }
`).filter(({ group }) => group !== 'builtin');
    expect(own).toEqual([
      {
        group: 'web/api',
        alert: 'Slow',
        expr: 'avg("http.ms") > 5',
        clear: undefined,
        forMs: 0,
        keepFiringForMs: 0,
        severity: 'page',
        labels: { port: '8080' },
        annotations: {},
        params: {},
        overrides: [],
      },
      {
        group: 'web/api',
        alert: 'Slower',
        expr: 'avg("http.ms") > params.ms\n',
        clear: 'avg("http.ms") < 3',
        forMs: 5_400_000,
        keepFiringForMs: 90_000,
        severity: 'critical',
        labels: { team: 'web' },
        annotations: { summary: 'slow: {{ value }}', runbook_url: 'https://runbooks.example/slow' },
        params: { ms: 7.5 },
        overrides: [
          {
            match: { host: 'db-*', mount: '/' },
            params: { ms: 9 },
            forMs: 0,
            keepFiringForMs: 60_000,
            severity: 'high',
            enabled: true,
          },
          { match: { datacenter: 'fra' }, enabled: false },
        ],
      },
    ]);
    expect(own.every((spec) => compileRule(spec) !== undefined)).toBe(true);
  });

  test('adjusts built-in rules by name, and leaves the rest of them as it was', () => {
    const text =
      'builtin: { HighCpu: { params: { threshold: 95 }, for: 10m, labels: { team: a }, annotations: { summary: busy } } }';
    const before = BUILTIN_RULES.find(({ alert }) => alert === 'HighCpu');
    expect(builtin(text, 'HighCpu')).toEqual({
      ...before,
      params: { ...before?.params, threshold: 95 },
      forMs: 600_000,
      labels: { team: 'a' },
      annotations: { ...before?.annotations, summary: 'busy' },
    });
    expect(builtin(text, 'HostSilent')).toEqual(BUILTIN_RULES.find(({ alert }) => alert === 'HostSilent'));
  });

  test('leaves out what is not enabled', () => {
    expect(builtin('builtin: { HighCpu: { enabled: false } }', 'HighCpu')).toBeUndefined();
    expect(rulesOf(oneRule('    enabled: false'))).toEqual(BUILTIN_RULES);
  });

  test('puts a rule on for some hosts alone', () => {
    const spec = builtin(
      "builtin: { HostSilent: { enabled: false, overrides: [{ match: { host: 'db-*' }, enabled: true }, { match: { host: web }, for: 5m }] } }",
      'HostSilent',
    );
    const rule = spec === undefined ? undefined : compileRule(spec);
    const on = (host: string) => rule?.settingsFor(scopeOf({ host })).enabled;
    expect([on('db-1'), on('web'), on('other')]).toEqual([true, false, false]);
  });

  test('may hold aliases, each of which counts as what it stands for', () => {
    const own = rulesOf('groups:\n- name: g\n  rules:\n  - &a { alert: A, expr: &e avg(cpu) > 1 }\n  - { alert: B, expr: *e }');
    expect(own.at(-1)?.expr).toBe('avg(cpu) > 1');
  });
});

describe('what is wrong with a file', () => {
  test('is all said, each with its line and path', () => {
    const text = readFileSync(new URL('../../fixtures/rules/bad.yaml', import.meta.url), 'utf8');
    expect(problems(text)).toMatchInlineSnapshot(`
      [
        "3 builtin.HighCPU: there is no field HighCPU: there are HighCpu, HighMemory, LowDiskSpace, HostSilent",
        "5 builtin.HighCpu.params: there is no param limit: HighCpu has threshold, margin",
        "6 builtin.HighCpu.expr: there is no field expr: there are for, keep_firing_for, severity, labels, annotations, runbook, params, overrides, enabled",
        "8 builtin.HostSilent.overrides[0]: needs match: for which host, datacenter, environment or labels it is",
        "8 builtin.HostSilent.overrides[1].match: matches everything: name a host, datacenter, environment or label",
        "8 builtin.HostSilent.overrides[2].params: there is no param minutes: there are seconds",
        "10 groups[0].name: the group builtin is that of the built-in rules: adjust them under builtin",
        "13 groups[1].interval: "soon" is no duration: write 0, or numbers with units like 30s, 5m, 1h30m",
        "14 groups[1].limit: there is no field limit: there are name, interval, rules",
        "16 groups[1].rules[0].record: there are no recording rules: an alert reads the minutes of the metrics themselves",
        "16 groups[1].rules[0]: needs alert",
        "20 groups[1].rules[1].for: is negative: write 0 or a duration like 5m",
        "21 groups[1].rules[1].keep_firing_for: "5" is no duration: write 0, or numbers with units like 30s, 5m, 1h30m",
        "22 groups[1].rules[2].alert: Negative stands twice in this group",
        "24 groups[1].rules[3].alert: may not hold /",
        "27 groups[1].rules[4].expr: this is PromQL (a range); expressions are CEL: a rule reads the minute that closed: write rate(http_requests_total) > 5, and say with \`for\` how long it has to hold (column 27)",
        "31 groups[1].rules[5].expr: expressions are CEL, and there is no limit: for a metric write last(limit); other names are host, datacenter, environment, labels.NAME, params.NAME, KiB, MiB, GiB, TiB (column 14)",
        "32 groups[1].rules[5].clear: there is no params.low: this rule has no params (column 19)",
        "35 groups[1].rules[6].severity: a severity is a word of small letters, digits, - and _, at most 32: critical, high, informational, or your own",
        "36 groups[1].rules[6].labels.host: "host" is a label that the system writes itself",
        "36 groups[1].rules[6].labels.__name: "__name" is a label that the system writes itself",
        "36 groups[1].rules[6].labels.a b: "a b" is no name of a label",
        "36 groups[1].rules[6].labels.list: has to be a text",
        "36 groups[1].rules[6].labels.team: is no template: {{ }} stands in annotations",
        "40 groups[1].rules[7].labels: severity and labels.severity say two things",
        "44 groups[1].rules[8].annotations.summary: {{ $value }} cannot be read: write names without $: labels.NAME, value (column 1)",
        "47 groups[1].rules[8].annotations.description: {{ nobody }}: there is no nobody: there are host, datacenter, environment, alert, severity, explanation, value, values["avg(cpu)"], labels.NAME, params.NAME (column 1)",
        "50 groups[1].rules[9].runbook: has to be a link: http, https, or a path",
        "53 groups[1].rules[10].params.a: has to be a number",
        "53 groups[1].rules[10].params.__proto__: "__proto__" is no name of a param: letters, digits and _",
        "55 groups[1].rules[11].expr: has to be a text",
        "56 groups[1].rules[11].for: has to be a text",
        "57 groups[1].rules[11].enabled: has to be true or false",
        "58 groups[1].rules[11].overrides: has to be a list",
        "61 groups[1].rules[12].expr: expr stands twice",
        "62 groups[1].rules[13]: needs expr",
        "63 groups[1].rules[14]: has to be a map with alert, expr, clear, for, keep_firing_for, severity, labels, annotations, runbook, params, overrides, enabled",
        "64 groups[2].name: a stands twice",
        "66 groups[3]: needs name",
        "67 groups[4]: needs rules",
        "68 extra: there is no field extra: there are groups, builtin",
      ]
    `);
  });

  test.each([
    ['a: b: c', '1 : this is no YAML: Nested mappings are not allowed in compact mappings'],
    ['groups:\n  - "x', '2 : this is no YAML: Missing closing "quote'],
    ['groups: *none', '1 groups: there is no anchor none'],
    ['- a', '1 : has to be a map with groups, builtin'],
    ['just text', '1 : has to be a map with groups, builtin'],
    ['groups: &a []\nbuiltin: &a {}', '2 : this is no YAML: the anchor a stands twice'],
    ['groups: {}', '1 groups: has to be a list'],
    ['groups: [1]', '1 groups[0]: has to be a map with name, interval, rules'],
    ['groups:\n- name: g\n  rules:\n  - <<: {}', '4 groups[0].rules[0].<<: there are no merge keys: write the fields out'],
    ['---\na: 1\n---\nb: 2', '3 : this is no YAML: it is more than one document'],
    [oneRule('    for: 8d'), '6 groups[0].rules[0].for: is longer than 7d'],
    [oneRule('    for:'), '6 groups[0].rules[0].for: has to be a text'],
    [`${oneRule('')}    labels: {a: ${'x'.repeat(257)}}`, '6 groups[0].rules[0].labels.a: is longer than 256 characters'],
  ])('%j: %s', (text, expected) => {
    expect(problems(text)[0]).toBe(expected);
  });

  test('is that it is too large', () => {
    expect(problems(`# ${'x'.repeat(ALERT_LIMITS.ruleFileBytesMax)}`)).toEqual(['1 : the file is larger than 256 KiB']);
    const many = Array.from({ length: ALERT_LIMITS.rulesMax + 1 }, (_, i) => `  - { alert: A${i}, expr: avg(cpu) > 1 }`).join(
      '\n',
    );
    expect(problems(`groups:\n- name: g\n  rules:\n${many}`)[0]).toBe('4 groups[0].rules: has more than 1000 entries');
  });

  // On Bun the library took 217 s for one of these, and nobody else was served meanwhile.
  test.each([
    ['[', '', 'it is nested too deeply'],
    ['[', ']', 'it is nested too deeply'],
    ['{a: ', '}', 'it is nested too deeply'],
    ['? ', '', 'it is nested too deeply'],
    [': ', '', 'it is nested too deeply'],
    ['- ', '', 'it is nested too deeply'],
    ['- a\n', '', 'it has more than 80000 words and signs'],
    ['a: 1\n', '', 'it has more than 80000 words and signs'],
    ['#\n', '', 'it has more than 80000 words and signs'],
    ['[,', '', 'nothing stands before a comma'],
    ['%A\n', '', 'it has more than one directive'],
  ])('is what the library would choke on: %j again and again, then %j', (open, close, message) => {
    const times = Math.floor(ALERT_LIMITS.ruleFileBytesMax / (open.length + close.length));
    expect(problems(open.repeat(times) + close.repeat(times))[0]).toContain(`this is no YAML: ${message}`);
  });

  test('is that its aliases would make a bomb', () => {
    const labels = `{ ${Array.from({ length: 30 }, (_, i) => `l${i}: ${'x'.repeat(200)}`).join(', ')} }`;
    const rules = (count: number) =>
      Array.from({ length: count }, (_, i) => `  - { alert: A${i}, expr: avg(cpu) > 1, labels: *l }`).join('\n');
    const file = (count: number) =>
      `groups:\n- name: g\n  rules:\n  - { alert: B, expr: avg(cpu) > 1, labels: &l ${labels} }\n${rules(count)}`;
    expect(problems(file(200))).toEqual(['1 : the rules take more than 800000 bytes with all aliases written out']);
    const overrides = `[${Array.from({ length: 100 }, () => '{ match: { host: a } }').join(', ')}]`;
    const bomb = Array.from({ length: 500 }, (_, i) => `  - { alert: A${i}, expr: avg(cpu) > 1, overrides: *o }`).join('\n');
    expect(
      problems(`groups:\n- name: g\n  rules:\n  - { alert: B, expr: avg(cpu) > 1, overrides: &o ${overrides} }\n${bomb}`).at(-1),
    ).toMatch(/the file has more than 50000 nodes/);
    expect(problems('groups: &a [*a]')[0]).toMatch(/groups/);
  });
});

describe('no text', () => {
  const line = fc.constantFrom(
    'groups:',
    '- name: g',
    '  rules:',
    '  - alert: A',
    '    expr: avg(cpu) > 1',
    '    for: 5m',
    '    labels: {a: b}',
    '    overrides: [{match: {host: a}}]',
    '    annotations: {s: "{{ host }}"}',
    '    params: {a: 1}',
    'builtin:',
    '  HighCpu: {for: 1m}',
    '  x: &a [1]',
    '  y: *a',
    '    expr: |',
    '      avg(cpu)',
    '? a',
    ': b',
    '!!binary x',
    '%YAML 1.1',
    '---',
    '"',
    "'",
    '{',
    '[',
    '- - -',
    '&a',
    '*a',
    '<<: *a',
    '\t',
  );
  test('makes the parser throw: there are rules that compile, or problems', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(line, { maxLength: 15 }).map((lines) => lines.join('\n')),
        ),
        (text) => {
          const found = read(text);
          expect(found.problems.length > 0).toBe(found.rules.length === 0);
          for (const spec of found.rules) expect(checkRule(spec)).toEqual([]);
          for (const { line: at, message } of found.problems) {
            expect(at).toBeGreaterThan(0);
            expect(message).not.toBe('');
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test.each(['[', '{a: ', '- ', '? ', '&a '])('of many %j exhausts the stack', (part) => {
    expect(read(part.repeat(4_000)).rules).toEqual([]);
  });
});

describe('the built-in rules', () => {
  test('compile, read only metrics that hosts send, and are in no need of adjustment', () => {
    for (const spec of BUILTIN_RULES) {
      expect(checkRule(spec)).toEqual([]);
      const metrics = compileRule(spec)?.metrics ?? [];
      expect(metrics.filter((metric) => catalogueEntry(metric) === undefined)).toEqual([]);
    }
    expect(BUILTIN_RULES.map(({ alert, severity, forMs }) => [alert, severity, forMs])).toEqual([
      ['HighCpu', 'high', 300_000],
      ['HighMemory', 'critical', 120_000],
      ['LowDiskSpace', 'high', 300_000],
      ['HostSilent', 'critical', 0],
    ]);
  });

  const judged = (alert: string, last: Readonly<Record<string, number>>, silenceSeconds?: number) => {
    const spec = BUILTIN_RULES.find((one) => one.alert === alert);
    const rule = spec === undefined ? undefined : compileRule(spec);
    const windows = Object.fromEntries(
      Object.entries(last).map(([metric, value]) => [metric, windowOf({ count: 1, sum: value, last: value })]),
    );
    const scope = scopeOf({ windows, params: spec?.params ?? {}, silenceSeconds });
    return [rule?.holds(scope).verdict, rule?.clears(scope).verdict];
  };
  const GIB = 1024 ** 3;

  test.each([
    ['HighCpu', { cpu: 90.1 }, ['true', 'false']],
    ['HighCpu', { cpu: 90 }, ['false', 'false']],
    ['HighCpu', { cpu: 84 }, ['false', 'true']],
    ['HighCpu', {}, ['unknown', 'unknown']],
    ['HighMemory', { memory_used_percent: 95.5 }, ['true', 'false']],
    ['HighMemory', { memory_used_percent: 94 }, ['false', 'false']],
    ['HighMemory', { memory_used_percent: 92 }, ['false', 'true']],
    ['LowDiskSpace', { disk_free_percent: 5, disk_free: 10 * GIB }, ['true', 'false']],
    ['LowDiskSpace', { disk_free_percent: 5, disk_free: 100 * GIB }, ['false', 'true']],
    ['LowDiskSpace', { disk_free_percent: 50, disk_free: 10 * GIB }, ['false', 'true']],
    ['LowDiskSpace', { disk_free_percent: 10.5, disk_free: 10 * GIB }, ['false', 'false']],
    ['LowDiskSpace', { disk_free_percent: 5 }, ['unknown', 'unknown']],
  ])('%s at %j holds and clears: %j', (alert, last, expected) => {
    expect(judged(alert, last)).toEqual(expected);
  });

  test('HostSilent holds after five minutes', () => {
    expect(judged('HostSilent', {}, 300)).toEqual(['false', 'true']);
    expect(judged('HostSilent', {}, 301)).toEqual(['true', 'false']);
  });
});
