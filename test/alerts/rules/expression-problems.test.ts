/** What is said of texts that are no conditions: where, and what to write instead. */
import { describe, expect, test } from 'vitest';
import { checkRule } from '../../../src/alerts/compile-rule.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { specOf } from './scope.ts';

const problems = (expr: string): string[] => checkRule(specOf({ expr })).map(({ offset, message }) => `${offset}: ${message}`);

const NAMES = 'names are host, datacenter, environment, labels.NAME, params.NAME, KiB, MiB, GiB, TiB';
const FUNCTIONS = 'avg, min, max, sum, count, first, last, increase, rate, absent, anomaly, silence, skew, abs, has';

describe('what is no condition', () => {
  test.each([
    ['', ['0: is empty']],
    ['  ', ['0: is empty']],
    ['avg(cpu)', ['0: an expression is true or false; this is a number: compare it, like > 90']],
    ['host', ['0: an expression is true or false; this is a text: compare it, like > 90']],
    ['true', ['0: reads nothing: name a metric, like avg(cpu) > 90']],
    ['host == "a"', ['0: reads nothing: name a metric, like avg(cpu) > 90']],
    ['avg(cpu) >', ['10: unexpected token: the end']],
    ['avg(cpu > 3', ['11: expected RPAREN, got the end']],
    ['avg(cpu) = 3', ['9: unexpected character: =; write == to compare']],
    ['avg(cpu) > 3 $', ['13: unexpected character: $']],
    ['avg(cpu) > "3"', ['11: > takes numbers; this is a text']],
    ['avg(cpu) == "3"', ['0: a number is never equal to a text: labels are texts, in quotes; numbers stand without']],
    ['avg(cpu) && avg(cpu) > 1', ['0: && takes conditions; this is a number: compare it, like > 90']],
    ['!avg(cpu)', ['1: ! takes conditions; this is a number: compare it, like > 90']],
    ['avg(cpu) > 1 ? 1 : "a"', ['0: both sides of : are of one kind; these are a number and a text']],
    ['avg(cpu) > 90 && cpu > 3', [`17: expressions are CEL, and there is no cpu: for a metric write last(cpu); other ${NAMES}`]],
    [
      'avg(cpu) > 1 && constructor == 1',
      [`16: expressions are CEL, and there is no constructor: for a metric write last(constructor); other ${NAMES}`],
    ],
    ['__proto__ == 1', ['0: reserved identifier: __proto__']],
    ['avg(cpu) > 1 && host.constructor == "a"', ['21: there is no .constructor: only labels and params have fields']],
    ['avg(cpu) > 1 && labels.__proto__ == "a"', ['23: no label begins with __']],
    ['avg(cpu) > params.constructor', ['18: there is no params.constructor: its params are threshold']],
    ['avg(cpu) > params.limit', ['18: there is no params.limit: its params are threshold']],
    ['avg(cpu) > params', ['11: write params.NAME']],
    ['avg(cpu) > 1 && labels.a.b == "x"', ['25: write labels["a.b"]']],
    ['mean(cpu) > 1', [`0: there is no function mean: there are ${FUNCTIONS}`]],
    ['constructor(cpu) > 1', [`0: there is no function constructor: there are ${FUNCTIONS}`]],
    ['toString() == "a"', [`0: there is no function toString: there are ${FUNCTIONS}`]],
    ['avg() > 1', ['0: avg() takes one metric, like avg(cpu)']],
    ['avg(cpu, load1) > 1', ['9: avg() takes one metric, like avg(cpu)']],
    ['avg(http.requests) > 1', ['9: a metric is a name or a text: write avg("http.requests")']],
    ['avg("no name") > 1', ['4: no metric can have the name "no name"']],
    ['avg(1) > 1', ['4: a metric is a name or a text: write avg(cpu) or avg("http.requests")']],
    ['silence(cpu) > 1', ['8: silence() takes nothing']],
    [
      'silence() > 1 && avg(cpu) > 1',
      ['0: silence() is judged as time goes on, metrics when their minute closes: write two rules'],
    ],
    ['avg(cpu) > 1 && host.matches("(a+)+$")', ['16: patterns are not offered: texts have startsWith, endsWith and contains']],
    ['avg(cpu) > 1 && host.size() > 3', ['16: there is no .size(): texts have startsWith, endsWith and contains']],
    ['[1, 2].exists(x, x > 1)', ['0: there is no .exists(): texts have startsWith, endsWith and contains']],
    ['avg(cpu) in labels', ['12: after `in` stands a list, like ["/", "/home"]']],
    ['labels.mount in ["/", 3]', ['22: the list of a text holds each as it is written: no other kind, and no expressions']],
    ['avg(cpu) > 5u', ['11: write a number, a text in quotes, true or false']],
    ['avg(cpu) > null', ['11: write a number, a text in quotes, true or false']],
    ['{"a": 1} == 1', ['0: lists stand only after `in`, and there are no maps']],
    ['has(host)', ['4: has() takes a label, like has(labels.mount)']],
    ['abs("a") > 1', ['4: abs() takes a number; this is a text']],
    [
      'foo > 1 || bar(cpu)',
      [
        `0: expressions are CEL, and there is no foo: for a metric write last(foo); other ${NAMES}`,
        `11: there is no function bar: there are ${FUNCTIONS}`,
      ],
    ],
  ])('%s: %j', (expr, expected) => {
    expect(problems(expr)).toEqual(expected);
  });

  test.each([
    [
      'rate(http_requests_total[5m]) > 5',
      'a range',
      'a rule reads the minute that closed: write rate(http_requests_total) > 5, and say with `for` how long it has to hold',
    ],
    [
      'avg_over_time(cpu[10m]) >= 90',
      'a range',
      'a rule reads the minute that closed: write avg(cpu) >= 90, and say with `for` how long it has to hold',
    ],
    [
      'rate(http_requests_total{job="api"}[5m]) > 7',
      'a range',
      'a rule reads the minute that closed: write rate(http_requests_total) > 7 && labels.job == "api", and say with `for` how long it has to hold',
    ],
    [
      'sum by (job) (rate(http_requests_total[5m])) > 5',
      'an aggregation over series',
      'each host and label set is judged by itself: write rate(http_requests_total) > 5, and group alerts in routes',
    ],
    [
      'sum(rate(x[5m])) without (cpu) > 5',
      'an aggregation over series',
      'each host and label set is judged by itself: write rate(x) > 5, and group alerts in routes',
    ],
    ['up == 0', 'up', 'for a host that says nothing write silence() > 300, for a metric of that name last(up) == 0'],
    ['{job="x"}', 'a selector', 'write labels.job == "x"'],
    ['up{job="x"} == 0', 'a selector', 'write last(up) == 0 && labels.job == "x"'],
    [
      'http_requests_total{path=~"/api.*"} > 3',
      'a selector',
      'write last(http_requests_total) > 3 && labels.path == "/api.*" (or startsWith, endsWith, contains, in: there are no patterns)',
    ],
    ['avg(cpu) > 90 and avg(load1) > 3', 'a set operator', 'write && for `and`, || for `or`, && !(...) for `unless`'],
    [
      'histogram_quantile(0.9, x) > 1',
      'a function of PromQL',
      'there are avg, min, max, sum, count, rate, increase, first, last, absent, anomaly, silence, skew and abs',
    ],
    ['avg(cpu) offset 5m > 3', '`offset`', 'a rule reads the minute that closed, and no other'],
  ])('%s is answered with what to write in CEL', (expr, what, instead) => {
    expect(checkRule(specOf({ expr })).map(({ message }) => message)).toEqual([
      `this is PromQL (${what}); expressions are CEL: ${instead}`,
    ]);
  });

  test('is what is too long, too deep, too large, or reads too much', () => {
    const long = `avg(cpu) > ${'1'.repeat(ALERT_LIMITS.expressionLengthMax)}`;
    expect(problems(long)).toEqual(['1000: is longer than 1000 characters']);
    expect(problems(`${'('.repeat(100)}avg(cpu) > 1${')'.repeat(100)}`)).toEqual([
      '32: is too large: split it into several rules',
    ]);
    expect(problems(Array.from({ length: 150 }, () => '1').join('+'))[0]).toMatch(/is too large/);
    const many = Array.from({ length: 20 }, (_, i) => `avg(m${i}) > 1`).join(' && ');
    expect(problems(many)).toEqual(['0: reads more than 16 things']);
  });
});
