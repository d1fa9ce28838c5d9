#!/usr/bin/env node
/** `npm run start:full`: the production profile on one machine: Kafka, Redis, InfluxDB, the gateway, and a server with its agent. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { integerIn } from '../src/runtimes/flags.ts';

interface FullConfig {
  readonly port: number;
  readonly gatewayPort: number;
  readonly dataDir: string;
}

const CLI = ['node_modules/.bin/bun', 'src/runtimes/cli.ts'] as const;
const SERVICES = 'scripts/services.ts';

/** The addresses, as `services up` prints them. */
function startServices(): Record<string, string> {
  const printed = execFileSync(process.execPath, [SERVICES, 'up'], { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  return Object.fromEntries([...printed.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
}

/** One credential for all that an edge elsewhere does; made once, for its owner only. @returns its secret and its file. */
function credentials(dataDir: string): { readonly secret: string; readonly file: string } {
  const file = join(dataDir, 'gateway-credentials.json');
  if (!existsSync(file)) {
    const secret = randomBytes(24).toString('base64url');
    const kafka = { operations: ['produce', 'consume'], topics: ['*'] };
    writeFileSync(file, JSON.stringify({ credentials: [{ name: 'edge', secret, kafka, redis: true }] }, null, 2), {
      mode: 0o600,
    });
  }
  const held = JSON.parse(readFileSync(file, 'utf8')) as { credentials: readonly { secret: string }[] };
  return { secret: held.credentials[0]?.secret ?? '', file };
}

/** Starts a part and waits for its ready line; the others are stopped when it ends. */
function start(parts: ChildProcess[], args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const [command, ...rest] = [...CLI, ...args] as [string, ...string[]];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'], env });
  parts.push(child);
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk);
      if (chunk.includes('ready at')) resolve();
    });
    child.once('exit', (code) => {
      reject(new Error(`${args[0]} ended with ${code}`));
      for (const part of parts) part.kill('SIGTERM');
    });
  });
}

async function run({ port, gatewayPort, dataDir }: FullConfig): Promise<void> {
  mkdirSync(dataDir, { recursive: true });
  const services = startServices();
  const { secret, file } = credentials(dataDir);
  const env = {
    ...process.env,
    METRICSTREAM_KAFKA_BROKERS: services.KAFKA_BROKERS,
    METRICSTREAM_REDIS_URL: services.REDIS_URL,
    METRICSTREAM_INFLUX_URL: services.INFLUX_URL,
    METRICSTREAM_INFLUX_TOKEN: services.INFLUX_TOKEN,
    METRICSTREAM_INFLUX_ORG: services.INFLUX_ORG,
    METRICSTREAM_REDIS_REST_URL: `http://127.0.0.1:${gatewayPort}`,
    METRICSTREAM_REDIS_REST_TOKEN: secret,
  };
  // The tokens that it makes are for others: here the one of the services serves, and none is printed.
  execFileSync(CLI[0], [CLI[1], 'setup'], { stdio: ['ignore', 'ignore', 'inherit'], env });
  const parts: ChildProcess[] = [];
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      for (const part of parts) part.kill(signal);
    });
  }
  await start(parts, ['gateway', '--port', String(gatewayPort), '--credentials', file], env);
  await start(parts, ['server', '--port', String(port), '--data-dir', dataDir], env);
  process.stdout.write('Ctrl-C stops server and gateway; `npm run services -- down` stops Kafka, Redis and InfluxDB.\n');
}

const command = new Command('start:full')
  .description('starts what is missing of Kafka, Redis and InfluxDB, then gateway and server')
  .option('--port <port>', 'of the server', integerIn(0, 65_535), 8787)
  .option('--gateway-port <port>', 'of the gateway', integerIn(1, 65_535), 8788)
  .option('--data-dir <path>', 'keys and credentials', './data-full')
  .action(run);
await command.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
