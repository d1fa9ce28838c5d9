/** Rules in TypeScript are the rules that a file says. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUILTIN_RULES } from '../../../src/alerts/builtin-rules.ts';
import { checkRule } from '../../../src/alerts/compile-rule.ts';
import {
  abs,
  absent,
  all,
  anomaly,
  any,
  avg,
  count,
  datacenter,
  environment,
  first,
  gib,
  hasLabel,
  host,
  increase,
  kib,
  label,
  last,
  max,
  mib,
  min,
  not,
  rate,
  rule,
  silence,
  skew,
  sum,
  tib,
  type When,
} from '../../../src/alerts/rule-builder.ts';
import { parseRuleFile } from '../../../src/alerts/rule-file.ts';
import { ruleFileText } from '../../../src/alerts/rule-text.ts';
import { ruleOf, scopeOf, windowOf } from './scope.ts';

const cel = (when: When): string => rule('A', { when }).expr;

describe('a condition in TypeScript', () => {
  test.each([
    [avg('cpu').above(90), 'avg(cpu) > 90'],
    [min('http.requests').atLeast(0.5), 'min("http.requests") >= 0.5'],
    [max('in').below(1e21), 'max("in") < 1e+21'],
    [rate('errors').over(rate('requests')).above(0.01), 'rate(errors) / rate(requests) > 0.01'],
    [last('disk_free').below(gib(20)), 'last(disk_free) < 20 * GiB'],
    [
      last('disk_free')
        .over(mib(1))
        .atMost(kib(3).plus(tib(1))),
      'last(disk_free) / (1 * MiB) <= (3 * KiB) + (1 * TiB)',
    ],
    [sum('a').plus(count('b')).times(first('c')).equals(1), '(sum(a) + count(b)) * first(c) == 1'],
    [increase('a').minus(-1).above(0), 'increase(a) - -1 > 0'],
    [all(anomaly('cpu').above(4), avg('cpu').above(50)), 'anomaly(cpu) > 4 && avg(cpu) > 50'],
    [
      all(avg('cpu').above(90), any(host.startsWith('web-'), label('mount').is('/')), not(absent('cpu'))),
      'avg(cpu) > 90 && (host.startsWith("web-") || labels.mount == "/") && !(absent(cpu))',
    ],
    [any(all(absent('a'), absent('b')), any(absent('c'), absent('d'))), '(absent(a) && absent(b)) || absent(c) || absent(d)'],
    [all(absent('a')), 'absent(a)'],
    [abs(skew()).above(5_000), 'abs(skew()) > 5000'],
    [silence().above(60), 'silence() > 60'],
    [
      all(absent('a'), datacenter.isOneOf(['fra', 'a"b']), environment.isNot('test')),
      'absent(a) && datacenter in ["fra", "a\\"b"] && environment != "test"',
    ],
    [
      all(absent('a'), hasLabel('x'), label('a.b').contains('c'), label('d').endsWith('e')),
      'absent(a) && has(labels.x) && labels["a.b"].contains("c") && labels.d.endsWith("e")',
    ],
  ])('%# is %s', (when, expected) => {
    expect(cel(when)).toBe(expected);
  });

  test('means what its parts mean, however they are put together', () => {
    const leaf = fc.tuple(fc.constantFrom('cpu', 'load1', 'gone'), fc.integer({ min: 0, max: 3 })).map(([metric, bound]) => ({
      when: avg(metric).above(bound),
      truth: (values: Readonly<Record<string, number>>) =>
        Object.hasOwn(values, metric) ? (values[metric] ?? 0) > bound : undefined,
    }));
    type Node = { readonly when: When; readonly truth: (values: Readonly<Record<string, number>>) => boolean | undefined };
    const { node } = fc.letrec<{ node: Node }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        leaf,
        tie('node').map(
          (one): Node => ({
            when: not(one.when),
            truth: (values) => {
              const truth = one.truth(values);
              return truth === undefined ? undefined : !truth;
            },
          }),
        ),
        fc.tuple(tie('node'), tie('node'), fc.boolean()).map(
          ([one, other, both]): Node => ({
            when: both ? all(one.when, other.when) : any(one.when, other.when),
            truth: (values) => {
              const truths = [one.truth(values), other.truth(values)];
              if (truths.includes(!both)) return !both;
              return truths.includes(undefined) ? undefined : both;
            },
          }),
        ),
      ),
    }));
    fc.assert(
      fc.property(node, fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 }), ({ when, truth }, cpu, load1) => {
        fc.pre(when.cel.length < 900);
        const windows = { cpu: windowOf({ count: 1, sum: cpu }), load1: windowOf({ count: 1, sum: load1 }) };
        const expected = truth({ cpu, load1 });
        fc.pre(checkRule({ ...BUILTIN_FIRST, expr: when.cel, clear: undefined, annotations: {} }).length === 0);
        expect(ruleOf({ expr: when.cel }).holds(scopeOf({ windows })).verdict).toBe(
          expected === undefined ? 'unknown' : String(expected),
        );
      }),
      { numRuns: 500 },
    );
  });
});

const [BUILTIN_FIRST] = BUILTIN_RULES as readonly [(typeof BUILTIN_RULES)[number]];

describe('a rule in TypeScript', () => {
  const typed = rule('SlowRequests', {
    group: 'web',
    params: { ms: 250, calm: 200 },
    when: ({ ms }) => all(avg('http.latency_ms').above(ms), rate('http.requests').above(1)),
    clear: ({ calm }) => avg('http.latency_ms').below(calm),
    for: '3m',
    keepFiringFor: '5m',
    severity: 'high',
    labels: { team: 'web' },
    annotations: { summary: '{{ host }}: {{ value | round 1 }} ms' },
    runbook: 'https://runbooks.example/slow',
    overrides: [
      { match: { host: 'edge-*' }, params: { ms: 400 }, for: '0', keepFiringFor: '1m', severity: 'critical', enabled: true },
    ],
  });

  test('is the rule that a file says', () => {
    const { rules } = parseRuleFile(
      `
groups:
  - name: web
    rules:
      - alert: SlowRequests
        expr: avg("http.latency_ms") > params.ms && rate("http.requests") > 1
        clear: avg("http.latency_ms") < params.calm
        for: 3m
        keep_firing_for: 5m
        severity: high
        labels: { team: web }
        annotations: { summary: '{{ host }}: {{ value | round 1 }} ms' }
        params: { ms: 250, calm: 200 }
        runbook: https://runbooks.example/slow
        overrides: [{ match: { host: 'edge-*' }, params: { ms: 400 }, for: 0, keep_firing_for: 1m, severity: critical, enabled: true }]
`,
      { builtins: [] },
    );
    expect(rules).toEqual([typed]);
  });

  test('written out as a file is read back as the same, as every rule is', () => {
    const least = rule('Least', { when: absent('x') });
    const other = rule('Other', {
      group: 'web',
      when: silence().above(5),
      annotations: { a: 'two\nlines: {{ host }}' },
      overrides: [{ match: { host: 'a' } }],
    });
    const own = [typed, other, least, ...BUILTIN_RULES.map((spec) => ({ ...spec, group: 'copied' }))];
    const { rules, problems } = parseRuleFile(ruleFileText(own), { builtins: [] });
    expect(problems).toEqual([]);
    expect(rules).toEqual(own);
  });

  test('that no rule file may hold is refused', () => {
    expect(() => rule('A', { when: avg('no name').above(1) })).toThrow('A: expr: no metric can have the name "no name"');
    expect(() => rule('A', { when: avg('cpu').above(Number.NaN) })).toThrow('NaN is no number that a rule can hold');
    expect(() => rule('A', { when: avg('cpu').above(1), for: 'soon' })).toThrow('A: "soon" is no duration like 5m');
    expect(() => rule('A', { when: host.is('a') })).toThrow('A: expr: reads nothing');
    expect(() => rule('A', { when: avg('cpu').above(1), annotations: { a: '{{ x }}' } })).toThrow(
      'A: annotations.a: {{ x }}: there is no x',
    );
  });
});
