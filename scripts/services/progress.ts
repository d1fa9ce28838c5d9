/** What a person sees while something long runs: one line with its time and what it last said, and the end of it when it fails. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';

interface Work {
  /** 'kafka 4.4.0: jars from Maven'. */
  readonly title: string;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where its output goes. */
  readonly logFile: string;
}

const TERMINAL_EVERY_MS = 1_000;
const LOG_EVERY_MS = 15_000;
const SAID_LENGTH = 60;
const TAIL_LENGTH = 3_000;

/** One line for people; standard output is kept for what programs read. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The end of a log file; '' where there is none. */
export function tailOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').slice(-TAIL_LENGTH) : '';
}

/** True where the command is there and answers with 0. */
export function answers(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Runs a command and shows that it is alive. @throws with the end of its output when it fails. */
export async function runShown(work: Work): Promise<void> {
  const { title, argv, cwd, env, logFile } = work;
  const [command, ...args] = argv;
  const log = openSync(logFile, 'a');
  const startedMs = performance.now();
  say(`${title}: started`);
  const timer = setInterval(() => show(work, startedMs), process.stderr.isTTY ? TERMINAL_EVERY_MS : LOG_EVERY_MS);
  const child = spawn(command, args, { cwd, stdio: ['ignore', log, log], env: { ...process.env, ...env } });
  closeSync(log);
  const stop = (): void => void child.kill('SIGTERM');
  process.once('exit', stop);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('exit', resolve);
      child.once('error', reject);
    });
    if (code !== 0) throw new Error(`${title}: ${command} ended with ${code ?? child.signalCode}.\n${tailOf(logFile)}`);
  } finally {
    clearInterval(timer);
    process.removeListener('exit', stop);
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
  say(`${title}: done after ${elapsed(startedMs)}`);
}

function show({ title, logFile }: Work, startedMs: number): void {
  const said = tailOf(logFile).trimEnd().split('\n').at(-1) ?? '';
  const line = `${title}: ${elapsed(startedMs)}  ${said.slice(0, SAID_LENGTH)}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else say(line);
}

/** `2:05` since a moment of `performance.now()`. */
function elapsed(startedMs: number): string {
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
