/** `npm run dev`: the Worker and its objects in workerd on this machine, with data that stay, cron, and what `src` says now. */
import { watch } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Miniflare, MiniflareOptions } from 'miniflare';
import { nodeFileLock } from '../src/adapters/node/file-lock.ts';
import type { Agent } from '../src/agent/agent.ts';
import { LIMITS } from '../src/model/limits.ts';
import { lockDataDir, openDataDir, readSecrets, writeKeys } from '../src/runtimes/data-dir.ts';
import { durationMs, flag, integerIn, sizeBytes } from '../src/runtimes/flags.ts';
import { stopOnSignal } from '../src/runtimes/stop-on-signal.ts';
import { bundleWorker, type WorkerModule, writePage } from './bundle-worker.ts';

interface DevConfig {
  readonly port: number;
  readonly dataDir: string;
  readonly agent: boolean;
  readonly interval: number;
  readonly client: string | undefined;
  readonly headMax: number;
  readonly sampleAgeMax: number;
  readonly linger: number;
  readonly page: boolean;
  readonly watch: boolean;
}

const HOSTNAME = '127.0.0.1';
const NAME = 'metricstream';
const CRON = '* * * * *';
const MINUTE_MS = 60_000;
/** Editors save in several steps. */
const SETTLE_MS = 100;
/** Nothing is billed here: what counts is that a developer does not wait. */
const LINGER_MS = 2;

function program(): Command {
  return new Command('dev')
    .description('runs the Worker and its objects in workerd on this machine')
    .addOption(flag('--port <port>', 'where to listen; 0 takes a free one').argParser(integerIn(0, 65_535)).default(8787))
    .addOption(flag('--data-dir <path>', 'where data and keys are kept').default('./data-dev'))
    .addOption(flag('--no-agent', 'do not collect the metrics of this host'))
    .addOption(
      flag('--interval <time>', 'how often the agent samples')
        .argParser((text) => durationMs(text))
        .default(LIMITS.agentIntervalMs, '10s'),
    )
    .addOption(flag('--client <id>', "the agent's client_id; default: the host's name"))
    .addOption(
      flag('--head-max <size>', 'memory for samples that are not sealed')
        .argParser((text) => sizeBytes(text))
        .default(LIMITS.objectHeadBytesMax, '40 MB'),
    )
    .addOption(
      flag('--sample-age-max <time>', 'how old a sample may be')
        .argParser((text) => durationMs(text))
        .default(LIMITS.sampleAgeMsMax, '24h'),
    )
    .addOption(flag('--linger <ms>', 'how long a commit waits for more pushes').argParser(integerIn(0, 1_000)).default(LINGER_MS))
    .option('--no-page', 'only the Worker: on Cloudflare the page is served before it, here in the same process')
    .option('--no-watch', 'do not look for changes of src')
    .action(run);
}

async function run(config: DevConfig, command: Command): Promise<void> {
  openDataDir(config.dataDir);
  const unlock = lock(config.dataDir, command);
  const secret = readSecrets(config.dataDir, process.env).current;
  // esbuild works in a process of its own, while this one reads the 5 MB of miniflare.
  const [worker, { Miniflare, convertV4MiniflareOptions }] = await Promise.all([build(config), import('miniflare')]);
  const options = (modules: readonly WorkerModule[], port: number): MiniflareOptions =>
    convertV4MiniflareOptions(optionsOf(config, secret, modules, port));
  const miniflare = new Miniflare(options(worker, config.port));
  const { port } = await miniflare.unsafeGetDirectURL();
  const url = `http://${HOSTNAME}:${port}`;
  const keys = await writeKeys(config.dataDir, url, secret, Date.now(), (key) => isTaken(url, key));
  fireCron(miniflare);
  if (config.watch) onChange('src', async () => miniflare.setOptions(options(await build(config), Number(port))));
  // Its own handlers would end this process with 143 before anything is done.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.removeAllListeners(signal);
  let agent: Agent | undefined;
  stopOnSignal(async () => {
    await agent?.stop();
    await miniflare.dispose();
    unlock();
  });
  const lines = [
    `metricstream is ready at ${url}, on workerd`,
    `  page  ${url}/#key=${keys.read}`,
    `  keys  ${config.dataDir}/keys.json`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (!config.agent) return;
  // Only now: with it come all the files of a server.
  const { startAgent } = await import('../src/runtimes/server.ts');
  agent = await startAgent(config, keys, { log: (level, message) => say(`agent: ${level}: ${message}`) });
}

function lock(dataDir: string, command: Command): () => void {
  try {
    return lockDataDir(dataDir, nodeFileLock);
  } catch (error) {
    return command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function build({ dataDir, page }: DevConfig): Promise<readonly WorkerModule[]> {
  const [worker] = await Promise.all([bundleWorker(), page ? writePage(pageFolder(dataDir)) : undefined]);
  return worker;
}

function pageFolder(dataDir: string): string {
  return join(dataDir, 'page');
}

/** As wrangler.toml has it, with one shard. */
function optionsOf(config: DevConfig, secret: string, modules: readonly WorkerModule[], port: number) {
  const object = (className: string) => ({ className, useSQLite: true });
  return {
    name: NAME,
    compatibilityDate: '2026-10-23',
    modules: [...modules],
    durableObjects: { SHARD: object('ShardObject'), CONTROL: object('ControlObject'), ALERTS: object('AlertObject') },
    bindings: {
      SHARDS: '1',
      METRICSTREAM_SECRET: secret,
      METRICSTREAM_LINGER: String(config.linger),
      METRICSTREAM_HEAD_MAX: String(config.headMax),
      METRICSTREAM_SAMPLE_AGE_MAX_MS: String(config.sampleAgeMax),
    },
    ...(config.page ? { assets: { directory: pageFolder(config.dataDir), routerConfig: { has_user_worker: true } } } : {}),
    // Past miniflare's own entry, which halves what one core can take.
    unsafeDirectSockets: [{ host: HOSTNAME, port }],
    host: HOSTNAME,
    logRequests: false,
    cf: false as const,
    cacheAPI: false,
    resourcePersistencePath: join(config.dataDir, 'objects'),
  };
}

/** Revoked ones are refused too: control says so, whoever made them. */
async function isTaken(url: string, key: string): Promise<boolean> {
  const response = await fetch(`${url}/api/v1/metrics`, { headers: { authorization: `Bearer ${key}` } });
  await response.arrayBuffer();
  return response.status !== 401;
}

/** What miniflare's types say in those of Workers, which are not loaded here. */
interface CronTarget {
  scheduled(options: { readonly cron: string }): Promise<unknown>;
}

function fireCron(miniflare: Miniflare): void {
  const fire = async (): Promise<void> => {
    const worker = (await miniflare.getWorker(NAME)) as unknown as CronTarget;
    await worker.scheduled({ cron: CRON });
  };
  setInterval(() => fire().catch((error: unknown) => say(`cron failed: ${String(error)}`)), MINUTE_MS);
}

/** One reload after the other; a source that cannot be bundled leaves the last one running. */
function onChange(folder: string, reload: () => Promise<void>): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = Promise.resolve();
  const run = (): void => {
    const startedMs = performance.now();
    last = last.then(reload).then(
      () => say(`reloaded in ${Math.round(performance.now() - startedMs)} ms`),
      (error: unknown) => say(`not reloaded: ${error instanceof Error ? error.message : String(error)}`),
    );
  };
  watch(folder, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(run, SETTLE_MS);
  });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await program().parseAsync();
