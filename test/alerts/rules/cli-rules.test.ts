/** `metricstream rules`: each problem is a line with file and line number, and its excess is a failure. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkFiles, printFile, rulesCommand, testFiles } from '../../../src/runtimes/cli-rules.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const EXAMPLES = 'infra/rules';
const FIXTURES = 'test/fixtures/rules';

/** What a command says, and whether it succeeded. */
async function said(
  run: (deps: { read(path: string): string; out(line: string): void }) => Promise<boolean>,
  files: Record<string, string> = {},
) {
  const lines: string[] = [];
  const read = (path: string) => files[path] ?? readFileSync(`${ROOT}${path}`, 'utf8');
  const succeeded = await run({ read, out: (line) => lines.push(line) });
  return { succeeded, lines };
}

describe('rules check', () => {
  test('passes the examples', async () => {
    expect(await said((deps) => checkFiles([`${EXAMPLES}/example.yaml`], deps))).toEqual({
      succeeded: true,
      lines: ['infra/rules/example.yaml: 4 rules, and 4 built in'],
    });
  });

  test('says file, line and reason of each problem', async () => {
    const { succeeded, lines } = await said((deps) => checkFiles([`${FIXTURES}/bad.yaml`], deps));
    expect(succeeded).toBe(false);
    expect(lines[0]).toBe(
      'test/fixtures/rules/bad.yaml:3: builtin.HighCPU: there is no field HighCPU: there are HighCpu, HighMemory, LowDiskSpace, HostSilent',
    );
    expect(lines.every((line) => /^test\/fixtures\/rules\/bad\.yaml:\d+: /.test(line))).toBe(true);
  });

  test('says what it cannot read', async () => {
    const { succeeded, lines } = await said((deps) => checkFiles([`${FIXTURES}/none.yaml`], deps));
    expect(succeeded).toBe(false);
    expect(lines[0]).toMatch(/^test\/fixtures\/rules\/none\.yaml:1: cannot be read: ENOENT/);
  });
});

describe('rules in TypeScript', () => {
  const file = fileURLToPath(new URL('../../fixtures/rules/typed.ts', import.meta.url));

  test('are checked as a file is, and written out as one', async () => {
    expect(await said((deps) => checkFiles([file], deps))).toEqual({
      succeeded: true,
      lines: [`${file}: 2 rules, and 4 built in`],
    });
    const { lines } = await said((deps) => printFile(file, deps));
    expect(lines).toEqual([
      [
        'groups:',
        '  - name: typescript',
        '    rules:',
        '      - alert: HotCpu',
        '        expr: avg(cpu) > params.percent && host.startsWith("web-")',
        '        for: 5m',
        '        severity: high',
        '        params:',
        '          percent: 80',
        '      - alert: NoRequests',
        '        expr: absent("http.requests")',
        '        for: "0"',
        '        severity: informational',
      ].join('\n'),
    ]);
  });

  test('that export no rules are a problem', async () => {
    const module = fileURLToPath(new URL('scope.ts', import.meta.url));
    expect(await said((deps) => printFile(module, deps))).toEqual({
      succeeded: false,
      lines: [`${module}:1: exports no \`rules\`, which has to be a list`],
    });
  });
});

describe('rules test', () => {
  test('passes the tests of the examples', async () => {
    expect(await said((deps) => testFiles([`${EXAMPLES}/example.test.yaml`], deps))).toEqual({
      succeeded: true,
      lines: ['infra/rules/example.test.yaml: 3 tests passed'],
    });
  });

  const rules = 'groups: [{ name: g, rules: [{ alert: A, expr: avg(cpu) > 1 }] }]';
  const tests = (expected: string, files = '[a.yaml]') =>
    `rule_files: ${files}\ntests:\n- name: busy\n  input_series: [{ host: a, metric: cpu, values: 2x3 }]\n  alert_rule_test:\n  - { eval_time: 1m, alertname: A, exp_alerts: ${expected} }`;

  test('fails with the line of what was not as expected', async () => {
    const files = { 'x/t.yaml': tests('[]'), 'x/a.yaml': rules };
    expect(await said((deps) => testFiles(['x/t.yaml'], deps), files)).toEqual({
      succeeded: false,
      lines: ['x/t.yaml:6: busy: A at 60s: not expected: firing {host="a", severity="informational"}'],
    });
  });

  test('fails with the problems of the files that it names', async () => {
    const bad = { 't.yaml': tests('[{}]'), 'a.yaml': 'groups: [{ name: g, rules: [{ alert: A, expr: up == 0 }] }]' };
    expect((await said((deps) => testFiles(['t.yaml'], deps), bad)).lines[0]).toMatch(
      /^a\.yaml:1: groups\[0\]\.rules\[0\]\.expr: this is PromQL/,
    );
    const twice = { 't.yaml': tests('[{}]', '[a.yaml, b.yaml]'), 'a.yaml': rules, 'b.yaml': rules };
    expect((await said((deps) => testFiles(['t.yaml'], deps), twice)).lines).toEqual([
      't.yaml:1: g/A stands in two of its rule files',
    ]);
  });

  test('takes adjustments of built-in rules from all of its files', async () => {
    const files = {
      't.yaml': `rule_files: [a.yaml, b.yaml]\nbuiltin: { HighCpu: { for: 1m } }\ntests:\n- input_series: [{ host: a, metric: cpu, values: 50x3 }]\n  alert_rule_test:\n  - { eval_time: 1m, alertname: HighCpu, exp_alerts: [{ severity: page }] }`,
      'a.yaml': 'builtin: { HighCpu: { params: { threshold: 40 } } }',
      'b.yaml': 'builtin: { HighCpu: { severity: page } }',
    };
    expect(await said((deps) => testFiles(['t.yaml'], deps), files)).toEqual({
      succeeded: true,
      lines: ['t.yaml: 1 tests passed'],
    });
  });
});

test('the command has its three parts', () => {
  expect(rulesCommand().commands.map((command) => command.name())).toEqual(['check', 'test', 'print']);
});
