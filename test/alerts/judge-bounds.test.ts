/** What one host's alerts may take of the judge: bounded, and never at the cost of what the host itself has to say. */
import { expect, test } from 'vitest';
import { newJudge } from '../../src/alerts/new-judge.ts';
import type { RuleSpec } from '../../src/model/alert.ts';
import { ALERT_LIMITS } from '../../src/model/alert-limits.ts';
import { clientKey } from '../../src/model/partition.ts';
import { createSeries } from '../../src/model/series.ts';
import { MINUTE_MS } from '../../src/model/window.ts';
import type { WindowColumn } from '../../src/ports/time-series-store.ts';

const START_MS = Date.UTC(2026, 0, 5);
const PLACE = { tenant: 'acme', client: 'web-1', datacenter: undefined, environment: undefined, skewMs: undefined };

function rule(alert: string, expr: string, changes: Partial<RuleSpec> = {}): RuleSpec {
  const common = { group: 'g', clear: undefined, keepFiringForMs: 0, severity: 'high', labels: {}, overrides: [] };
  return { ...common, alert, expr, forMs: 0, annotations: {}, params: {}, ...changes };
}

function column(metric: string, labels: [string, string][]): WindowColumn {
  const one = (value: number) => Float64Array.of(value);
  const series = createSeries(metric, labels, '', 'gauge');
  const [starts, five] = [one(START_MS), one(5)];
  return {
    series,
    starts,
    count: one(1),
    sum: five,
    min: five,
    max: five,
    first: five,
    last: five,
    increase: one(0),
    revision: one(1),
  };
}

test('a host with as many alerts as it may have still tells that it is full, and that it is silent', () => {
  const judge = newJudge();
  const rules = [rule('Many', 'sum(requests) > 1'), rule('Full', 'sum(memory) > 1'), rule('Silent', 'silence() > 60')];
  judge.controlled({ kind: 'rules', tenant: 'acme', rules: { version: 1, rules } }, START_MS);
  const many = Array.from({ length: 1_500 }, (_, i) => column('requests', [['path', `/${i}`]]));
  const close = (columns: WindowColumn[], startMs: number) =>
    judge.closed({ ...PLACE, startMs, columns: () => columns, complete: true, logMs: startMs + MINUTE_MS });
  close(many, START_MS);
  expect(judge.take()).toHaveLength(ALERT_LIMITS.alertsPerClientMax);
  close([...many, column('memory', [])], START_MS + MINUTE_MS);
  expect(judge.take().map((one) => one.rule)).toEqual(['Full']);
  const logMs = START_MS + 10 * MINUTE_MS;
  judge.scanned(logMs, 0, new Map([[clientKey('acme', 'web-1'), { ...PLACE, lastSeenMs: START_MS + 2 * MINUTE_MS }]]));
  expect(
    judge
      .take()
      .filter(({ to }) => to === 'firing')
      .map((one) => one.rule),
  ).toEqual(['Silent']);
});

test('late samples of many series add no more lines to the history than there may be alerts', () => {
  const judge = newJudge();
  judge.controlled(
    { kind: 'rules', tenant: 'acme', rules: { version: 1, rules: [rule('Many', 'sum(requests) > 1')] } },
    START_MS,
  );
  const many = Array.from({ length: 1_500 }, (_, i) => column('requests', [['path', `/${i}`]]));
  judge.corrected({ ...PLACE, startMs: START_MS, columns: () => many, complete: true, logMs: START_MS + MINUTE_MS });
  const told = judge.take();
  expect(told.every(({ amended }) => amended)).toBe(true);
  expect(told).toHaveLength(ALERT_LIMITS.alertsPerClientMax);
});

test('what the annotations of an alert say together is bounded: it is kept a thousand times for each host', () => {
  const judge = newJudge();
  const long = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`a${i}`, '{{ labels.path }}'.repeat(32)]));
  judge.controlled(
    { kind: 'rules', tenant: 'acme', rules: { version: 1, rules: [rule('Many', 'sum(requests) > 1', { annotations: long })] } },
    START_MS,
  );
  const columns = [column('requests', [['path', 'x'.repeat(256)]])];
  judge.closed({ ...PLACE, startMs: START_MS, columns: () => columns, complete: true, logMs: START_MS + MINUTE_MS });
  const [one] = judge.take();
  const length = Object.values(one?.annotations ?? {}).reduce((sum, text) => sum + text.length, 0);
  expect(length).toBe(ALERT_LIMITS.annotationsLengthMax);
  expect(Object.keys(one?.annotations ?? {})).toHaveLength(16);
});
