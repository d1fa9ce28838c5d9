/** Alerting: ten thousand series that cross a threshold at once, and what judging costs, by a server in real time and by the judge alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILTIN_RULES } from '../../src/alerts/builtin-rules.ts';
import { newJudge } from '../../src/alerts/new-judge.ts';
import { parseRuleFile } from '../../src/alerts/rule-file.ts';
import { ALERT_LIMITS } from '../../src/model/alert-limits.ts';
import { createSeries } from '../../src/model/series.ts';
import type { WindowColumn } from '../../src/ports/time-series-store.ts';
import {
  ALERT_FLAGS,
  done,
  eventsOf,
  type IncidentRow,
  incidentsOf,
  pagerdutyChannel,
  pushSamples,
  until,
  webhookChannel,
} from '../../test/system/alert-lab.ts';
import { type HttpReceiver, httpReceiver } from '../../test/system/notify-receivers.ts';
import type { Keys } from '../../test/system/server-process.ts';
import { realClock } from './fleet.ts';
import { METRICS } from './host-values.ts';
import { openLoad } from './load.ts';
import { type Measurement, measure } from './measure.ts';
import { get, metricValue } from './read-api.ts';
import { type Bench, createHosts } from './scenario.ts';
import { type Server, withServer } from './server-process.ts';

export interface AlertsOptions {
  /** That cross at once, spread over this many hosts. */
  readonly series: number;
  readonly hosts: number;
  /** Of so many hosts, which push each 10 s, judged for so many minutes. */
  readonly rules: number;
  readonly judgedHosts: number;
  readonly minutes: number;
  readonly only: 'crossing' | 'paced' | 'judge' | undefined;
}

const MINUTE_MS = 60_000;
const CONNECTIONS = 50;
/** Two rounds of pushes, after which the server knows every host. */
const WARM_UP_MS = 20_000;
const INTERVAL_SECONDS = 10;
const OFF = 'builtin:\n  HighCpu: { enabled: false }\n  HighMemory: { enabled: false }\n  LowDiskSpace: { enabled: false }\n';
const URGENT = { group_wait_ms: ALERT_LIMITS.criticalWaitMs, group_interval_ms: ALERT_LIMITS.criticalIntervalMs };
const NO_RULES = `${OFF}  HostSilent: { enabled: false }\n`;
const CROSSING_RULES = `groups:
  - name: queues
    rules:
      - { alert: QueueFull, expr: last(queue_depth) > 100, clear: last(queue_depth) < 50, severity: critical }
      - { alert: Probe, expr: last(probe_depth) > 100 }
`;

export async function runAlerts(bench: Bench, options: AlertsOptions): Promise<void> {
  const { only } = options;
  if (only === undefined || only === 'crossing') await runCrossing(bench, options);
  if (only === undefined || only === 'judge') runJudge(bench, options);
  if (only === undefined || only === 'paced') await runPaced(bench, options);
}

function keysOf({ dataDir }: Server): Keys {
  return JSON.parse(readFileSync(join(dataDir, 'keys.json'), 'utf8')) as Keys;
}

/** Every host pushes all of its series once, far above the threshold of a rule that is judged on samples. */
async function runCrossing(bench: Bench, { series, hosts }: AlertsOptions): Promise<void> {
  bench.log(`crossing: ${series} series of ${hosts} hosts at once`);
  const pager = await httpReceiver();
  const hook = await httpReceiver();
  try {
    await withServer({ ...bench.serverOptions, flags: ALERT_FLAGS }, async (server) => {
      const keys = keysOf(server);
      await done(keys, 'PUT', '/api/v1/channels/pager', pagerdutyChannel(pager.url));
      await done(keys, 'PUT', '/api/v1/channels/hook', webhookChannel(hook.url));
      // As critical alerts are gathered by themselves.
      await done(keys, 'PUT', '/api/v1/routes/all', { match: { rule: 'QueueFull' }, channels: ['pager', 'hook'], ...URGENT });
      await done(keys, 'PUT', '/api/v1/rules', CROSSING_RULES);
      await until('the rules', async () => {
        await pushSamples(keys, 'probe', [{ name: 'probe_depth', value: 150, timestamp: Date.now() }]);
        return (await incidentsOf(keys)).length > 0;
      });
      await crossAll(bench, server, keys, { series, hosts, pager, hook });
      await server.stop();
    });
  } finally {
    await Promise.all([pager.close(), hook.close()]);
  }
}

interface Crossing {
  readonly series: number;
  readonly hosts: number;
  readonly pager: HttpReceiver;
  readonly hook: HttpReceiver;
}

async function crossAll(bench: Bench, server: Server, keys: Keys, { series, hosts, pager, hook }: Crossing): Promise<void> {
  const each = Math.ceil(series / hosts);
  const names = Array.from({ length: hosts }, (_, i) => `host-${i}`);
  const fromMs = performance.now();
  const cpuFrom = server.cpuSeconds();
  const push = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) await crossingPush(keys, name, each);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, push));
  const pushedMs = performance.now();
  const since = (): string => `${((performance.now() - pushedMs) / 1_000).toFixed(2)} s`;
  bench.log(`  pushed and acknowledged in ${((pushedMs - fromMs) / 1_000).toFixed(2)} s`);
  await until('every transition', async () => {
    const text = await (await get(server, '/metrics')).text();
    return (metricValue(text, 'metricstream_alert_transitions_total') ?? 0) > hosts * each;
  });
  bench.log(`  all ${hosts * each} judged ${since()} after the last acknowledgement`);
  const incident = await until<IncidentRow>('the incident', async () =>
    (await incidentsOf(keys)).find(({ alert_count: count }) => count === hosts * each),
  );
  bench.log(`  one incident of ${incident.alert_count} alerts ${since()} after the last acknowledgement`);
  const cpu = server.cpuSeconds() - cpuFrom;
  await until('its page', () => hook.posts.length > 0 && pager.posts.length > 0);
  bench.log(`  its page ${since()} after it, ${ALERT_LIMITS.criticalWaitMs} ms of them for more of the group`);
  await Bun.sleep(2 * ALERT_LIMITS.criticalWaitMs);
  const dedup = new Set(eventsOf(pager).map((event) => event.dedup_key)).size;
  const count = (await incidentsOf(keys)).filter(({ group_labels: labels }) => labels.rule === 'QueueFull').length;
  bench.log(`  ${count} incident, ${hook.posts.length} webhooks, ${pager.posts.length} PagerDuty events with ${dedup} dedup_key`);
  bench.log(`  ${cpu.toFixed(1)} s of CPU for pushes, judging and incidents; largest page ${largest(hook)} bytes`);
}

function largest({ posts }: HttpReceiver): number {
  return Math.max(...posts.map(({ body }) => body.length));
}

function crossingPush(keys: Keys, host: string, series: number): Promise<void> {
  const timestamp = Date.now();
  const metrics = Array.from({ length: series }, (_, i) => ({
    ...{ name: 'queue_depth', value: 150, timestamp },
    labels: { queue: `q-${i}` },
  }));
  return pushSamples(keys, host, metrics);
}

/** Rules that read what a host sends, hold for five minutes, and never fire: each is judged on every minute of every host. */
function ruleFile(rules: number): string {
  const plain = METRICS.filter(({ labels }) => Object.keys(labels).length === 0).map(({ name }) => name);
  const rule = (_: unknown, i: number): string => {
    const name = plain[i % plain.length] ?? 'cpu';
    const other = plain[(i + 1) % plain.length] ?? 'cpu';
    return `      - { alert: Rule${i}, expr: avg(${name}) > params.most && max(${other}) > 1, for: 5m, params: { most: 1e15 } }`;
  };
  return `${NO_RULES}groups:\n  - name: bench\n    rules:\n${Array.from({ length: rules }, rule).join('\n')}\n`;
}

/** The same hosts without any rule and with many: the difference is what judging costs. */
async function runPaced(bench: Bench, { rules, judgedHosts, minutes }: AlertsOptions): Promise<void> {
  const evaluations = rules * judgedHosts;
  bench.log(`paced: ${judgedHosts} hosts at ${INTERVAL_SECONDS} s, ${rules} rules: ${evaluations} evaluations a minute`);
  const shares: number[] = [];
  for (const file of [NO_RULES, ruleFile(rules)]) {
    const { cpuShare, seconds } = await pacedOnce(bench, file, judgedHosts, minutes);
    shares.push(cpuShare);
    bench.log(
      `  ${file === NO_RULES ? 'no rules' : `${rules} rules`}: ${(cpuShare * 100).toFixed(2)} % of a core, ${seconds.toFixed(0)} s`,
    );
  }
  const [without = 0, withRules = 0] = shares;
  const more = withRules - without;
  const us = (more * MINUTE_MS * 1_000) / evaluations;
  bench.log(`  judging: ${(more * 100).toFixed(2)} % of a core, ${us.toFixed(2)} µs an evaluation`);
}

function pacedOnce(bench: Bench, file: string, hosts: number, minutes: number): Promise<Measurement> {
  return withServer(bench.serverOptions, async (server) => {
    await done(keysOf(server), 'PUT', '/api/v1/rules', file);
    const { fleet, random } = createHosts(server, hosts, realClock);
    const pushesPerSecond = hosts / INTERVAL_SECONDS;
    const load = openLoad({ ...server, fleet, random, pushesPerSecond, pushes: Infinity, paced: false });
    const measurement = await measure(load, server, WARM_UP_MS, minutes * MINUTE_MS);
    await load.stop();
    await server.stop();
    return measurement;
  });
}

const JUDGED_MINUTES = 20;

/** The judge alone, in this process: minutes of hosts, one after the other. */
function runJudge(bench: Bench, { rules, judgedHosts }: AlertsOptions): void {
  const { rules: specs, problems } = parseRuleFile(ruleFile(rules), { builtins: BUILTIN_RULES });
  if (problems.length > 0) throw new Error(`The rules are wrong: ${problems[0]?.message}`);
  bench.log(`judge: ${judgedHosts} hosts, ${rules} rules, ${JUDGED_MINUTES} minutes, in this process`);
  const judge = newJudge();
  judge.controlled({ kind: 'rules', tenant: 'default', rules: { version: 1, rules: specs } }, 0);
  const columns = METRICS.map(columnOf);
  const placed = { tenant: 'default', datacenter: undefined, environment: undefined, skewMs: undefined, complete: true };
  const names = Array.from({ length: judgedHosts }, (_, i) => `host-${i}`);
  const times: number[] = [];
  for (let minute = 0; minute < JUDGED_MINUTES; minute++) {
    const startMs = minute * MINUTE_MS;
    const cpu = process.cpuUsage();
    for (const client of names)
      judge.closed({ ...placed, client, startMs, columns: () => columns, logMs: startMs + 2 * MINUTE_MS });
    const { user, system } = process.cpuUsage(cpu);
    times.push(user + system);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const us = (sorted[Math.floor(sorted.length / 2)] ?? 0) / (judgedHosts * rules);
  const share = (us * 100_000) / (MINUTE_MS * 1_000);
  bench.log(`  ${us.toFixed(3)} µs of CPU an evaluation: ${(share * 100).toFixed(2)} % of a core for 100,000 a minute`);
}

function columnOf({ name, labels, unit, low }: (typeof METRICS)[number]): WindowColumn {
  const one = (value: number): Float64Array => Float64Array.of(value);
  const series = createSeries(name, Object.entries(labels), unit, 'gauge');
  return {
    series,
    ...{ starts: one(0), count: one(6), sum: one(6 * low), min: one(low), max: one(low), first: one(low), last: one(low) },
    ...{ increase: one(0), revision: one(1) },
  };
}
