/** A process under test that is no server of ours with a data directory: what it uses, and its end. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { measure } from './measure.ts';
import { cpuSeconds, rssBytes } from './process-usage.ts';

/** As `measure` asks for it. */
export type Usage = Parameters<typeof measure>[1];

/**
 * Neither the process nor its directory outlives `body`, or this process.
 * @param name of the directory, which is made in `parentDir`.
 */
export async function withChild<T>(
  parentDir: string,
  name: string,
  start: (dir: string) => ChildProcess | Promise<ChildProcess>,
  body: (child: ChildProcess, usage: Usage) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(parentDir, `metricstream-${name}-`));
  let child: ChildProcess | undefined;
  const cleanUp = (): void => {
    child?.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  };
  process.once('exit', cleanUp);
  try {
    child = await start(dir);
    const { pid = 0 } = child;
    return await body(child, { cpuSeconds: () => cpuSeconds(pid), rssBytes: () => rssBytes(pid) });
  } finally {
    cleanUp();
    process.removeListener('exit', cleanUp);
  }
}
