/** Annotations: names and filters are filled in once, and nothing else ever is. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkRule } from '../../../src/alerts/compile-rule.ts';
import type { Where } from '../../../src/alerts/compiled-rule.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { ruleOf, scopeOf, specOf, windowOf } from './scope.ts';

const EXPR = 'avg(cpu) > params.threshold || last(disk_free) < 20 * GiB';

function filled(text: string, where: Partial<Where> = {}): string | undefined {
  const windows = { cpu: windowOf({ sum: 559.3333 }), disk_free: windowOf({ last: 12.3 * 1024 ** 3 }) };
  const scope = scopeOf({ windows, ...where });
  const rule = ruleOf({ expr: EXPR, labels: { team: 'web' }, annotations: { text } });
  return rule.annotationsFor(scope, rule.holds(scope)).text;
}

const problems = (text: string): string[] =>
  checkRule(specOf({ expr: EXPR, annotations: { text } })).map(
    ({ field, offset, message }) => `${field.join('.')} ${offset}: ${message}`,
  );

describe('a template', () => {
  test.each([
    ['no braces', 'no braces'],
    ['{ {host} }', '{ {host} }'],
    ['{{ host }} in {{datacenter}}', 'web-1 in fra'],
    ['{{ environment }}', '?'],
    ['{{ alert }} is {{ severity }}', 'A is high'],
    ['{{ labels.mount }}, {{ labels["a.b"] }}, {{ labels.team }}, {{ labels.none }}', '/, dotted, web, ?'],
    ['{{ value }}', '93.2222'],
    ['{{ value | round }}', '93'],
    ['{{ value | round 1 }}', '93.2'],
    ['{{ value | percent }}', '93.2%'],
    ['{{ value | round 0 | percent }}', '93%'],
    ['{{ value | duration }}', '1m33s'],
    ['{{ values["avg(cpu)"] | round 2 }}', '93.22'],
    ["{{ values['last(disk_free)'] | bytes }}", '12.3 GiB'],
    ['{{ params.threshold }}', '90'],
    ['{{ explanation }}', '?'],
  ])('%s is %s', (text, expected) => {
    expect(filled(text)).toBe(expected);
  });

  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [-2048, '-2 KiB'],
    [1e30, '888178419700125.2 PiB'],
  ])('shows %d bytes as %s', (last, expected) => {
    const scope = scopeOf({ windows: { cpu: windowOf({ last }) } });
    const rule = ruleOf({ expr: 'last(cpu) > 0', annotations: { text: '{{ value | bytes }}' } });
    expect(rule.annotationsFor(scope, rule.holds(scope)).text).toBe(expected);
  });

  test('shows the params of the place', () => {
    const rule = ruleOf({
      overrides: [{ match: { host: 'db-*' }, params: { threshold: 70 }, severity: 'critical' }],
      annotations: { text: '{{ severity }} above {{ params.threshold }}' },
    });
    const at = (host: string) => rule.annotationsFor(scopeOf({ host }), rule.holds(scopeOf())).text;
    expect([at('web-1'), at('db-1')]).toEqual(['high above 90', 'critical above 70']);
  });

  test('shows what was not there as ?', () => {
    const rule = ruleOf({ annotations: { text: '{{ value | percent }} of {{ values["avg(cpu)"] }}' } });
    expect(rule.annotationsFor(scopeOf(), { verdict: 'unknown', values: {}, explanations: [] }).text).toBe('? of ?');
  });

  test('shows how a score came about', () => {
    const rule = ruleOf({ expr: 'anomaly(cpu) > 1', annotations: { text: '{{ explanation }}' } });
    expect(rule.annotationsFor(scopeOf(), rule.holds(scopeOf())).text).toBe(
      'anomaly(cpu): 3.9× the usual spread for Tuesdays 14:00',
    );
  });

  test('never expands what stands in a label, whatever it is', () => {
    expect(filled('{{ labels.mount }}', { labels: { mount: '{{ host }} {{ value }}' } })).toBe('{{ host }} {{ value }}');
    fc.assert(
      fc.property(fc.string(), (mount) => {
        expect(filled('<{{ labels.mount }}>', { labels: { mount } })).toBe(`<${mount}>`);
      }),
    );
  });

  test('reads no labels that are only inherited', () => {
    expect(filled('{{ labels.constructor }} {{ labels.toString }}')).toBe('? ?');
  });

  test('grows no longer than its bound', () => {
    const text = '{{ labels.mount }}'.repeat(ALERT_LIMITS.templatePartsMax);
    expect(filled(text, { labels: { mount: 'x'.repeat(256) } })).toHaveLength(ALERT_LIMITS.annotationLengthMax);
  });
});

describe('what is no template', () => {
  test.each([
    ['{{ host', '0: {{ is not closed with }}'],
    ['a {{ $value }}', '2: {{ $value }} cannot be read: write names without $: labels.NAME, value'],
    ['{{ $labels.instance }}', '0: {{ $labels.instance }} cannot be read: write names without $: labels.NAME, value'],
    ['{{ 1 + 1 }}', '0: {{ 1 + 1 }} cannot be read: write a name and filters, like {{ value | round 1 }}'],
    ['{{ }}', '0: {{  }} cannot be read: write a name and filters, like {{ value | round 1 }}'],
    ['{{ host.name }}', '0: {{ host.name }}: host has no fields'],
    [
      '{{ constructor }}',
      '0: {{ constructor }}: there is no constructor: there are host, datacenter, environment, alert, severity, explanation, value, values["avg(cpu)"], labels.NAME, params.NAME',
    ],
    ['{{ labels }}', '0: {{ labels }}: write labels.NAME'],
    ['{{ values }}', '0: {{ values }}: write values["avg(cpu)"]'],
    ['{{ values["avg(x)"] }}', '0: {{ values["avg(x)"] }}: the rule reads avg(cpu), last(disk_free)'],
    ['{{ params.limit }}', '0: {{ params.limit }}: its params are threshold'],
    ['{{ value | upper }}', '0: {{ value | upper }}: there is no filter upper: there are round, bytes, percent, duration'],
    ['{{ value | round 12 }}', '0: {{ value | round 12 }}: round takes 0 to 9'],
    ['{{ value | bytes 2 }}', '0: {{ value | bytes 2 }}: bytes takes nothing'],
    ['{{ host | round 1 }}', '0: {{ host | round 1 }}: filters are for numbers; host is a text'],
    ['x'.repeat(1_001), '0: is longer than 1000 characters'],
    ['{{ host }}'.repeat(40), '320: has more than 32 {{ }}'],
  ])('%s: %s', (text, expected) => {
    expect(problems(text)).toEqual([`annotations.text ${expected}`]);
  });
});
