/** What a server keeps beside its database: the secret, and the keys that it made for its owner. */

import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKey, type Secrets } from '../edge/keys.ts';
import { MetricStreamError } from '../model/errors.ts';

/** `<data-dir>/keys.json`, mode 0600. */
export interface KeysFile {
  readonly url: string;
  readonly ingest: string;
  readonly read: string;
  readonly admin: string;
}

/** Creates the directory, mode 0700 when it is new. */
export function openDataDir(dataDir: string): void {
  if (!existsSync(dataDir)) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
}

/**
 * Two servers over one log would each count what the other never sees.
 * @throws unavailable when there is another.
 */
export function lockDataDir(dataDir: string, lockFile: (path: string) => (() => void) | undefined): () => void {
  const unlock = lockFile(join(dataDir, 'server.lock'));
  if (unlock !== undefined) return unlock;
  const at = readKeys(dataDir)?.url;
  const other = at === undefined ? 'another server' : `the server at ${at}`;
  throw new MetricStreamError('unavailable', `${dataDir} is in use by ${other}: stop it first, or give another --data-dir`);
}

/** METRICSTREAM_SECRET, else `<data-dir>/secret`, made at the first start; METRICSTREAM_SECRET_PREVIOUS for rotation. */
export function readSecrets(dataDir: string, env: Readonly<Record<string, string | undefined>>): Secrets {
  const previous = env.METRICSTREAM_SECRET_PREVIOUS;
  if (env.METRICSTREAM_SECRET !== undefined) return { current: env.METRICSTREAM_SECRET, previous };
  const path = join(dataDir, 'secret');
  if (!existsSync(path)) writePrivate(path, randomBytes(32).toString('base64url'));
  return { current: readFileSync(path, 'utf8').trim(), previous };
}

/** Keeps the keys of an earlier start where the secret is still the same; the URL is always this start's. */
export async function writeKeys(
  dataDir: string,
  url: string,
  secret: string,
  nowMs: number,
  valid: (key: string) => Promise<boolean>,
): Promise<KeysFile> {
  const path = join(dataDir, 'keys.json');
  const held = readKeys(dataDir);
  const keep = held !== undefined && (await valid(held.admin)) && (await valid(held.ingest)) && (await valid(held.read));
  const make = async (role: 'ingest' | 'read' | 'admin'): Promise<string> =>
    (await createKey(secret, { tenant: 'default', role }, nowMs)).key;
  const keys: KeysFile = keep
    ? { ...held, url }
    : { url, ingest: await make('ingest'), read: await make('read'), admin: await make('admin') };
  writePrivate(path, `${JSON.stringify(keys, null, 2)}\n`);
  return keys;
}

/** @returns undefined where there is none, or it is not ours. */
export function readKeys(dataDir: string): KeysFile | undefined {
  const path = join(dataDir, 'keys.json');
  if (!existsSync(path)) return undefined;
  try {
    const { url, ingest, read, admin } = JSON.parse(readFileSync(path, 'utf8')) as Partial<KeysFile>;
    if (url === undefined || ingest === undefined || read === undefined || admin === undefined) return undefined;
    return { url, ingest, read, admin };
  } catch {
    return undefined;
  }
}

/** Whole or not at all, readable by its owner only. */
function writePrivate(path: string, text: string): void {
  const fresh = `${path}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, path);
}
