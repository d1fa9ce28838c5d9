/** A Redis and a gateway in front of it, for edges that count what clients do together. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts, LOOPBACK } from '../services/ports.ts';
import { isRunning, killProcess, type ServiceProcess, signalProcess } from '../services/processes.ts';
import { startRedis } from '../services/redis.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUN = join(ROOT, 'node_modules', '.bin', 'bun');
const SECRET = 'secret-of-the-faults-0123';
const SIGNAL_TIMEOUT_MS = 30_000;
const READY_TRIES = 300;
const READY_POLL_MS = 100;

export interface RedisSite {
  /** Flags of a server, as its environment. */
  readonly env: Readonly<Record<string, string>>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** On the data that are there. */
  start(): Promise<void>;
  /** @returns what Redis answered, as it came. */
  command(text: string): Promise<string>;
  close(): Promise<void>;
}

/** @param dir of the fault. @param brokers the gateway wants some Kafka as well. */
export async function openRedisSite(dir: string, brokers: string): Promise<RedisSite> {
  mkdirSync(dir, { recursive: true });
  const [port = 0, gatewayPort = 0] = await freePorts(2);
  let redis: ServiceProcess | undefined;
  const start = async (): Promise<void> => {
    if (redis !== undefined && isRunning(redis)) return;
    await startRedis({ dir, port, detached: false, onStart: (started) => (redis = started) });
  };
  let gateway: ChildProcess | undefined;
  const endWithUs = (): void => {
    gateway?.kill('SIGKILL');
    if (redis !== undefined) signalProcess(redis, 'SIGKILL');
  };
  process.once('exit', endWithUs);
  await start();
  gateway = await startGateway(dir, gatewayPort, brokers, port);
  return {
    env: { METRICSTREAM_REDIS_REST_URL: `http://${LOOPBACK}:${gatewayPort}`, METRICSTREAM_REDIS_REST_TOKEN: SECRET },
    start,
    async kill(signal) {
      if (redis !== undefined) await killProcess(redis, signal, SIGNAL_TIMEOUT_MS);
    },
    command: (text) => askRedis(port, text),
    async close() {
      process.removeListener('exit', endWithUs);
      if (gateway !== undefined && gateway.exitCode === null && gateway.signalCode === null) {
        const ended = once(gateway, 'exit');
        gateway.kill('SIGKILL');
        await ended;
      }
      if (redis !== undefined && isRunning(redis)) await killProcess(redis, 'SIGKILL', SIGNAL_TIMEOUT_MS);
    },
  };
}

async function startGateway(dir: string, port: number, brokers: string, redisPort: number): Promise<ChildProcess> {
  const credentials = join(dir, 'redis-credentials.json');
  writeFileSync(credentials, JSON.stringify({ credentials: [{ name: 'faults', secret: SECRET, redis: true }] }), { mode: 0o600 });
  const redisUrl = `redis://${LOOPBACK}:${redisPort}`;
  const where = ['--port', String(port), '--kafka-brokers', brokers, '--redis-url', redisUrl];
  const child = spawn(BUN, ['src/runtimes/cli.ts', 'gateway', ...where, '--credentials', credentials], {
    cwd: ROOT,
    stdio: 'ignore',
  });
  for (let tries = 0; tries < READY_TRIES; tries++) {
    if (child.exitCode !== null) break;
    if ((await fetch(`http://${LOOPBACK}:${port}/ready`).catch(() => undefined))?.status === 200) return child;
    await sleep(READY_POLL_MS);
  }
  child.kill('SIGKILL');
  throw new Error('The gateway of Redis was not ready.');
}

/** One inline command on a connection of its own. */
function askRedis(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: LOOPBACK }, () => socket.write(`${text}\r\n`));
    socket.setTimeout(READY_POLL_MS * 10, () => socket.destroy(new Error('Redis does not answer.')));
    socket.once('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(answer.toString());
    });
  });
}
