/** Tests of rules: promtool's notation, the judge of the pipeline, and failures that say what was there instead. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANOMALY_MODELS } from '../../../src/alerts/anomaly.ts';
import { BUILTIN_RULES } from '../../../src/alerts/builtin-rules.ts';
import { compileRule } from '../../../src/alerts/compile-rule.ts';
import { alertJudge } from '../../../src/alerts/evaluate.ts';
import { parseRuleTests, seriesValues } from '../../../src/alerts/rule-test-file.ts';
import { runRuleTests } from '../../../src/alerts/rule-tests.ts';

const judges = () => alertJudge({ compile: compileRule, builtins: BUILTIN_RULES, models: ANOMALY_MODELS });
const parse = (text: string) => parseRuleTests(text, { builtins: BUILTIN_RULES });

function failuresOf(text: string): string[] {
  const file = parse(text);
  expect(file.problems).toEqual([]);
  return runRuleTests(file.tests, file.rules, judges).flatMap(({ failures }) =>
    failures.map(({ line, message }) => `${line}: ${message}`),
  );
}

describe('values', () => {
  test.each([
    ['1', [1]],
    ['1 -2.5 3e2', [1, -2.5, 300]],
    ['0+10x5', [0, 10, 20, 30, 40, 50]],
    ['100-5x3', [100, 95, 90, 85]],
    ['90x4', [90, 90, 90, 90, 90]],
    ['-2+4x3', [-2, 2, 6, 10]],
    ['1 _ 2 _x2 3', [1, undefined, 2, undefined, undefined, 3]],
    ['_x0 1', [1]],
  ])('%s are %j', (text, expected) => {
    expect(seriesValues(text)).toEqual(expected);
  });

  test.each(['', 'a', '1x', '1+x3', '1+2', 'stale', 'NaN', '1+1x9999999', '_5', '1,2'])('%j are none', (text) => {
    expect(seriesValues(text)).toMatch(/is no value: write 5, 0\+10x5, 90x4, _ or _x3$/);
  });

  test('are bounded in number', () => {
    expect(seriesValues('1x999999')).toBe('has more than 200000 samples');
  });
});

const HEAD = `
groups:
  - name: g
    rules:
      - { alert: Hot, expr: avg(temperature) > 80, for: 2m, severity: high, labels: { team: a }, annotations: { summary: '{{ value }} °C' } }
      - { alert: Full, expr: last(fill) > 90 }
tests:
`;
const tested = (series: string, expectations: string, interval = '30s') =>
  `${HEAD}  - interval: ${interval}\n    input_series:\n${series}\n    alert_rule_test:\n${expectations}`;

describe('a test', () => {
  test('passes where the alerts are as expected, at every time', () => {
    const series = '      - { host: a, metric: temperature, labels: { core: "1" }, values: 90x7 _x14 70x20 }';
    expect(
      failuresOf(
        tested(
          series,
          `
      - { eval_time: 30s, alertname: Hot }
      - { eval_time: 1m, alertname: Hot, exp_alerts: [{ state: pending }] }
      - { eval_time: 1m, alertname: Hot }
      - { eval_time: 1m59s, alertname: Hot }
      - { eval_time: 2m, alertname: Hot, exp_alerts: [{ host: a, severity: high, exp_labels: { core: '1', team: a, severity: high, host: a, alertname: Hot }, exp_annotations: { summary: 90 °C } }] }
      - { eval_time: 10m, alertname: Hot, exp_alerts: [{ state: unknown }] }
      - { eval_time: 14m, alertname: Hot }
`,
        ),
      ),
    ).toEqual([]);
  });

  test('judges rules without `for` on the sample', () => {
    expect(
      failuresOf(
        tested(
          '      - { host: a, metric: fill, values: 50 95 50 }',
          `
      - { eval_time: 0, alertname: Full }
      - { eval_time: 10s, alertname: Full, exp_alerts: [{ host: a }] }
      - { eval_time: 20s, alertname: Full }
`,
          '10s',
        ),
      ),
    ).toEqual([]);
  });

  test('tells what was missing, and what was there instead', () => {
    const series = `      - { host: a, metric: temperature, values: 90x20 }
      - { host: b, metric: temperature, values: 90x20 }`;
    const lines = tested(
      series,
      '      - { eval_time: 2m, alertname: Hot, exp_alerts: [{ host: c, exp_labels: { team: b } }, { host: a }] }',
    );
    expect(failuresOf(lines)).toEqual([
      '13: Hot at 120s: missing: firing {host="c", team="b"}; not expected: firing {host="b", severity="high", team="a", summary="90 °C"}',
    ]);
  });

  test('of a rule that is not there fails', () => {
    expect(
      failuresOf(tested('      - { host: a, metric: fill, values: 1 }', '      - { eval_time: 1m, alertname: Hott }')),
    ).toEqual(['12: there is no rule Hott: there are HighCpu, HighMemory, LowDiskSpace, HostSilent, Hot, Full']);
  });

  test('may be of silence, of places, and of built-in rules that the file adjusts', () => {
    expect(
      failuresOf(`
builtin: { HostSilent: { params: { seconds: 60 }, overrides: [{ match: { datacenter: fra, environment: prod }, severity: high }] } }
tests:
  - interval: 10s
    input_series:
      - { host: a, datacenter: fra, environment: prod, metric: cpu, values: 1x5 }
      - { host: b, metric: cpu, values: 1x50 }
    alert_rule_test:
      - { eval_time: 1m50s, alertname: HostSilent }
      - { eval_time: 2m, alertname: HostSilent, exp_alerts: [{ host: a, severity: high, exp_labels: { datacenter: fra } }] }
`),
    ).toEqual([]);
  });
});

describe('a test file', () => {
  test.each([
    ['', '1 : has to be a map with rule_files, evaluation_interval, tests, groups, builtin'],
    ['rule_files: [a.yaml]', '1 : needs tests'],
    ['tests: [{ interval: 0 }]', '1 tests[0]: needs an interval above 0'],
    ['tests: [{ interval: 5 }]', '1 tests[0].interval: "5" is no duration like 30s, 5m or 1h30m'],
    ['tests: [{ input_series: [{ metric: cpu }] }]', '1 tests[0].input_series[0]: needs host'],
    ['tests: [{ input_series: [{ host: a, values: 1 }] }]', '1 tests[0].input_series[0]: needs metric'],
    ['tests: [{ input_series: [{ host: a, metric: cpu }] }]', '1 tests[0].input_series[0]: needs values'],
    [
      'tests: [{ input_series: [{ host: a, metric: a b, values: 1 }] }]',
      '1 tests[0].input_series[0]: no metric can have the name "a b"',
    ],
    [
      'tests:\n- input_series:\n  - { host: a, metric: cpu, values: 1..2 }',
      '3 tests[0].input_series[0].values: "1..2" is no value: write 5, 0+10x5, 90x4, _ or _x3',
    ],
    [
      'tests: [{ interval: 1d, input_series: [{ host: a, metric: cpu, values: 1x40 }] }]',
      '1 tests[0]: its series are longer than 31d',
    ],
    ['tests: [{ alert_rule_test: [{ alertname: A }] }]', '1 tests[0].alert_rule_test[0]: needs eval_time'],
    ['tests: [{ alert_rule_test: [{ eval_time: 1m }] }]', '1 tests[0].alert_rule_test[0]: needs alertname'],
    [
      'tests: [{ alert_rule_test: [{ eval_time: 1m, alertname: A, exp_alerts: [{ state: on }] }] }]',
      '1 tests[0].alert_rule_test[0].exp_alerts[0].state: state is one of pending, firing, recovering, unknown',
    ],
    [
      'groups: [{ name: g, rules: [{ alert: A, expr: up == 0 }] }]\ntests: [{}]',
      '1 groups[0].rules[0].expr: this is PromQL (up); expressions are CEL: for a host that says nothing write silence() > 300, for a metric of that name last(up) == 0 (column 1)',
    ],
  ])('%j: %s', (text, expected) => {
    expect(parse(text).problems.map(({ line, path, message }) => `${line} ${path}: ${message}`)[0]).toBe(expected);
  });

  test('never makes its reader throw', () => {
    const part = fc.constantFrom(
      'tests:',
      '- interval: 1m',
      '  input_series:',
      '  - {host: a, metric: b, values: 1x3}',
      '  alert_rule_test:',
      '  - {eval_time: 1m, alertname: A}',
      'rule_files: [a]',
      'x',
      '- ',
      '{',
      '&a',
      '*a',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part, { maxLength: 10 }).map((lines) => lines.join('\n')),
        ),
        (text) => {
          parse(text);
        },
      ),
      { numRuns: 300 },
    );
  });
});
