/** `npm run bench`: the figures of the README, measured on this machine. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type AlertsOptions, runAlerts } from './alerts.ts';
import { type BareOptions, runBare } from './bare.ts';
import { type ClosedOptions, runClosed } from './closed.ts';
import { type GatewayOptions, runGateway } from './gateway.ts';
import { type KafkaOptions, runKafka } from './kafka.ts';
import { runKafkaQuery } from './kafka-query.ts';
import { describeMachine } from './machine.ts';
import { type QueryOptions, runQuery } from './query.ts';
import { isSound, renderMarkdown, replaceBetweenMarkers } from './report.ts';
import { type BenchResult, CLOSED_CLOCKS, type ClosedResult, mergeResults, type Sections } from './result.ts';
import type { Bench } from './scenario.ts';
import { type HostsOptions, runHosts, runSteady, type SteadyOptions } from './steady.ts';
import { runVisible, type VisibleOptions } from './visible.ts';

interface GlobalOptions {
  readonly dataDir: string;
  readonly out: string;
  readonly entry: string;
  readonly runtime: string;
  readonly keep: boolean;
  readonly profile: string | undefined;
}

type ClosedFlags = Omit<ClosedOptions, 'connections' | 'clock'> & {
  readonly connections: readonly number[];
  readonly clock: readonly ClosedOptions['clock'][];
};
type KafkaFlags = Pick<KafkaOptions, 'seconds' | 'connections' | 'runs'>;
type QueryFlags = Pick<QueryOptions, 'hosts'>;
type Scenario = (bench: Bench) => Promise<Sections>;

const DEFAULT_OUT = '.bench/result.json';
const CLOSED: ClosedFlags = {
  connections: [50, 200],
  clients: 1_000,
  warmUpSeconds: 3,
  seconds: 10,
  runs: 3,
  clock: ['real', 'backlog'],
};
const STEADY: SteadyOptions = { clients: 1_000, pushesPerSecond: 2_253, warmUpSeconds: 5, seconds: 60 };
const HOSTS: HostsOptions = { hosts: 10_000, intervalSeconds: 10, seconds: 60 };
const BARE: BareOptions = {
  connections: 50,
  clients: 1_000,
  pushesPerSecond: STEADY.pushesPerSecond,
  hosts: HOSTS.hosts,
  intervalSeconds: HOSTS.intervalSeconds,
  seconds: 10,
};
const QUERY: QueryOptions = { hosts: 100, hourQueries: 50, dayQueries: 5 };
const VISIBLE: VisibleOptions = { probes: 200, clients: 1_000, pushesPerSecond: 500 };

const KAFKA: KafkaOptions = {
  connections: [50, 200],
  clients: 1_000,
  warmUpSeconds: 3,
  seconds: 8,
  runs: 3,
  visible: { ...VISIBLE, pushesPerSecond: 1_000 },
};

const closed = (flags: ClosedFlags): Scenario => {
  return async (bench) => {
    const results: ClosedResult[] = [];
    for (const clock of flags.clock) {
      for (const connections of flags.connections) results.push(await runClosed(bench, { ...flags, connections, clock }));
    }
    return { closed: results };
  };
};
const steady = (options: SteadyOptions): Scenario => {
  return async (bench) => ({ steady: await runSteady(bench, options) });
};
const hosts = (options: HostsOptions): Scenario => {
  return async (bench) => ({ hosts: await runHosts(bench, options) });
};
const bare = (options: BareOptions): Scenario => {
  return async (bench) => ({ bare: await runBare(bench, options) });
};
const query = (options: QueryOptions): Scenario => {
  return async (bench) => ({ query: await runQuery(bench, options) });
};
const kafkaQuery = (options: QueryOptions): Scenario => {
  return async (bench) => ({ kafkaQuery: await runKafkaQuery(bench, options) });
};
const visible = (options: VisibleOptions): Scenario => {
  return async (bench) => ({ visible: await runVisible(bench, options) });
};

const kafka = (options: KafkaOptions): Scenario => {
  return async (bench) => ({ kafka: await runKafka(bench, options) });
};

const gateway = (options: GatewayOptions): Scenario => {
  return async (bench) => ({ gateway: await runGateway(bench, options) });
};

const ON_KAFKA = [
  ['kafka', 'edge and consumer on Kafka and InfluxDB, whose addresses the environment has', kafka],
  ['gateway', 'pushes into Kafka over REST, as Workers send them; the environment has its address', gateway],
] as const;
const QUERIES = [
  ['query', 'query times on a prefilled day', query],
  ['kafka-query', 'the same of InfluxDB, on the services whose addresses the environment has', kafkaQuery],
] as const;

function program(): Command {
  const bench = new Command('bench')
    .description('Starts a server on fresh data for each load, measures it over HTTP, stops it, and writes what it saw.')
    .option('--data-dir <dir>', 'where the fresh data directories are made: a disk, not tmpfs', tmpdir())
    .option('--out <file>', 'the result as JSON; sections of earlier runs of the same commit stay in it', DEFAULT_OUT)
    .option('--entry <file>', 'the server under test', 'src/runtimes/cli.ts')
    .option('--runtime <command>', 'what runs it: `node`, `deno run -A --no-lock`, or `workerd`', process.execPath)
    .option('--profile <dir>', 'run the server with bun --cpu-prof; it writes .cpuprofile and .md here as it stops')
    .option('--keep', 'leave the data directories behind', false);
  const load = (name: string, text: string, seconds: number): Command =>
    bench.command(name).description(text).option('--seconds <n>', 'measured seconds', positive, seconds);
  const run = async (command: Command, ...scenarios: Scenario[]): Promise<void> => runAll(command.optsWithGlobals(), scenarios);

  load('closed', 'as many pushes as the answers allow', CLOSED.seconds)
    .option('--connections <list>', 'one load for each number', positives, CLOSED.connections)
    .option('--clients <n>', 'hosts that share the connections', positive, CLOSED.clients)
    .option('--warm-up-seconds <n>', 'not measured', positive, CLOSED.warmUpSeconds)
    .addOption(new Option('--clock <kinds...>', 'of the timestamps').choices(CLOSED_CLOCKS).default(CLOSED.clock))
    .option('--runs <n>', 'the medians of so many are reported', positive, CLOSED.runs)
    .action((flags: ClosedFlags, command: Command) => run(command, closed(flags)));
  load('steady', 'a given rate in real time, then SIGKILL and replay', STEADY.seconds)
    .option('--pushes-per-second <n>', 'of all clients together', positive, STEADY.pushesPerSecond)
    .option('--clients <n>', 'hosts, each with its own connection', positive, STEADY.clients)
    .option('--warm-up-seconds <n>', 'not measured', positive, STEADY.warmUpSeconds)
    .action((flags: SteadyOptions, command: Command) => run(command, steady(flags)));
  load('hosts', 'many hosts at the interval of the agent', HOSTS.seconds)
    .option('--hosts <n>', 'each with its own connection', positive, HOSTS.hosts)
    .option('--interval-seconds <n>', 'between two pushes of a host', positive, HOSTS.intervalSeconds)
    .action((flags: HostsOptions, command: Command) => run(command, hosts(flags)));
  load('bare', 'the same loads against a server that does next to nothing', BARE.seconds).action(
    (flags: Pick<BareOptions, 'seconds'>, command: Command) => run(command, bare({ ...BARE, ...flags })),
  );
  for (const [name, text, scenario] of QUERIES) {
    const queries = bench.command(name).description(text);
    queries.option('--hosts <n>', 'hosts with a day of minutes', positive, QUERY.hosts);
    queries.action((flags: QueryFlags, command: Command) => run(command, scenario({ ...QUERY, ...flags })));
  }
  bench
    .command('visible')
    .description('from push to sight')
    .option('--probes <n>', 'pushes that are looked for', positive, VISIBLE.probes)
    .option('--pushes-per-second <n>', 'of the load beside them', positive, VISIBLE.pushesPerSecond)
    .action((flags: Omit<VisibleOptions, 'clients'>, command: Command) => run(command, visible({ ...VISIBLE, ...flags })));
  withServices(load, run);
  bench
    .command('all', { isDefault: true })
    .description('every load; --seconds for steady and hosts')
    .option('--seconds <n>', 'measured seconds of steady and hosts', positive, STEADY.seconds)
    .action(({ seconds }: { seconds: number }, command: Command) =>
      run(
        command,
        closed(CLOSED),
        steady({ ...STEADY, seconds }),
        hosts({ ...HOSTS, seconds }),
        bare(BARE),
        query(QUERY),
        visible(VISIBLE),
      ),
    );
  bench
    .command('report')
    .description('the result as Markdown')
    .option('--readme <file>', 'put it between the markers of this file instead of printing it')
    .action(({ readme }: { readme?: string }, command: Command) => report(command.optsWithGlobals<GlobalOptions>().out, readme));
  return bench;
}

function withServices(
  load: (name: string, text: string, seconds: number) => Command,
  run: (command: Command, ...scenarios: Scenario[]) => Promise<void>,
): void {
  for (const [name, text, scenario] of ON_KAFKA) {
    load(name, text, KAFKA.seconds)
      .option('--connections <list>', 'one load for each number', positives, KAFKA.connections)
      .option('--runs <n>', 'the medians of so many are reported', positive, KAFKA.runs)
      .action((flags: KafkaFlags, command: Command) => run(command, scenario({ ...KAFKA, ...flags })));
  }
}

/** With figures of its own, which are no section of the result. */
function withAlerts(bench: Command): Command {
  const alerts = bench.command('alerts').description('series that cross at once, and what judging costs');
  alerts
    .addOption(new Option('--only <part>', 'and not the others').choices(['crossing', 'judge', 'paced']))
    .option('--series <n>', 'that cross at once', positive, 10_000)
    .option('--hosts <n>', 'that have them', positive, 1_000)
    .option('--rules <n>', 'that are judged each minute', positive, 100)
    .option('--judged-hosts <n>', 'on which they are', positive, 1_000)
    .option('--minutes <n>', 'measured', positive, 2)
    .action((flags: AlertsOptions, command: Command) =>
      runAll(command.optsWithGlobals(), [(it) => runAlerts(it, flags).then(() => ({}))]),
    );
  return bench;
}

/** Runs one scenario after the other; what is done is saved before the next begins. */
async function runAll(options: GlobalOptions, scenarios: readonly Scenario[]): Promise<void> {
  const { dataDir: parentDir, entry, keep, profile: profileDir, out } = options;
  const command = serverCommand(options.runtime, entry);
  const runtime = options.runtime === process.execPath ? undefined : options.runtime;
  const bench: Bench = { serverOptions: { command, parentDir, profileDir, keep }, runtime, log: (line) => console.log(line) };
  mkdirSync(parentDir, { recursive: true });
  mkdirSync(dirname(out), { recursive: true });
  const machine = describeMachine(parentDir);
  if (machine.fileSystem.startsWith('tmpfs'))
    console.warn(`${parentDir} is in memory: fsync costs nothing there. Use --data-dir.`);
  let result: BenchResult = { machine, date: new Date().toISOString() };
  for (const scenario of scenarios) {
    result = { ...result, ...(await scenario(bench)) };
    writeFileSync(out, `${JSON.stringify(mergeResults(existsSync(out) ? read(out) : undefined, result), undefined, 2)}\n`);
  }
  console.log(`\n${renderMarkdown(result)}\n\nWritten to ${out}.`);
  if (!isSound(result)) throw new Error('The counts do not agree or pushes were refused: these figures mean nothing.');
}

/** On workerd the page is left out: it is not the Worker's to serve, and would be asked before each push. */
function serverCommand(runtime: string, entry: string): string[] {
  if (runtime === 'workerd') return ['node', 'scripts/dev.ts', '--no-page', '--no-watch'];
  return [...runtime.split(' '), entry, 'server'];
}

function report(file: string, readme: string | undefined): void {
  const markdown = renderMarkdown(read(file));
  if (readme === undefined) console.log(markdown);
  else writeFileSync(readme, replaceBetweenMarkers(readFileSync(readme, 'utf8'), markdown));
}

function read(file: string): BenchResult {
  return JSON.parse(readFileSync(file, 'utf8')) as BenchResult;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It has to be a number above 0.');
  return value;
}

function positives(text: string): number[] {
  return text.split(',').map(positive);
}

// Without a handler a signal would end this process and leave the server behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await withAlerts(program())
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    // A load that nobody stopped would keep this process going.
    process.exit(1);
  });
