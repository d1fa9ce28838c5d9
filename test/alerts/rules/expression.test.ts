/** Conditions: what they say of a host, what is unknown, and what is said of those that are none. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkRule } from '../../../src/alerts/compile-rule.ts';
import type { RuleScope } from '../../../src/alerts/compiled-rule.ts';
import { ruleOf, scopeOf, specOf, windowOf } from './scope.ts';

const verdict = (expr: string, scope: RuleScope = scopeOf()): string => ruleOf({ expr }).holds(scope).verdict;

describe('a condition', () => {
  test.each([
    ['avg(cpu) > 90', 'true'],
    ['avg(cpu) > 95', 'false'],
    ['avg(cpu) >= 95', 'true'],
    ['avg("cpu") == 95', 'true'],
    ['avg(cpu) == 95.0', 'true'],
    ['min(cpu) < 91 && max(cpu) == 99', 'true'],
    ['sum(cpu) / count(cpu) == avg(cpu)', 'true'],
    ['first(cpu) == 91 && last(cpu) == 97', 'true'],
    ['increase(cpu) == 120', 'true'],
    ['rate(cpu) == 2', 'true'],
    ['avg(cpu) > params.threshold', 'true'],
    ['avg(cpu) > params["threshold"]', 'true'],
    ['avg(cpu) * 1 / 2 == 47.5', 'true'],
    ['1 / 2 == 0.5 && avg(cpu) > 0', 'true'],
    ['avg(cpu) * MiB == 95 * 1024 * 1024', 'true'],
    ['last(cpu) % 10 == 7', 'true'],
    ['-avg(cpu) < -90', 'true'],
    ['abs(skew()) > 200', 'true'],
    ['skew() > 200', 'false'],
    ['anomaly(cpu) > 3', 'true'],
    ['absent(requests)', 'true'],
    ['absent(cpu)', 'false'],
    ['avg(cpu) > 90 && host == "web-1"', 'true'],
    ['avg(cpu) > 90 && host != "web-1"', 'false'],
    ['avg(cpu) > 90 && host.startsWith("web-") && host.endsWith("1") && host.contains("b-")', 'true'],
    ['avg(cpu) > 90 && labels.mount in ["/", "/home"]', 'true'],
    ['avg(cpu) > 90 && !(labels.mount in ["/home"])', 'true'],
    ['last(cpu) in [1, 97]', 'true'],
    ['avg(cpu) > 90 && labels["a.b"] == "dotted"', 'true'],
    ['avg(cpu) > 90 && has(labels.mount) && !has(labels.device)', 'true'],
    ['avg(cpu) > (host == "web-1" ? 99 : 90)', 'false'],
    ['(avg(cpu) > 90) == true', 'true'],
    ['avg(cpu) > 90 // over nine tenths', 'true'],
  ])('%s is %s', (expr, expected) => {
    expect(verdict(expr)).toBe(expected);
  });

  test('says what it read, as it is written in its shortest form', () => {
    const { values } = ruleOf({ expr: 'avg( "cpu" ) > 90 || max("http.requests") > 1 || absent(requests) || skew() > 0' }).holds(
      scopeOf(),
    );
    expect(values).toEqual({ 'avg(cpu)': 95, 'absent(requests)': 1, 'skew()': -250 });
  });

  test('says how a score came about, and what was missing', () => {
    expect(ruleOf({ expr: 'anomaly(cpu) > 4' }).holds(scopeOf()).explanations).toEqual([
      'anomaly(cpu): 3.9× the usual spread for Tuesdays 14:00',
    ]);
    expect(ruleOf({ expr: 'avg(other) > 4' }).holds(scopeOf()).explanations).toEqual(['avg(other) is missing']);
  });

  test('names each metric once, and how it is read', () => {
    const { metrics, anomalies, absents, onSamples, judgesSilence, id } = ruleOf({
      expr: 'avg(cpu) > 1 && max(cpu) > 2 && anomaly(load1) > 3',
      clear: 'last(disk_free) > 1 || absent(x)',
    });
    expect({ metrics, anomalies, absents, onSamples, judgesSilence, id }).toEqual({
      metrics: ['cpu', 'load1', 'disk_free', 'x'],
      anomalies: ['load1'],
      absents: ['x'],
      onSamples: false,
      judgesSilence: false,
      id: 'g/A',
    });
  });

  test.each(['avg', 'min', 'max', 'first', 'last'])('%s says as much of a sample as of a minute', (reader) => {
    expect(ruleOf({ expr: `${reader}(cpu) > 1` }).onSamples).toBe(true);
  });

  test.each([
    'sum(cpu) > 1',
    'count(cpu) > 1',
    'rate(cpu) > 1',
    'increase(cpu) > 1',
    'absent(cpu)',
    'anomaly(cpu) > 1',
    'skew() > 1',
  ])('%s is judged on minutes', (expr) => {
    expect(ruleOf({ expr }).onSamples).toBe(false);
  });

  test('silence is judged as time goes on', () => {
    const rule = ruleOf({ expr: 'silence() > 300' });
    expect(rule.judgesSilence).toBe(true);
    expect(rule.holds(scopeOf({ silenceSeconds: 301 })).verdict).toBe('true');
    expect(rule.holds(scopeOf()).verdict).toBe('unknown');
  });

  test('that throws within is unknown, with the reason', () => {
    const scope = scopeOf({
      window: () => {
        throw new Error('the store is gone');
      },
    });
    const { verdict: found, explanations } = ruleOf().holds(scope);
    expect(found).toBe('unknown');
    expect(explanations[0]).toBe('the store is gone');
  });
});

describe('an end', () => {
  const clear = (fields: Parameters<typeof ruleOf>[0], sum: number): string =>
    ruleOf(fields).clears(scopeOf({ windows: { cpu: windowOf({ sum }) } })).verdict;

  test('is that the condition is false, where the rule says no more', () => {
    expect(clear({}, 600)).toBe('false');
    expect(clear({}, 480)).toBe('true');
    expect(ruleOf().clears(scopeOf({ windows: {} })).verdict).toBe('unknown');
  });

  test('is what `clear` says, where there is one', () => {
    expect(clear({ clear: 'avg(cpu) < 80' }, 500)).toBe('false');
    expect(clear({ clear: 'avg(cpu) < 80' }, 470)).toBe('true');
    expect(ruleOf({ clear: 'avg(cpu) < 80' }).clears(scopeOf({ windows: {} })).verdict).toBe('unknown');
  });
});

describe('what is missing', () => {
  /** Each truth as a condition: U reads what is not there. */
  const TRUTHS = { T: 'avg(cpu) > 0', F: 'avg(cpu) < 0', U: 'avg(gone) > 0' } as const;
  const TABLE = {
    '&&': { TT: 'T', TF: 'F', TU: 'U', FT: 'F', FF: 'F', FU: 'F', UT: 'U', UF: 'F', UU: 'U' },
    '||': { TT: 'T', TF: 'T', TU: 'T', FT: 'T', FF: 'F', FU: 'U', UT: 'T', UF: 'U', UU: 'U' },
    '==': { TT: 'T', TF: 'F', TU: 'U', FT: 'F', FF: 'T', FU: 'U', UT: 'U', UF: 'U', UU: 'U' },
  } as const;
  const NAMES = { T: 'true', F: 'false', U: 'unknown' } as const;
  const truth = (name: string | undefined): string => TRUTHS[name as 'T'];

  test.each(
    Object.entries(TABLE).flatMap(([op, rows]) => Object.entries(rows).map(([pair, result]) => [op, pair, result] as const)),
  )('%s of %s is %s', (op, pair, result) => {
    expect(verdict(`(${truth(pair[0])}) ${op} (${truth(pair[1])})`)).toBe(NAMES[result]);
  });

  test.each([
    ['!(avg(gone) > 0)', 'unknown'],
    ['avg(gone) > 0 ? true : false', 'unknown'],
    ['avg(gone) > 0 ? avg(cpu) > 0 : avg(cpu) > 1', 'true'],
    ['(avg(gone) > 0 ? 1 : 1) < avg(cpu)', 'true'],
    ['avg(gone) + avg(cpu) > 0', 'unknown'],
    ['avg(gone) in [1, 2]', 'unknown'],
    ['avg(cpu) > 0 && labels.device == "sda"', 'unknown'],
    ['avg(cpu) > 0 && environment == "production"', 'unknown'],
    ['avg(cpu) > 0 && !(has(labels.fstype) && labels.fstype in ["squashfs"])', 'true'],
    ['absent(nobody_knows)', 'unknown'],
    ['avg(cpu) / (min(cpu) - 90) > 0', 'unknown'],
    ['min(cpu) % 0 > 0', 'unknown'],
    ['anomaly(memory_used) > 1', 'unknown'],
  ])('makes %s %s', (expr, expected) => {
    expect(verdict(expr)).toBe(expected);
  });

  test.each(['rate(cpu) > 0', 'increase(cpu) > 0'])('%s is unknown for one sample', (expr) => {
    expect(verdict(expr, scopeOf({ windows: { cpu: windowOf({ count: 1 }) } }))).toBe('unknown');
  });

  test('is said where a division has no result', () => {
    expect(ruleOf({ expr: 'avg(cpu) / (min(cpu) - 90) > 0' }).holds(scopeOf()).explanations).toEqual(['division by zero']);
  });
});

describe('no text', () => {
  const WORDS = [
    'avg',
    'rate',
    'silence',
    'labels',
    'params',
    'host',
    'cpu',
    'GiB',
    'has',
    'in',
    'true',
    'null',
    'matches',
    'constructor',
    '__proto__',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '.',
    ',',
    ':',
    '?',
    '&&',
    '||',
    '!',
    '==',
    '<',
    '>=',
    '+',
    '-',
    '*',
    '/',
    '%',
    '"a"',
    "'",
    '"',
    '\\',
    '1',
    '0x',
    '1e9',
    '5u',
    'b"x"',
    ' ',
    '\n',
    '//',
    '5m',
    'by',
    '=~',
  ];
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fc.constantFrom(...WORDS), { maxLength: 30 }).map((words) => words.join('')),
    fc.array(fc.constantFrom(...WORDS), { maxLength: 30 }).map((words) => words.join(' ')),
    fc.constantFrom('!', '-', '(', '[', '{', 'a.', '1+', '?').chain((one) => fc.nat(2_000).map((n) => one.repeat(n))),
  );

  test('makes the compiler throw, or a compiled rule: it is a problem in the text, or a verdict', () => {
    fc.assert(
      fc.property(text, (expr) => {
        const spec = specOf({ expr, clear: expr, annotations: { a: expr, b: `{{${expr}}}` } });
        for (const { offset, message } of checkRule(spec)) {
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset).toBeLessThanOrEqual(spec.expr.length + 4);
          expect(message).not.toBe('');
        }
      }),
      { numRuns: 3_000 },
    );
  });

  const condition = fc.letrec<{ number: string; condition: string }>((tie) => ({
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('avg(cpu)', 'max(gone)', 'rate(cpu)', '0', '2.5', '90', 'params.threshold', 'skew()', 'anomaly(gone)'),
      fc.tuple(tie('number'), fc.constantFrom('+', '-', '*', '/', '%'), tie('number')).map((parts) => `(${parts.join(' ')})`),
      fc.tuple(tie('condition'), tie('number'), tie('number')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    ),
    condition: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('true', 'absent(cpu)', 'host == "web-1"', 'labels.none == "a"', 'has(labels.mount)'),
      fc.tuple(tie('number'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('number')).map((parts) => parts.join(' ')),
      fc.tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition')).map((parts) => `(${parts.join(' ')})`),
      tie('condition').map((one) => `!(${one})`),
    ),
  })).condition;

  test('that is a condition gives another verdict once what was missing is there, unless it was unknown', () => {
    fc.assert(
      fc.property(condition, fc.double({ min: -100, max: 100, noNaN: true }), (one, value) => {
        const expr = `(${one}) && (avg(cpu) > 0 || true)`;
        if (checkRule(specOf({ expr })).length > 0) return;
        const rule = ruleOf({ expr });
        const filled = scopeOf({
          windows: { cpu: windowOf(), gone: windowOf({ max: value }) },
          labels: { mount: '/', none: 'a' },
          anomaly: () => ({ score: value, explanation: '' }),
        });
        const before = rule.holds(scopeOf()).verdict;
        if (before !== 'unknown') expect(rule.holds({ ...filled, absent: () => false }).verdict).toBe(before);
      }),
      { numRuns: 1_000 },
    );
  });
});
