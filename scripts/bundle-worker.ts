/** What Cloudflare gets: the Worker in one file, and the page's files with the headers that servers send with them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { ASSET_HEADERS } from '../src/edge/dashboard/assets.ts';
import { pageAssets } from '../src/runtimes/page.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** zod's messages in all languages come with every import of it, and nothing here asks for one. */
const WITHOUT_LOCALES: Plugin = {
  name: 'without-locales',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: '' }));
  },
};

async function bundle(entry: string, options: BuildOptions): Promise<Uint8Array> {
  const { outputFiles = [] } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    logLevel: 'silent',
    ...options,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

/** Which Worker: the one that keeps all in its objects, or the one whose log and store are Kafka and InfluxDB. */
export type WorkerEntry = 'cloudflare' | 'cloudflare-services';

/** @throws what esbuild says of a source that cannot be bundled. */
export function bundleWorker(entry: WorkerEntry = 'cloudflare'): Promise<Uint8Array> {
  return bundle(`src/runtimes/${entry}.ts`, {
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    plugins: [WITHOUT_LOCALES],
  });
}

/** Writes the page as the folder of `[assets]` in wrangler.toml. */
export async function writePage(folder: string): Promise<void> {
  const assets = await pageAssets((entry) => bundle(entry, { platform: 'browser' }));
  for (const [path, { body }] of Object.entries(assets)) {
    const file = join(folder, path === '/' ? 'index.html' : path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, body);
  }
  const headers = Object.entries({ ...ASSET_HEADERS, 'cache-control': 'no-cache' });
  writeFileSync(join(folder, '_headers'), `/*\n${headers.map(([name, value]) => `  ${name}: ${value}\n`).join('')}`);
}
