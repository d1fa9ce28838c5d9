#!/usr/bin/env node
/** `npm run sizing`: what a fleet costs on Cloudflare, item by item, from rows that the tests count and CPU that the kernel does. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { adaptiveLinger } from '../src/consumers/append.ts';
import { LIMITS } from '../src/model/limits.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../src/model/window.ts';
import { cpuMsPerPush, wakeMs } from './cloudflare-cpu.ts';
import { type ColdStart, coldStart } from './cloudflare-start.ts';

const REPORT = 'node_modules/.reports/budget.json';
const DOCUMENT = 'ARCHITECTURE.md';
const MARK = /(<!-- sizing:start -->\n)[\s\S]*?(<!-- sizing:end -->)/;
const FLEETS = [
  [1, 20],
  [5, 20],
  [20, 50],
  [100, 50],
  [1_000, 50],
  [5_000, 50],
  [10_000, 50],
] as const;
const DAYS_A_MONTH = 30;
const SECONDS_A_DAY = 86_400;
const MILLION = 1e6;
const GB = 1e9;
/** What Cloudflare counts for an object in memory, whatever it uses. */
const OBJECT_GB = 0.128;
/** Clients whose heads are known to fit in one object: test/workers/budget.test.ts. */
const HOSTS_A_SHARD = 833;

/** Workers Paid, USD, as of 2026-11: what is included a month, and what a million (or a GB) more costs. */
const PRICES = {
  base: 5,
  workerRequests: { included: 10 * MILLION, each: 0.3 / MILLION },
  cpuMs: { included: 30 * MILLION, each: 0.02 / MILLION },
  objectRequests: { included: 1 * MILLION, each: 0.15 / MILLION },
  gbSeconds: { included: 400_000, each: 12.5 / MILLION },
  rowsRead: { included: 25_000 * MILLION, each: 0.001 / MILLION },
  rowsWritten: { included: 50 * MILLION, each: 1 / MILLION },
  storedGb: { included: 5, each: 0.2 },
} as const;
type Item = Exclude<keyof typeof PRICES, 'base'>;

/** As test/workers/budget.test.ts writes it. */
interface Measured {
  readonly hosts: number;
  readonly series: number;
  readonly hours: number;
  readonly perDay: {
    readonly rowsRead: number;
    readonly alarmsSet: number;
    readonly wakes: number;
    readonly rowsByTable: Record<string, number>;
  };
  readonly bytes: {
    readonly file: number;
    readonly log: number;
    readonly raw: number;
    readonly windows: number;
    readonly samples: number;
  };
}

/** Of a shard with so many hosts, after a quiet hour. */
interface Waking {
  readonly hosts: number;
  readonly ms: number;
}

interface Measures {
  readonly waking: Waking;
  readonly shards: readonly Measured[];
  /** Commits a second by hosts, ascending. */
  readonly commits: readonly (readonly [hosts: number, perSecond: number])[];
  readonly cpuMs: number;
  readonly wake: Awaited<ReturnType<typeof wakeMs>>;
  readonly cold: ColdStart;
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly meta: {
        readonly measured?: Measured;
        readonly commits?: { readonly hosts: number; readonly perSecond: number };
        readonly waking?: Waking;
      };
    }[];
  }[];
}

async function measure(): Promise<Measures> {
  const args = ['vitest', 'run', '--project', 'workers', 'test/workers/budget.test.ts', '--reporter=default', '--reporter=json'];
  if (!process.argv.includes('--last')) spawnSync('npx', [...args, `--outputFile.json=${REPORT}`], { stdio: 'inherit' });
  const { testResults } = JSON.parse(readFileSync(REPORT, 'utf8')) as Report;
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  if (all.length === 0 || all.some(({ status }) => status !== 'passed'))
    throw new Error('a budget does not hold: no table is made');
  const shards = all.flatMap(({ meta }) => (meta.measured === undefined ? [] : [meta.measured]));
  const commits = all.flatMap(({ meta }) =>
    meta.commits === undefined ? [] : [[meta.commits.hosts, meta.commits.perSecond] as const],
  );
  const waking = all.find(({ meta }) => meta.waking !== undefined)?.meta.waking;
  if (waking === undefined) throw new Error('nobody measured what waking costs');
  const alone = shards
    .filter(({ hosts }) => hosts <= 5)
    .map(({ hosts }) => [hosts, (hosts * 1_000) / LIMITS.agentIntervalMs] as const);
  const sorted = [...alone, ...commits].sort(([a], [b]) => a - b);
  return { shards, commits: sorted, waking, cold: await coldStart(), cpuMs: await cpuMsPerPush(), wake: await wakeMs() };
}

/** Between the measured numbers of hosts by a straight line; beyond the last a busy shard commits once a second. */
function commitsPerSecond(commits: Measures['commits'], hosts: number): number {
  const above = commits.findIndex(([at]) => at >= hosts);
  const [last] = commits.slice(-1);
  if (above < 0) return last?.[1] ?? Number.NaN;
  const [to, most] = commits[above] as (typeof commits)[number];
  const [from, least] = commits[Math.max(0, above - 1)] as (typeof commits)[number];
  return to === from ? most : least + ((most - least) * (hosts - from)) / (to - from);
}

interface Fleet {
  readonly hosts: number;
  readonly series: number;
  readonly shards: number;
  readonly rowsADay: number;
  readonly storedGb: number;
  /** A month. */
  readonly used: Record<Item, number>;
}

function fleetOf({ shards: measured, commits, cpuMs }: Measures, hosts: number, series: number): Fleet {
  const shards = Math.max(Math.ceil(hosts / HOSTS_A_SHARD), shardsByStorage(measured, hosts, series));
  const own = hosts / shards;
  const like = measured.findLast((one) => one.hosts <= own) ?? (measured[0] as Measured);
  const perSecond = commitsPerSecond(commits, own);
  const pushesADay = (hosts * DAY_MS) / LIMITS.agentIntervalMs;
  // A commit is a row, and one more when its log is deleted.
  const shardRows = 2 * perSecond * SECONDS_A_DAY + (like.perDay.rowsByTable['INSERT checkpoints'] ?? 0) + like.perDay.alarmsSet;
  const hostRows = blocksADay(measured);
  const rowsADay = shards * shardRows + hosts * hostRows;
  // While a commit waits the object cannot sleep.
  const awake = Math.min(1, (perSecond * adaptiveLinger(own / (LIMITS.agentIntervalMs / 1_000))) / 1_000);
  const wakes = like.perDay.wakes + DAY_MS / MINUTE_MS;
  // Control is asked for revoked keys and for tables of enrichments while pushes come, and wakes all shards each minute.
  const asks = [LIMITS.revocationRefreshMs, LIMITS.enrichmentRefreshMs].map((ms) => Math.min(pushesADay, DAY_MS / ms));
  const askedADay = asks.reduce((sum, one) => sum + one) + DAY_MS / MINUTE_MS;
  const storedGb = (hosts * series * bytesASeries(like) + shards * logBytes(like, own, series)) / GB;
  const month = (aDay: number): number => aDay * DAYS_A_MONTH;
  return {
    hosts,
    series,
    shards,
    rowsADay,
    storedGb,
    used: {
      workerRequests: month(pushesADay + DAY_MS / MINUTE_MS),
      cpuMs: month(pushesADay * cpuMs),
      objectRequests: month(pushesADay + shards * wakes + askedADay),
      gbSeconds: month(shards * awake * SECONDS_A_DAY * OBJECT_GB),
      rowsRead: month(Math.max(like.perDay.rowsRead * (own / like.hosts), like.perDay.rowsRead) * shards),
      rowsWritten: month(rowsADay),
      storedGb,
    },
  };
}

/** An object holds 10 GB, and refuses pushes while it has less than freeBytesMin left. */
function shardsByStorage(measured: readonly Measured[], hosts: number, series: number): number {
  const like = measured.findLast((one) => one.hosts <= hosts) ?? (measured[0] as Measured);
  const aHost = series * bytesASeries(like) + logBytes(like, 1, series);
  return Math.ceil((hosts * aHost) / (LIMITS.objectStorageBytesMax - LIMITS.freeBytesMin));
}

/** Rows of blocks that a host's seals write a day, as they were counted over the most hours. */
function blocksADay(measured: readonly Measured[]): number {
  const { perDay, hosts } = measured.reduce((a, b) => (b.hours > a.hours ? b : a));
  return ((perDay.rowsByTable['INSERT raw_blocks'] ?? 0) + (perDay.rowsByTable['INSERT window_blocks'] ?? 0)) / hosts;
}

/** What a series holds when all retentions have filled: samples for 7 days, minutes for 90, hours for 365, with what SQLite adds to them. */
function bytesASeries({ hosts, series, hours, bytes }: Measured): number {
  const inFile = bytes.file / (bytes.log + bytes.raw + bytes.windows);
  const perSample = bytes.raw / bytes.samples;
  // No hour ended where there are no windows: as large as four samples, as in the longer runs.
  const perWindow =
    bytes.windows === 0 ? 4 * perSample : bytes.windows / (hosts * series * Math.floor(hours) * (HOUR_MS / MINUTE_MS));
  const samples = LIMITS.rawRetentionMs / LIMITS.agentIntervalMs;
  const windows = LIMITS.minuteRetentionMs / MINUTE_MS + LIMITS.hourRetentionMs / HOUR_MS;
  return inFile * (samples * perSample + windows * perWindow);
}

/** Two hours of log, and the hour until retention takes the next. */
function logBytes({ hosts, series, hours, bytes }: Measured, own: number, ownSeries: number): number {
  const held = Math.min(hours, LIMITS.objectLogRetentionMs / HOUR_MS);
  const perHour = bytes.log / held / (hosts * series);
  return own * ownSeries * perHour * ((LIMITS.objectLogRetentionMs + LIMITS.objectRetentionIntervalMs) / HOUR_MS);
}

function dollars(item: Item, used: number): number {
  const { included, each } = PRICES[item];
  return Math.max(0, used - included) * each;
}

const ITEMS: readonly (readonly [Item, string])[] = [
  ['workerRequests', 'Worker requests'],
  ['cpuMs', 'CPU'],
  ['objectRequests', 'object requests'],
  ['gbSeconds', 'duration'],
  ['rowsWritten', 'rows written'],
  ['rowsRead', 'rows read'],
  ['storedGb', 'storage'],
];

const count = (value: number, digits = 0): string => value.toLocaleString('en-US', { maximumFractionDigits: digits });

function table(fleets: readonly Fleet[]): string {
  const heads = [
    'hosts × series',
    'shards',
    'GB',
    'rows written a day',
    'requests a month (Worker, object)',
    'base',
    ...ITEMS.map(([, name]) => name),
    '**$ a month**',
  ];
  const lines = fleets.map(({ hosts, series, shards, storedGb, rowsADay, used }) => {
    const costs = ITEMS.map(([item]) => dollars(item, used[item]));
    const total = costs.reduce((sum, one) => sum + one, PRICES.base);
    const requests = `${count(used.workerRequests / MILLION, 1)} M, ${count(used.objectRequests / MILLION, 1)} M`;
    const cells = [
      `${count(hosts)} × ${series}`,
      shards,
      count(storedGb, 2),
      count(rowsADay),
      requests,
      PRICES.base,
      ...costs.map((one) => count(one, 2)),
    ];
    return [...cells, `**${count(total, 2)}**`];
  });
  return [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

async function main(): Promise<void> {
  const measures = await measure();
  const fleets = FLEETS.map(([hosts, series]) => fleetOf(measures, hosts, series));
  const date = new Date().toISOString().slice(0, 10);
  const text = `Measured in workerd on this machine on ${date}, prices as of 2026-11. A push costs ${measures.cpuMs.toFixed(2)} ms of CPU of the whole process, edge and shard; only the edge's part is billed.
A cold start reads ${measures.cold.atStartKb.toFixed(0)} KB of the ${measures.cold.uploadedKb.toFixed(0)} KB that are uploaded (gzip): workerd is there ${measures.cold.ms.toFixed(0)} ms later than with a Worker that does nothing, after ${measures.cold.cpuMs.toFixed(0)} ms more of CPU.
After a quiet hour a shard of ${measures.waking.hosts} hosts is awake in ${measures.waking.ms.toFixed(1)} ms.
A push that wakes its shard after a start of workerd, which reads 1,200 pushes from its log, waited ${measures.wake.first.toFixed(0)} ms; a later one ${measures.wake.later.toFixed(0)} ms, 50 of them for others to share its commit.

${table(fleets)}
`;
  const document = readFileSync(DOCUMENT, 'utf8');
  if (!MARK.test(document)) throw new Error(`${DOCUMENT} has no place for the table`);
  writeFileSync(
    DOCUMENT,
    document.replace(MARK, (_, start: string, end: string) => `${start}${text}${end}`),
  );
  process.stdout.write(text);
}

await main();
