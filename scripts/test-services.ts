/**
 * `npm run test:services`: the tests against real services. Those whose addresses the environment does not give are
 * started for this run, with fresh data, and end with it, however it ends.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheDir } from './services/cache.ts';
import { downContainers, hasCompose, upContainers } from './services/compose.ts';
import { endAll, upProcesses } from './services/local.ts';
import { identify, isRunning, type ServiceProcess } from './services/processes.ts';
import { say } from './services/progress.ts';
import { environmentOf, missingIn, readState } from './services/state.ts';
import type { Wanted } from './services/wanted.ts';

const VITEST = 'node_modules/vitest/vitest.mjs';
const REPORT = ['--reporter=default', '--reporter=json', '--outputFile.json=node_modules/.reports/services.json'];
/** Of the 30 s that CI leaves between SIGTERM and SIGKILL. */
const GIVE_UP_MS = 10_000;
/** The process of a run, and the one that leads the group of its tests. */
const OWNER = 'owner.json';
const TESTS = 'tests.json';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** @returns the exit code. */
async function run(vitestArguments: readonly string[]): Promise<number> {
  const runs = join(cacheDir(), 'runs');
  mkdirSync(runs, { recursive: true });
  for (const name of readdirSync(runs)) await endAbandoned(join(runs, name));
  const dir = mkdtempSync(join(runs, 'run-'));
  remember(dir, OWNER, identify('run', process.pid, ''));
  const stop = new AbortController();
  for (const signal of SIGNALS) process.once(signal, () => stop.abort(signal));
  const stopped = once(stop.signal, 'abort').then(() => 128 + constants.signals[stop.signal.reason as NodeJS.Signals]);
  try {
    const work = startAndTest(dir, vitestArguments, stop.signal);
    const code = await Promise.race([work, stopped]);
    if (stop.signal.aborted) {
      // A service that just starts fails when it is ended; then nothing more is started.
      await end(dir);
      await Promise.race([work.catch(() => code), sleep(GIVE_UP_MS)]);
    }
    return code;
  } finally {
    await remove(dir);
  }
}

async function startAndTest(dir: string, vitestArguments: readonly string[], signal: AbortSignal): Promise<number> {
  const wanted: Wanted = { names: missingIn(process.env), brokers: 1, given: {}, otherwise: 'free', signal };
  const up = hasCompose() ? upContainers(dir, projectOf(dir), wanted) : upProcesses(dir, wanted);
  const addresses = environmentOf(await up);
  signal.throwIfAborted();
  say(`services: ready, ${Object.keys(addresses).join(', ') || 'all given'}`);
  const temporary = join(dir, 'tmp');
  mkdirSync(temporary);
  const env = { ...process.env, ...addresses, METRICSTREAM_SERVICES: '1', TMPDIR: temporary };
  // In a group of its own, so that what tests start ends with it.
  const args = ['run', '--project=services', ...REPORT, ...vitestArguments];
  const vitest = spawn(process.execPath, [VITEST, ...args], { stdio: ['ignore', 'inherit', 'inherit'], detached: true, env });
  await once(vitest, 'spawn');
  const { pid = 0 } = vitest;
  remember(dir, TESTS, identify('tests', pid, VITEST));
  const endGroup = (): void => killGroup(pid);
  signal.addEventListener('abort', endGroup);
  const [code] = (await once(vitest, 'exit')) as [number | null];
  endGroup();
  return code ?? 1;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

function remember(dir: string, file: string, process: ServiceProcess): void {
  writeFileSync(join(dir, file), JSON.stringify(process));
}

/** @returns undefined where there is no such file, or the process is gone. */
function recall(dir: string, file: string): ServiceProcess | undefined {
  const path = join(dir, file);
  if (!existsSync(path)) return undefined;
  const process = JSON.parse(readFileSync(path, 'utf8')) as ServiceProcess;
  return isRunning(process) ? process : undefined;
}

function projectOf(dir: string): string {
  return `metricstream-${basename(dir).toLowerCase()}`;
}

async function end(dir: string): Promise<void> {
  if (readState(dir)?.engine === 'compose') downContainers(dir, projectOf(dir), true);
  else await endAll(dir, 0);
}

async function remove(dir: string): Promise<void> {
  await end(dir);
  for (const path of [dir, `${dir}.lock`]) rmSync(path, { recursive: true, force: true });
}

/** A run that was killed could end neither its tests nor its services. */
async function endAbandoned(dir: string): Promise<void> {
  if (!existsSync(join(dir, OWNER)) || recall(dir, OWNER) !== undefined) return;
  const tests = recall(dir, TESTS);
  if (tests !== undefined) killGroup(tests.pid);
  await remove(dir);
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// What was given up may still hold timers.
process.exit();
