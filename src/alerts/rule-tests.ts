/** Runs tests of rules: the judge of the pipeline, told minute by minute what the series of a test say, on a clock of its own. */
import { addSample, emptyAggregate } from '../model/aggregate.ts';
import type { RuleSpec, Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { clientKey } from '../model/partition.ts';
import { createSeries, type Series } from '../model/series.ts';
import { MINUTE_MS, windowStart } from '../model/window.ts';
import type { AlertJudge, JudgeFactory, JudgeState, SeenClient } from '../ports/alert-judge.ts';
import type { WindowColumn } from '../ports/time-series-store.ts';
import { type Expectation, type ExpectedAlert, type RuleTest, SHOWN_STATES, type TestSeries } from './rule-test-file.ts';

export interface RuleTestFailure {
  readonly line: number;
  readonly message: string;
}

export interface RuleTestResult {
  readonly name: string;
  readonly line: number;
  readonly failures: readonly RuleTestFailure[];
}

const TENANT = 'test';
/** 0 of every test: Monday, 5 January 2026, 00:00 UTC. */
const START = Date.UTC(2026, 0, 5);

/** Runs tests one after the other, each with a judge of its own. */
export function runRuleTests(
  tests: readonly RuleTest[],
  rules: readonly RuleSpec[],
  judges: JudgeFactory,
): readonly RuleTestResult[] {
  const names = new Set(rules.map(({ alert }) => alert));
  return tests.map((test) => {
    const judge = judges(0);
    const unknown = test.expectations.filter(({ alert }) => !names.has(alert));
    const failures = unknown.map(({ line, alert }) => ({
      line,
      message: `there is no rule ${alert}: there are ${[...names].join(', ')}`,
    }));
    if (judge === undefined || failures.length > 0) return { name: test.name, line: test.line, failures };
    judge.controlled({ kind: 'rules', tenant: TENANT, rules: { version: 1, rules } }, START);
    return { name: test.name, line: test.line, failures: run(test, judge) };
  });
}

/** A host of a test: its series, what its open minute holds, and when it was heard last. */
interface TestHost {
  readonly seen: { -readonly [Key in keyof SeenClient]: SeenClient[Key] };
  readonly series: readonly { readonly input: TestSeries; readonly series: Series; readonly open: number[] }[];
}

function run(test: RuleTest, judge: AlertJudge & JudgeState): RuleTestFailure[] {
  const hosts = hostsOf(test.series);
  const alerts = new Map<string, Transition>();
  const failures: RuleTestFailure[] = [];
  const waiting = [...test.expectations];
  const endMs = START + (waiting.at(-1)?.atMs ?? 0);
  for (let nowMs = START; nowMs <= endMs; nowMs = nextMs(nowMs, test.intervalMs, waiting[0])) {
    sample(hosts, test, nowMs, judge);
    if (nowMs > START && nowMs % MINUTE_MS === 0) close(hosts, nowMs, judge);
    if (nowMs % ALERT_LIMITS.alertScanMs === 0) scan(hosts, nowMs, judge);
    for (const transition of judge.take()) if (!transition.amended) alerts.set(transition.alert, transition);
    while (waiting[0] !== undefined && START + waiting[0].atMs <= nowMs) {
      const expectation = waiting.shift();
      if (expectation !== undefined) failures.push(...compare(expectation, [...alerts.values()]));
    }
  }
  return failures;
}

/** The next time at which something happens: a sample, a look at the clock, or an expectation. */
function nextMs(nowMs: number, intervalMs: number, next: Expectation | undefined): number {
  const sampleMs = START + windowStart(nowMs - START, intervalMs) + intervalMs;
  const scanMs = windowStart(nowMs, ALERT_LIMITS.alertScanMs) + ALERT_LIMITS.alertScanMs;
  return Math.min(sampleMs, scanMs, next === undefined ? Number.POSITIVE_INFINITY : START + next.atMs);
}

function hostsOf(all: readonly TestSeries[]): readonly TestHost[] {
  const byHost = Map.groupBy(all, ({ host }) => host);
  return [...byHost].map(([host, inputs]) => ({
    seen: {
      tenant: TENANT,
      client: host,
      datacenter: inputs.find(({ datacenter }) => datacenter !== undefined)?.datacenter,
      environment: inputs.find(({ environment }) => environment !== undefined)?.environment,
      skewMs: 0,
      lastSeenMs: 0,
    },
    series: inputs.map((input) => ({ input, series: createSeries(input.metric, input.labels, '', 'gauge'), open: [] })),
  }));
}

/** A host pushes what its series have at this time. */
function sample(hosts: readonly TestHost[], { intervalMs }: RuleTest, nowMs: number, judge: AlertJudge): void {
  const place = (nowMs - START) / intervalMs;
  if (!Number.isInteger(place)) return;
  for (const { seen, series } of hosts) {
    const columns = series.flatMap(({ input, series: one, open }) => {
      const value = input.values[place];
      if (value === undefined) return [];
      // The minute that ends now is not closed yet: what is of the next one stands behind it.
      open.push(nowMs, value);
      return [{ series: one, rows: undefined, values: Float64Array.of(value) }];
    });
    if (columns.length === 0) continue;
    seen.lastSeenMs = nowMs;
    judge.sampled({ ...seen, block: () => ({ timesMs: Float64Array.of(nowMs), timesNs: undefined, columns }), logMs: nowMs });
  }
}

/** The minute that ends now. */
function close(hosts: readonly TestHost[], nowMs: number, judge: AlertJudge): void {
  for (const { seen, series } of hosts) {
    const columns = series.flatMap(({ series: one, open }) => {
      const held = open.splice(0);
      const aggregate = emptyAggregate();
      for (let i = 0; i < held.length; i += 2) {
        const ms = held[i] ?? 0;
        const value = held[i + 1] ?? 0;
        if (ms < nowMs) addSample(aggregate, value);
        else open.push(ms, value);
      }
      return aggregate.count === 0 ? [] : [columnOf(one, nowMs - MINUTE_MS, aggregate)];
    });
    if (columns.length > 0)
      judge.closed({ ...seen, startMs: nowMs - MINUTE_MS, columns: () => columns, complete: true, logMs: nowMs });
  }
}

function columnOf(series: Series, startMs: number, window: ReturnType<typeof emptyAggregate>): WindowColumn {
  const one = (value: number) => Float64Array.of(value);
  const { count, sum, min, max, first, last, increase } = window;
  return {
    series,
    starts: one(startMs),
    count: one(count),
    sum: one(sum),
    min: one(min),
    max: one(max),
    first: one(first),
    last: one(last),
    increase: one(increase),
    revision: one(1),
  };
}

function scan(hosts: readonly TestHost[], nowMs: number, judge: AlertJudge): void {
  const known = hosts
    .filter(({ seen }) => seen.lastSeenMs > 0)
    .map(({ seen }) => [clientKey(seen.tenant, seen.client), seen] as const);
  judge.scanned(nowMs, START, new Map(known));
}

function compare({ line, atMs, alert, expected }: Expectation, all: readonly Transition[]): RuleTestFailure[] {
  const wantsPending = expected.some(({ state }) => state === 'pending');
  const there = all.filter(({ rule, to }) => rule === alert && SHOWN_STATES.includes(to) && (to !== 'pending' || wantsPending));
  const left = [...there];
  // What says more is looked for first, so that it finds its own.
  const missing = expected
    .toSorted((a, b) => detailsOf(b).length - detailsOf(a).length)
    .filter((one) => {
      const place = left.findIndex((transition) => fits(one, transition));
      if (place >= 0) left.splice(place, 1);
      return place < 0;
    });
  if (missing.length === 0 && left.length === 0) return [];
  const what = [...missing.map((one) => `missing: ${shownExpected(one)}`), ...left.map((one) => `not expected: ${shown(one)}`)];
  return [{ line, message: `${alert} at ${atMs / 1_000}s: ${what.join('; ')}` }];
}

function fits(expected: ExpectedAlert, transition: Transition): boolean {
  const { host, severity, state, labels, annotations } = expected;
  if (state !== transition.to) return false;
  if (host !== undefined && host !== transition.client) return false;
  if (severity !== undefined && severity !== transition.severity) return false;
  const own = ownLabels(transition);
  const has = (record: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).every(([name, value]) => Object.hasOwn(record, name) && record[name] === value);
  return has(own, labels) && has(transition.annotations, annotations);
}

/** The labels of an alert with what stands beside them, as promtool writes them. */
function ownLabels({ client, datacenter = '', environment = '', severity, rule, labels }: Transition): Record<string, string> {
  return { ...labels, host: client, datacenter, environment, severity, alertname: rule };
}

function detailsOf({ host, severity, labels, annotations }: ExpectedAlert): string[] {
  const entries = (record: Readonly<Record<string, string>>) =>
    Object.entries(record).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [
    ...(host === undefined ? [] : [`host=${JSON.stringify(host)}`]),
    ...(severity === undefined ? [] : [`severity=${JSON.stringify(severity)}`]),
    ...entries(labels),
    ...entries(annotations),
  ];
}

function shownExpected(expected: ExpectedAlert): string {
  return `${expected.state} {${detailsOf(expected).join(', ')}}`;
}

function shown({ to, client, severity, labels, annotations }: Transition): string {
  return shownExpected({ state: to, host: client, severity, labels, annotations });
}
