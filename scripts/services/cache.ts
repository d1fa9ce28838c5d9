/** The folder outside the checkout where services are kept once they are fetched or built: one folder for each version. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeFileLock } from '../../src/adapters/node/file-lock.ts';
import { say } from './progress.ts';

const LOCK_POLL_MS = 500;
const HASH_LENGTH = 8;

type Environment = Readonly<Record<string, string | undefined>>;

/** METRICSTREAM_CACHE, or `metricstream` in the user's cache folder. */
export function cacheDir(env: Environment = process.env): string {
  if (env.METRICSTREAM_CACHE !== undefined) return resolve(env.METRICSTREAM_CACHE);
  return join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'metricstream');
}

/** `kafka-4.4.0-1f0c9a2b`: the version for people, and a hash of the files that pin it, so that no change of them is missed. */
export function versionKey(name: string, version: string, files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  return `${name}-${version}-${hash.digest('hex').slice(0, HASH_LENGTH)}`;
}

/**
 * The folder of that key, which `make` fills where it is not there. It gets its name when it is whole.
 * What a failed `make` leaves in its folder is there for the next one, which may go on from it.
 */
export async function cached(key: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheDir(), key);
  if (existsSync(folder)) return folder;
  return withLock(folder, async () => {
    if (existsSync(folder)) return folder;
    const partial = `${folder}.partial`;
    mkdirSync(partial, { recursive: true });
    await make(partial);
    renameSync(partial, folder);
    return folder;
  });
}

/** Runs `body` while no other process runs one with the same path; waits as long as it takes. The lock ends with the process. */
export async function withLock<T>(path: string, body: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  let unlock = nodeFileLock(`${path}.lock`);
  if (unlock === undefined) say(`another process is busy with ${basename(path)}; waiting for it`);
  while (unlock === undefined) {
    await sleep(LOCK_POLL_MS);
    unlock = nodeFileLock(`${path}.lock`);
  }
  try {
    return await body();
  } finally {
    unlock();
  }
}
