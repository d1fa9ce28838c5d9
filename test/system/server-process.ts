/** A real server in a process of its own, for tests that kill it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf } from '../../scripts/bench/process-usage.ts';
import { serverVariables } from '../../scripts/services/server-variables.ts';
import { serverCommand, type TestHost } from './hosts.ts';

export interface Keys {
  readonly url: string;
  readonly ingest: string;
  readonly read: string;
  readonly admin: string;
}

export interface ServerProcess {
  readonly pid: number;
  readonly keys: Keys;
  readonly output: () => string;
  /** Sends the signal and resolves with the exit code (null when the signal ended it). */
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

const READY = /ready at (\S+)/;
const START_MS = 20_000;

/** A fresh directory; `remove` deletes it. */
export function freshDataDir(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'metricstream-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts `metricstream server` on loopback and waits for its ready line. @param port 0: a free one. */
export async function startServer(
  host: TestHost,
  dataDir: string,
  port: number,
  flags: readonly string[] = [],
): Promise<ServerProcess> {
  const [command, ...server] = serverCommand(host);
  const services = host.services === true ? await serverVariables(host.command, dataDir) : {};
  const args = [...server, '--port', String(port), '--data-dir', dataDir, '--no-agent', ...flags];
  // What is killed leaves its temporary files behind: there they go with the data.
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...services, TMPDIR: dataDir, NODE_COMPILE_CACHE: 'node_modules/.compiled' },
  });
  const output = await untilReady(child);
  return {
    pid: child.pid ?? 0,
    keys: JSON.parse(readFileSync(join(dataDir, 'keys.json'), 'utf8')) as Keys,
    output: () => output.join(''),
    kill: (signal) => {
      const ended = new Promise<number | null>((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
        else child.once('exit', (code) => resolve(code));
      });
      const orphans = signal === 'SIGKILL' ? startedBy(child) : [];
      child.kill(signal);
      for (const pid of orphans) process.kill(pid, signal);
      return ended;
    },
  };
}

/** Processes that a server started, which outlive it: workerd is one. */
function startedBy({ pid, exitCode, signalCode }: ChildProcess): readonly number[] {
  return pid === undefined || exitCode !== null || signalCode !== null ? [] : childrenOf(pid);
}

function untilReady(child: ChildProcess): Promise<string[]> {
  const output: string[] = [];
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('it was not ready in time'), START_MS);
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`the server did not start: ${why}\n${output.join('')}`));
    };
    const take = (chunk: Buffer): void => {
      output.push(chunk.toString());
      if (!READY.test(output.join(''))) return;
      clearTimeout(timer);
      resolve(output);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`exit code ${code}`));
  });
}

/** A free loopback port, so that a server can be started again where agents expect it. */
export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** GET with a key. @returns the body as JSON. @throws on any status but 200. */
export async function getJson<T>(keys: Keys, path: string): Promise<T> {
  const response = await fetch(`${keys.url}${path}`, { headers: { authorization: `Bearer ${keys.read}` } });
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** Waits until /ready says so: then all that was in the log has been taken. */
export async function untilCaughtUp(keys: Keys): Promise<void> {
  const untilMs = Date.now() + START_MS;
  while (Date.now() < untilMs) {
    if ((await fetch(`${keys.url}/ready`)).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the server did not catch up');
}
