/** A real Redis as a process of this machine, from the system's own package. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { LOOPBACK } from './ports.ts';
import { type ServiceProcess, startProcess, untilReady } from './processes.ts';
import { answers, say } from './progress.ts';

interface RedisOptions {
  /** Data and log. */
  readonly dir: string;
  readonly port: number;
  readonly detached: boolean;
  readonly onStart: (process: ServiceProcess) => void;
}

const COMMAND = 'redis-server';
const MAJOR_MIN = 7;
const READY_TIMEOUT_MS = 20_000;
const PING_TIMEOUT_MS = 1_000;

/** `7` of `Redis server v=7.0.15 sha=…`. */
export function majorVersion(text: string): number {
  return Number(/\bv=(\d+)/.exec(text)?.[1] ?? 0);
}

/** Installs Redis on Debian where this process may, and nobody has. @throws that says what to install. */
export function fetchRedis(): void {
  if (!answers(COMMAND, '--version') && process.getuid?.() === 0 && answers('apt-get', '--version')) {
    say('redis: installing redis-server with apt-get');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const stdio = ['ignore', 'ignore', 'inherit'] as const;
    spawnSync('apt-get', ['update', '-qq'], { stdio: [...stdio], env });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', COMMAND], { stdio: [...stdio], env });
  }
  const { stdout } = spawnSync(COMMAND, ['--version'], { encoding: 'utf8' });
  const version = majorVersion(stdout ?? '');
  if (version === 0) throw new Error(`There is no ${COMMAND}: install it (Debian: apt-get install ${COMMAND}).`);
  if (version < MAJOR_MIN) throw new Error(`${COMMAND} is ${stdout.trim()}; version ${MAJOR_MIN} or newer is needed.`);
}

/** Starts Redis with data that survive a restart, and resolves when it answers. */
export async function startRedis({ dir, port, detached, onStart }: RedisOptions): Promise<ServiceProcess> {
  fetchRedis();
  const own = join(resolve(dir), 'redis');
  mkdirSync(own, { recursive: true });
  const logFile = join(own, 'redis.log');
  const settings = {
    bind: LOOPBACK,
    port: String(port),
    dir: own,
    appendonly: 'yes',
    save: '',
    // It would hide the directory, by which the process is known as ours.
    'set-proc-title': 'no',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const service = await startProcess({ name: 'redis', argv: [COMMAND, ...flags], mark: own, logFile, detached });
  onStart(service);
  await untilReady(service, logFile, () => isAnswering(port), READY_TIMEOUT_MS);
  return service;
}

/** True where a Redis listens there and has read its data. */
function isAnswering(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: LOOPBACK });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PING_TIMEOUT_MS, () => end(false));
    socket.once('error', () => end(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => end(answer.toString() === '+PONG\r\n'));
  });
}
