/** The page's files, bundled by Bun at the start: what the browser gets is always what lies in src/edge/dashboard/. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ASSETS, type AssetTable } from '../edge/dashboard/assets.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';

const DASHBOARD = join(dirname(fileURLToPath(import.meta.url)), '..', 'edge', 'dashboard');

/** @param bundle makes one file of an entry and all it imports. */
export async function pageAssets(bundle: (entry: string) => Promise<Uint8Array>): Promise<AssetTable> {
  const entries = ASSETS.map(async ({ path, source, contentType }) => {
    const file = join(DASHBOARD, source);
    const body = Uint8Array.from(source.endsWith('.html') ? readFileSync(file) : await bundle(file));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`;
    return [path, { body, contentType, etag }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/**
 * For hosts that cannot bundle: the Bun of node_modules does it in a process of its own. That takes less time than
 * checking whether a cache still holds.
 */
export async function bundleInBun(entry: string): Promise<Uint8Array> {
  const bun = join(dirname(createRequire(import.meta.url).resolve('bun/package.json')), 'bin', 'bun.exe');
  try {
    const { stdout } = await promisify(execFile)(bun, ['build', entry, '--target=browser', '--minify'], {
      encoding: 'buffer',
      maxBuffer: LIMITS.pageBytesMax,
    });
    return stdout;
  } catch (cause) {
    throw new MetricStreamError('internal', `The page cannot be built: ${String(cause)}`, { cause });
  }
}
