/** `npm run alerts:latency`: seconds from a trouble of this very host to the page that a receiver has of it, on the embedded default and on Kafka with InfluxDB. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { ALERT_FLAGS, done, pause, putChannels, type Receivers, receivers, until } from '../test/system/alert-lab.ts';
import { hostNamed, type TestHost } from '../test/system/hosts.ts';
import { freshDataDir, getJson, type Keys, startServer, untilCaughtUp } from '../test/system/server-process.ts';
import { say } from './services/progress.ts';

interface Options {
  readonly interval: string;
  readonly full: boolean;
}

/** What goes wrong, who tells of it, and how. */
interface Trouble {
  readonly name: string;
  readonly rule: string;
  /** By the routes that every tenant has: critical pages PagerDuty after 5 s of grouping, high mails after 30 s. */
  readonly channel: 'pagerduty' | 'mail';
  /** Makes it, and resolves when it is there. */
  cause(bench: Bench): Promise<void> | void;
}

interface Bench {
  readonly keys: Keys;
  readonly agent: ChildProcess;
  /** A mount of 32 MiB in the agent's own view of the file system, as others see it. */
  readonly disk: string;
  readonly burners: ChildProcess[];
}

const CLIENT = 'this-host';
const DISK_MIB = 32;
const PAGE_WAIT_MS = 240_000;
const MIB = 1_048_576;
/** Of the machine's memory: more than its other work moves within a minute. */
const MEMORY_SHARE = 0.06;
/** Of the CPU, for work that is nice: others neither cross it nor hide it. */
const NICE_PERCENT = 10;
const SILENT_SECONDS = 30;

function troublesOf(full: boolean): readonly Trouble[] {
  const burn = ({ burners }: Bench): void => {
    // The hog that fills memory is one already.
    if (burners.length > 1) return;
    for (let core = 0; core < 4 * availableParallelism(); core++) {
      // Each in a session of its own: Linux shares the CPU out among sessions.
      burners.push(spawn('nice', ['-n', '1', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore', detached: true }));
    }
  };
  return [
    { name: 'memory fills', rule: 'HighMemory', channel: 'pagerduty', cause: fillMemory },
    { name: 'a disk fills', rule: 'LowDiskSpace', channel: 'mail', cause: fillDisk },
    { name: 'CPU burns', rule: 'Burning', channel: 'pagerduty', cause: burn },
    { name: 'CPU burns for 1 minute', rule: 'BurningOn', channel: 'mail', cause: burn },
    ...(full ? [{ name: 'CPU burns for 5 minutes', rule: 'BurningLong', channel: 'mail', cause: burn } as const] : []),
    { name: 'the agent is stopped', rule: 'HostSilent', channel: 'pagerduty', cause: stopAgent },
  ];
}

/** The built-in rules with thresholds that this host can be brought to without harm, and two of its CPU, which is shared. */
function rulesOf(full: boolean): string {
  const memory = 100 * (1 - availableBytes() / totalmem() + MEMORY_SHARE / 2);
  const expr = `avg(cpu_mode) > ${NICE_PERCENT} && labels.mode == "nice"`;
  return `builtin:
  HighMemory: { for: 0, params: { threshold: ${memory.toFixed(1)}, margin: 0.5 } }
  LowDiskSpace: { for: 0 }
  HighCpu: { enabled: false }
  HostSilent: { params: { seconds: ${full ? 300 : SILENT_SECONDS} } }
groups:
  - name: latency
    rules:
      - { alert: Burning, expr: '${expr.replace('avg', 'last')}', severity: critical }
      - { alert: BurningOn, expr: '${expr}', for: 1m, severity: high }
${full ? `      - { alert: BurningLong, expr: '${expr}', for: 5m, severity: high }\n` : ''}`;
}

/** As the kernel estimates it. */
function availableBytes(): number {
  const [, kib = ''] = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  return Number(kib) * 1_024;
}

async function fillMemory({ burners }: Bench): Promise<void> {
  const bytes = Math.round(totalmem() * MEMORY_SHARE);
  const script = `const held = Buffer.alloc(${bytes}, 1); console.log(held.length); setInterval(() => held, 1e6);`;
  const hog = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  burners.push(hog);
  await once(hog.stdout, 'data');
}

function fillDisk({ disk }: Bench): void {
  writeFileSync(join(disk, 'full'), Buffer.alloc((DISK_MIB - 2) * MIB));
}

async function stopAgent({ agent }: Bench): Promise<void> {
  agent.kill('SIGTERM');
  await once(agent, 'exit');
}

/** In a mount namespace of its own, so that nobody else sees the disk that will be full. */
function startAgent({ command: [runtime] }: TestHost, dataDir: string, keys: Keys, interval: string): ChildProcess {
  const mount = join(dataDir, 'disk');
  mkdirSync(mount);
  const run = `mount -t tmpfs -o size=${DISK_MIB}m /dev/metricstream-latency "$0" && exec "$@"`;
  const flags = ['--url', keys.url, '--client', CLIENT, '--interval', interval, '--spool-dir', join(dataDir, 'spool')];
  const args = ['--mount', 'sh', '-c', run, mount, runtime, 'src/runtimes/cli.ts', 'agent', ...flags];
  return spawn('unshare', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, METRICSTREAM_KEY: keys.ingest },
  });
}

function isTold(to: Receivers, { channel, rule }: Trouble): boolean {
  // Lines of a mail are folded: the name is looked for in its title.
  if (channel === 'mail') return to.mail.mails.some(({ raw }) => raw.replaceAll(/=?\r\n/g, '').includes(rule));
  return to.pagerduty.posts.some(({ body }) => body.includes(`"${rule}"`));
}

/** @returns seconds by trouble. */
async function measure(host: TestHost, options: Options): Promise<ReadonlyMap<string, number>> {
  const dir = freshDataDir();
  const to = await receivers();
  const server = await startServer(host, dir.path, 0, ALERT_FLAGS);
  const burners: ChildProcess[] = [];
  let agent: ChildProcess | undefined;
  const end = (): void => {
    for (const burner of burners) burner.kill('SIGKILL');
    agent?.kill('SIGKILL');
  };
  process.once('exit', end);
  try {
    await untilCaughtUp(server.keys);
    await putChannels(server.keys, to);
    agent = startAgent(host, dir.path, server.keys, options.interval);
    await until('the host', async () => {
      const { clients } = await getJson<{ clients: { client_id: string }[] }>(server.keys, '/api/v1/clients');
      return clients.some(({ client_id: id }) => id === CLIENT);
    });
    const disk = join('/proc', String(agent.pid), 'root', dir.path, 'disk');
    await done(server.keys, 'PUT', '/api/v1/rules', rulesOf(options.full));
    await pause(2_000);
    return await measureAll({ keys: server.keys, agent, disk, burners }, to, options);
  } finally {
    end();
    await server.kill('SIGTERM');
    await to.close();
    dir.remove();
  }
}

async function measureAll(bench: Bench, to: Receivers, { full }: Options): Promise<ReadonlyMap<string, number>> {
  const seconds = new Map<string, number>();
  const watched: Promise<void>[] = [];
  for (const trouble of troublesOf(full)) {
    // What burns already began with the one before it.
    if (trouble.rule !== 'BurningOn' && trouble.rule !== 'BurningLong') await Promise.all(watched.splice(0));
    if (isTold(to, trouble)) throw new Error(`${trouble.rule} paged before ${trouble.name}: this machine is too busy`);
    await trouble.cause(bench);
    const fromMs = Date.now();
    watched.push(
      until(`a page of ${trouble.rule}`, () => isTold(to, trouble), full ? 2 * PAGE_WAIT_MS : PAGE_WAIT_MS).then(() => {
        seconds.set(trouble.rule, (Date.now() - fromMs) / 1_000);
        say(`  ${trouble.name}: ${seconds.get(trouble.rule)} s to ${trouble.channel}`);
      }),
    );
  }
  await Promise.all(watched);
  return seconds;
}

async function main(options: Options): Promise<void> {
  const wanted = process.env.KAFKA_BROKERS === undefined ? ['bun'] : ['bun', 'bun on Kafka and InfluxDB'];
  const columns: { readonly name: string; readonly load: string; readonly seconds: ReadonlyMap<string, number> }[] = [];
  for (const name of wanted) {
    const load = loadavg()
      .map((one) => one.toFixed(1))
      .join(' ');
    say(`${name}: the agent samples each ${options.interval}; load ${load} on ${availableParallelism()} cores`);
    columns.push({ name, load, seconds: await measure(hostNamed(name), options) });
  }
  const head = `| trouble | rule | told by | ${columns.map(({ name }) => name).join(' | ')} |`;
  const rows = troublesOf(options.full).map(({ name, rule, channel }) => {
    const cells = columns.map(({ seconds }) => `${seconds.get(rule)?.toFixed(1)} s`);
    return `| ${[name, rule, channel, ...cells].join(' | ')} |`;
  });
  process.stdout.write(`${[head, `| ${'--- | '.repeat(3 + columns.length)}`.trimEnd(), ...rows].join('\n')}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const command = new Command('alerts:latency')
  .description('makes trouble on this host and waits for the pages; with Kafka and InfluxDB too where the environment names them')
  .option('--interval <time>', 'of the agent', '10s')
  .option('--full', 'HostSilent after its 5 minutes, and CPU for 5 minutes, too: 20 minutes in all', false)
  .action(main);
await command.parseAsync();
