/** Service processes that may outlive who started them, and the proof that a process id still means the process that we started. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tailOf } from './progress.ts';

/** What identifies a process after its id could have been given to another. */
export interface ServiceProcess {
  /** 'kafka-1'. */
  readonly name: string;
  readonly pid: number;
  /** When it started, in ticks since the machine did. */
  readonly startTicks: number;
  readonly bootId: string;
  /** Stands in its command line: its data directory, which no process of others has. */
  readonly mark: string;
}

/** What /proc says of a process. */
export interface Observed {
  /** One letter, as ps shows it: T is stopped, Z has ended. */
  readonly state: string;
  readonly startTicks: number;
  readonly bootId: string;
  readonly commandLine: string;
}

interface Command {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly mark: string;
  readonly logFile: string;
  /** It goes on when this process ends. */
  readonly detached: boolean;
}

const POLL_MS = 25;

/** @param stat the text of /proc/PID/stat. */
export function parseStat(stat: string): { readonly state: string; readonly startTicks: number } {
  // The second field is the command in parentheses, which may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTicks: Number(fields[19]) };
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** @returns undefined where there is no such process. */
export function observe(pid: number): Observed | undefined {
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trimEnd();
    return { ...stat, bootId: bootId(), commandLine };
  } catch {
    return undefined;
  }
}

/** True where the process that was started is still there; false for another with its id, and for one that has ended. */
export function isRunning(service: ServiceProcess, observed: Observed | undefined = observe(service.pid)): boolean {
  if (observed === undefined || observed.state === 'Z' || observed.state === 'X') return false;
  const isSame = observed.startTicks === service.startTicks && observed.bootId === service.bootId;
  return isSame && observed.commandLine.includes(service.mark);
}

/** A process by its id, so that it is known again later. @throws where it has ended. */
export function identify(name: string, pid: number, mark: string): ServiceProcess {
  const observed = observe(pid);
  if (observed === undefined) throw new Error(`${name} ended at once.`);
  return { name, pid, startTicks: observed.startTicks, bootId: observed.bootId, mark };
}

/** Starts a process whose output goes to its log file. @throws where there is no such command. */
export async function startProcess({ name, argv, mark, logFile, detached }: Command): Promise<ServiceProcess> {
  if (process.platform !== 'linux') throw new Error('Without Docker services run on Linux only.');
  const [command, ...args] = argv;
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log], detached });
  closeSync(log);
  await once(child, 'spawn');
  if (detached) child.unref();
  return identify(name, child.pid ?? 0, mark);
}

/** Waits until `isReady`. @throws with the end of its log when it ends before, or is not in time. */
export async function untilReady(
  service: ServiceProcess,
  logFile: string,
  isReady: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const untilMs = performance.now() + timeoutMs;
  while (!(await isReady())) {
    if (!isRunning(service)) throw new Error(`${service.name} ended before it was ready.\n${tailOf(logFile)}`);
    if (performance.now() > untilMs) throw new Error(`${service.name} was not ready within ${timeoutMs} ms.\n${tailOf(logFile)}`);
    await sleep(POLL_MS);
  }
}

/** Sends a signal to the process if it is still ours. @returns whether it was. */
export function signalProcess(service: ServiceProcess, signal: NodeJS.Signals): boolean {
  if (!isRunning(service)) return false;
  try {
    return process.kill(service.pid, signal);
  } catch {
    // It ended in between.
    return false;
  }
}

/** As signalProcess, and waits until the signal has done what it does; after SIGTERM and SIGKILL the process is gone. */
export async function killProcess(service: ServiceProcess, signal: NodeJS.Signals, timeoutMs: number): Promise<void> {
  if (!signalProcess(service, signal)) return;
  const isDone = (): boolean => {
    const observed = observe(service.pid);
    return signal === 'SIGSTOP' ? observed?.state === 'T' : !isRunning(service, observed);
  };
  if (!['SIGTERM', 'SIGKILL', 'SIGSTOP'].includes(signal)) return;
  const untilMs = performance.now() + timeoutMs;
  while (!isDone()) {
    if (performance.now() > untilMs) throw new Error(`${service.name} did not obey ${signal} within ${timeoutMs} ms.`);
    await sleep(POLL_MS);
  }
}

/** SIGTERM, and SIGKILL where that is not enough. */
export async function endProcess(service: ServiceProcess, graceMs: number): Promise<void> {
  // One that is stopped takes SIGTERM only when it goes on.
  signalProcess(service, 'SIGCONT');
  await killProcess(service, 'SIGTERM', graceMs).catch(() => killProcess(service, 'SIGKILL', graceMs));
}
