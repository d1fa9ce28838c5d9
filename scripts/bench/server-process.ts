/** The server under test: a process of its own with its own data, always stopped by its id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { serverVariables } from '../services/server-variables.ts';
import { childrenOf, cpuSeconds, rssBytes } from './process-usage.ts';

export interface ServerOptions {
  /** What starts it, its flags left out: one host or another. */
  readonly command: readonly string[];
  /** Fresh data directories are made in here. */
  readonly parentDir: string;
  /** Where `bun --cpu-prof` writes the profile of each server when it ends; undefined: no profile. */
  readonly profileDir: string | undefined;
  /** Leave the data directories behind. */
  readonly keep: boolean;
  /** Flags of the server beside its defaults. */
  readonly flags?: readonly string[];
  /** Log and store are the services that the environment names. */
  readonly services?: boolean;
}

interface Keys {
  readonly ingest: string;
  readonly read: string;
}

export interface Server {
  readonly hostname: string;
  readonly port: number;
  readonly dataDir: string;
  readonly keys: Keys;
  /** From spawn to the first 200 of /ready. */
  readonly readyMs: number;
  cpuSeconds(): number;
  rssBytes(): number;
  /** SIGTERM: the server seals what it holds and checkpoints. @returns how long that took, ms. */
  stop(): Promise<number>;
  /** Ends the process, then starts a new one on the same data and port. @param flags left out: those that it had. */
  restart(signal: 'SIGTERM' | 'SIGKILL', flags?: readonly string[]): Promise<Server>;
}

const HOSTNAME = '127.0.0.1';
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 5;
const STOP_TIMEOUT_MS = 30_000;
const LOG_FILE = 'bench-server.log';
const LOG_TAIL_LENGTH = 2_000;

/** Runs `body` against a server on fresh data, and leaves neither behind, whatever happens. */
export async function withServer<T>(options: ServerOptions, body: (server: Server) => Promise<T>): Promise<T> {
  const dataDir = mkdtempSync(join(options.parentDir, 'metricstream-bench-'));
  const children = new Set<ChildProcess>();
  const cleanUp = (): void => {
    for (const child of children) kill(child);
    if (!options.keep) rmSync(dataDir, { recursive: true, force: true });
  };
  process.once('exit', cleanUp);
  try {
    return await body(await start(options, dataDir, await freePort(), children));
  } catch (error) {
    console.error(logTail(dataDir));
    throw error;
  } finally {
    cleanUp();
    process.removeListener('exit', cleanUp);
    if (options.keep) console.log(`  data kept in ${dataDir}`);
  }
}

/** With what it started: workerd outlives who did. */
function kill(child: ChildProcess): void {
  const orphans = child.pid === undefined ? [] : childrenOf(child.pid);
  child.kill('SIGKILL');
  for (const pid of orphans) process.kill(pid, 'SIGKILL');
}

async function start(options: ServerOptions, dataDir: string, port: number, children: Set<ChildProcess>): Promise<Server> {
  const { profileDir, flags = [] } = options;
  const [command = '', ...args] = options.command;
  const profile = profileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-md', `--cpu-prof-dir=${profileDir}`];
  const log = openSync(join(dataDir, LOG_FILE), 'a');
  const services = options.services === true ? await serverVariables([command], dataDir) : {};
  const startedMs = performance.now();
  const child = spawn(command, [...profile, ...args, '--port', String(port), '--data-dir', dataDir, '--no-agent', ...flags], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...services, TMPDIR: dataDir },
  });
  closeSync(log);
  children.add(child);
  const exit = once(child, 'exit').then(() => children.delete(child));
  const { pid } = child;
  if (pid === undefined) throw new Error(`Cannot start ${command}.`);
  const keysFile = join(dataDir, 'keys.json');
  await untilReady(child, port, keysFile);
  const readyMs = performance.now() - startedMs;
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<number> => {
    const fromMs = performance.now();
    if (signal === 'SIGKILL') kill(child);
    else child.kill(signal);
    await Promise.race([exit, Bun.sleep(STOP_TIMEOUT_MS)]);
    if (children.has(child)) throw new Error(`The server did not end within ${STOP_TIMEOUT_MS} ms of ${signal}.`);
    if (signal === 'SIGTERM' && child.exitCode !== 0) throw new Error(`The server ended with ${child.exitCode}, not in order.`);
    return performance.now() - fromMs;
  };
  return {
    hostname: HOSTNAME,
    port,
    dataDir,
    keys: JSON.parse(readFileSync(keysFile, 'utf8')) as Keys,
    readyMs,
    cpuSeconds: () => cpuSeconds(pid),
    rssBytes: () => rssBytes(pid),
    stop: () => end('SIGTERM'),
    restart: async (signal, newFlags = flags) => {
      await end(signal);
      return start({ ...options, flags: newFlags }, dataDir, port, children);
    },
  };
}

/** @param keysFile has to be there, too. @throws when the process ends before, or takes too long */
export async function untilReady(child: ChildProcess, port: number, keysFile?: string): Promise<void> {
  const untilMs = performance.now() + READY_TIMEOUT_MS;
  while (child.exitCode === null && child.signalCode === null && performance.now() < untilMs) {
    const response = await fetch(`http://${HOSTNAME}:${port}/ready`).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.status === 200 && (keysFile === undefined || existsSync(keysFile))) return;
    await Bun.sleep(READY_POLL_MS);
  }
  const end = child.exitCode ?? child.signalCode;
  throw new Error(
    end === null ? `The server was not ready within ${READY_TIMEOUT_MS} ms.` : `The server ended with ${end}, unready.`,
  );
}

function logTail(dataDir: string): string {
  const path = join(dataDir, LOG_FILE);
  return existsSync(path) ? readFileSync(path, 'utf8').slice(-LOG_TAIL_LENGTH) : '';
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, HOSTNAME);
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('No free port.');
  return address.port;
}
