/** Runs one fault: a load, the fault, the recovery, and the verdict of InfluxDB and of the product's own answers. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bucketNames, MEASUREMENT } from '../../src/adapters/influxdb/names.ts';
import { fluxRunner } from '../../src/adapters/influxdb/query.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { Role } from '../../src/runtimes/config.ts';
import { type Installation, openInstallation, type Server } from './installation.ts';
import { Ledger, type SeenWindow, type Verdict } from './ledger.ts';
import { Load } from './load.ts';
import { openRedisSite, type RedisSite } from './redis-site.ts';
import type { Site } from './site.ts';

/** What a fault has in its hands while it runs. */
export interface Scene {
  readonly site: Site;
  readonly installation: Installation;
  /** In the order of the fault's layout. */
  readonly servers: readonly Server[];
  /** Where the fault asks for it. */
  readonly redis: RedisSite | undefined;
  readonly load: Load;
  readonly ledger: Ledger;
  readonly isQuick: boolean;
  /** How long InfluxDB stays down. */
  readonly downMs: number;
  /** Whatever else the row is to tell. */
  note(text: string): void;
  /** What is not as promised; the row fails. */
  wrong(text: string): void;
}

export interface Fault {
  readonly name: string;
  /** For the table: what is done. */
  readonly title: string;
  readonly layout: readonly (readonly Role[])[];
  /** Edges count together what clients do, in a Redis behind a gateway. */
  readonly sharesLimits?: boolean;
  /** Before the load. */
  prepare?(scene: Scene): Promise<void>;
  /** Does it, and undoes it: when it resolves the fault is over. */
  inject(scene: Scene): Promise<void>;
  /** When everything has been taken: what else has to be so. */
  check?(scene: Scene): Promise<void>;
}

export interface Row {
  readonly name: string;
  /** With shorter waits. */
  readonly isQuick: boolean;
  readonly title: string;
  readonly acknowledged: number;
  readonly lost: number;
  readonly doubled: number;
  /** The longest that a push took from its first try to its 202. */
  readonly slowestMs: number;
  /** From the fault's end to the first push that was acknowledged; undefined: none was. */
  readonly acknowledgedAgainMs: number | undefined;
  /** From the fault's end until nothing waited anywhere; undefined: it never came to that. */
  readonly caughtUpMs: number | undefined;
  readonly errors: readonly (readonly [string, number])[];
  readonly notes: readonly string[];
  readonly wrong: readonly string[];
}

export interface RunOptions {
  readonly isQuick: boolean;
  readonly downMs: number;
  /** Where to leave what the servers wrote. */
  readonly logs?: string | undefined;
}

export const ALL_ROLES: readonly Role[] = ['edge', 'consumer'];
const WARM_UP_MS = 5_000;
const AFTERWARDS_MS = 5_000;
const QUICK_MS = 2_000;
const RECOVERY_MS = 180_000;
const STORED_MS = 60_000;
const NO_HEADS = '1KiB';
const STORED_POLL_MS = 2_000;
const POLL_MS = 250;
const HOUR_MS = 3_600_000;
const EXAMPLES = 3;

export async function runFault(fault: Fault, site: Site, options: RunOptions): Promise<Row> {
  const installation = await openInstallation(site, fault.name);
  const notes: string[] = [];
  const wrong: string[] = [];
  const servers: Server[] = [];
  let redis: RedisSite | undefined;
  try {
    if (fault.sharesLimits === true) redis = await openRedisSite(join(site.dir, installation.prefix), site.kafka.brokers);
    for (const [i, roles] of fault.layout.entries())
      servers.push(await installation.server(`${roles.join('-')}-${i + 1}`, roles, redis?.env));
    await Promise.all(servers.map((server) => server.start()));
    await untilSettled(servers, RECOVERY_MS);
    const ledger = new Ledger();
    const startMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 3 * HOUR_MS - 4 * 60_000;
    const load = new Load({ keys: installation.tenants, ledger, edge: takingTurns(servers), startMs });
    const scene: Scene = {
      ...options,
      site,
      installation,
      servers,
      redis,
      load,
      ledger,
      note: (text) => void notes.push(text),
      wrong: (text) => void wrong.push(text),
    };
    await fault.prepare?.(scene);
    load.start();
    await sleep(options.isQuick ? QUICK_MS : WARM_UP_MS);
    await fault.inject(scene);
    const endedMs = performance.now();
    const settledMs = await untilSettled(servers, RECOVERY_MS);
    await sleep(options.isQuick ? QUICK_MS : AFTERWARDS_MS);
    const closingMs = await load.stop();
    const again = load.firstAcknowledgedMs(endedMs);
    if ((await untilSettled(servers, RECOVERY_MS)) === undefined) wrong.push('something still waits');
    const last = await oneOwner(servers);
    await fault.check?.(scene);
    const verdict = await verdictOf(scene, last, startMs, closingMs);
    wrong.push(...verdict.wrong);
    return {
      name: fault.name,
      isQuick: options.isQuick,
      title: fault.title,
      acknowledged: ledger.acknowledgedCount,
      lost: verdict.lost,
      doubled: verdict.doubled,
      slowestMs: load.slowestMs,
      acknowledgedAgainMs: again === undefined ? undefined : again - endedMs,
      caughtUpMs: settledMs === undefined ? undefined : settledMs - endedMs,
      errors: load.errors(),
      notes,
      wrong,
    };
  } catch (error) {
    throw new Error(`${fault.name}: ${error instanceof Error ? error.stack : String(error)}\n${wrong.join('\n')}`);
  } finally {
    await site.heal();
    await installation.close();
    await redis?.close();
    if (options.logs !== undefined)
      for (const server of servers) writeFileSync(join(options.logs, `${fault.name}-${server.name}.log`), server.output());
  }
}

/** Edges by turns; one that is down is not asked, as behind a balancer. */
function takingTurns(servers: readonly Server[]): () => string {
  const edges = servers.filter(({ roles }) => roles.includes('edge'));
  let turn = 0;
  return () => {
    const up = edges.filter(({ isUp }) => isUp);
    turn += 1;
    return (up[turn % Math.max(1, up.length)] ?? edges[0])?.url ?? '';
  };
}

/** Until the consumers that run own all partitions and nothing waits in log or writers. @returns when that was; undefined: it was not. */
export async function untilSettled(servers: readonly Server[], timeoutMs: number): Promise<number | undefined> {
  const untilMs = performance.now() + timeoutMs;
  while (performance.now() < untilMs) {
    if (await isSettled(servers).catch(() => false)) return performance.now();
    await sleep(POLL_MS);
  }
  return undefined;
}

async function isSettled(servers: readonly Server[]): Promise<boolean> {
  const consumers = servers.filter(({ isUp, roles }) => isUp && roles.includes('consumer'));
  let owned = 0;
  let waiting = 0;
  for (const server of consumers) {
    if ((await server.unready()) !== undefined) return false;
    owned += await server.metric('metricstream_partitions_owned');
    waiting += await server.metric('metricstream_consumer_lag_records');
  }
  return owned === LIMITS.partitions && waiting <= consumers.length * LAG_RECORDS_MAX;
}

/** While a load goes on, some records are always on their way. */
const LAG_RECORDS_MAX = 100;

/** Of several consumers all but one end in order, so that one answers for all partitions. */
async function oneOwner(servers: readonly Server[]): Promise<Server> {
  const [last, ...others] = servers.filter(({ isUp, roles }) => isUp && roles.includes('consumer'));
  if (last === undefined) throw new Error('No consumer is left.');
  for (const server of others) await server.kill('SIGTERM');
  const untilMs = performance.now() + RECOVERY_MS;
  for (;;) {
    const isWhole = (await isSettled([last])) && (await last.metric('metricstream_consumer_lag_records')) === 0;
    if (isWhole && (await last.metric('metricstream_store_points_waiting')) === 0) return last;
    if (performance.now() > untilMs) throw new Error('The last consumer does not catch up.');
    await sleep(POLL_MS);
  }
}

interface Found {
  readonly lost: number;
  readonly doubled: number;
  readonly wrong: readonly string[];
}

async function verdictOf(scene: Scene, server: Server, startMs: number, closingMs: number): Promise<Found> {
  const { ledger } = scene;
  const answered = ledger.judge(await answeredWindows(scene, server, startMs, closingMs), Number.POSITIVE_INFINITY);
  // What came late for a minute that had closed is written when its client is sealed: without room for heads that is at once.
  const code = await server.kill('SIGTERM');
  await server.start(NO_HEADS);
  const stored = await untilStored(scene, startMs, closingMs);
  const lost = new Set([...answered.lost, ...stored.lost]);
  const doubled = new Set([...answered.doubled, ...stored.doubled]);
  const examples = (what: string, names: ReadonlySet<string>): string[] =>
    names.size === 0 ? [] : [`${what}: ${[...names].slice(0, EXAMPLES).join(', ')}`];
  return {
    lost: lost.size,
    doubled: doubled.size,
    wrong: [
      ...(code === 0 ? [] : [`the server ended with ${code}`]),
      ...examples('lost in answers', answered.lost),
      ...examples('lost in InfluxDB', stored.lost),
      ...examples('doubled in answers', answered.doubled),
      ...examples('doubled in InfluxDB', stored.doubled),
      ...[...answered.wrong, ...stored.wrong].slice(0, EXAMPLES),
    ],
  };
}

/** What InfluxDB holds, when it holds everything or there was time enough. */
async function untilStored(scene: Scene, startMs: number, closingMs: number): Promise<Verdict> {
  const untilMs = performance.now() + STORED_MS;
  for (;;) {
    const verdict = scene.ledger.judge(await storedWindows(scene, startMs, closingMs), closingMs);
    if (verdict.lost.size === 0 || performance.now() > untilMs) return verdict;
    await sleep(STORED_POLL_MS);
  }
}

interface AnsweredWindow {
  readonly client_id: string;
  readonly start: number;
  readonly count: number;
  readonly sum: number;
}

/** As every tenant is answered, with its own key. */
async function answeredWindows({ installation }: Scene, { url }: Server, startMs: number, endMs: number): Promise<SeenWindow[]> {
  const seen: SeenWindow[] = [];
  const range = `start=${startMs}&end=${endMs + HOUR_MS}`;
  for (const { tenant, read } of installation.tenants) {
    const response = await fetch(`${url}/api/v1/windows?metric=oracle&${range}&resolution=1m&open=true`, {
      headers: { authorization: `Bearer ${read}` },
    });
    if (response.status !== 200) throw new Error(`Windows of ${tenant}: ${response.status} ${await response.text()}`);
    const { windows } = (await response.json()) as { readonly windows: readonly AnsweredWindow[] };
    seen.push(...windows.map(({ client_id: client, start, count, sum }) => ({ tenant, client, start, count, sum })));
  }
  return seen;
}

/** As they stand in InfluxDB, read with the operator's token and without anything of ours between. */
async function storedWindows({ site, installation }: Scene, startMs: number, endMs: number): Promise<SeenWindow[]> {
  const run = fluxRunner({ ...site.influx, fetch: (url, init) => fetch(url, init), clock: systemClock() });
  const query = `from(bucket: "${bucketNames(installation.prefix)['1m']}")
    |> range(start: ${new Date(startMs).toISOString()}, stop: ${new Date(endMs).toISOString()})
    |> filter(fn: (r) => r._measurement == "${MEASUREMENT}" and r.metric_name == "oracle" and (r._field == "sum" or r._field == "count"))
    |> keep(columns: ["_time", "_value", "_field", "tenant", "host"])`;
  const found = new Map<string, { tenant: string; client: string; start: number; count: number; sum: number }>();
  for (const { tags, timesMs, numbers } of await run({ toString: () => query }, 'windows of the oracle')) {
    const tenant = tags.get('tenant') ?? '';
    const client = tags.get('host') ?? '';
    for (const [i, start] of timesMs.entries()) {
      const key = `${tenant}/${client}@${start}`;
      const window = found.get(key) ?? { tenant, client, start, count: 0, sum: 0 };
      found.set(key, { ...window, [tags.get('_field') ?? '']: numbers[i] ?? 0 });
    }
  }
  return [...found.values()];
}
