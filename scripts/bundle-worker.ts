/** What Cloudflare gets: the Worker in modules, and the page's files with the headers that servers send with them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type OutputFile, type Plugin } from 'esbuild';
import { ASSET_HEADERS } from '../src/edge/dashboard/assets.ts';
import { pageAssets } from '../src/runtimes/page.ts';

const ENTRY_NAME = 'worker';
/** What `main` in wrangler.toml names. */
const WORKER_FILE = `${ENTRY_NAME}.js`;
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** zod's messages in all languages come with every import of it, and nothing here asks for one. */
const WITHOUT_LOCALES: Plugin = {
  name: 'without-locales',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: '' }));
  },
};

async function bundle(entry: string, options: BuildOptions): Promise<readonly OutputFile[]> {
  const { outputFiles = [] } = await build({
    absWorkingDir: ROOT,
    entryPoints: [{ in: entry, out: ENTRY_NAME }],
    outdir: 'dist',
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    logLevel: 'silent',
    ...options,
  });
  return outputFiles;
}

/** Which Worker: the one that keeps all in its objects, or the one whose log and store are Kafka and InfluxDB. */
export type WorkerEntry = 'cloudflare' | 'cloudflare-services';

/** One file of a Worker, as miniflare takes it. */
export interface WorkerModule {
  readonly type: 'ESModule';
  readonly path: string;
  readonly contents: Uint8Array;
}

/**
 * @returns the Worker's own module, what it imports, and what those import when it is first needed: most starts never do.
 * @throws what esbuild says of a source that cannot be bundled.
 */
export async function bundleWorker(entry: WorkerEntry = 'cloudflare'): Promise<readonly WorkerModule[]> {
  const files = await bundle(`src/runtimes/${entry}.ts`, {
    splitting: true,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    plugins: [WITHOUT_LOCALES],
  });
  const modules = files.map(({ path, contents }) => ({ type: 'ESModule' as const, path: basename(path), contents }));
  // The first is the one that is asked.
  return modules.sort((a, b) => Number(b.path === WORKER_FILE) - Number(a.path === WORKER_FILE));
}

/** What esbuild writes of an import that is read at once; `import("./x.js")` is read when it is reached. */
const STATIC_IMPORT = /\b(?:from|import)"\.\/([\w.-]+)"/g;

/** @returns the modules that a start reads, the Worker's own first. */
export function modulesAtStart(modules: readonly WorkerModule[]): readonly WorkerModule[] {
  const decoder = new TextDecoder();
  const read = new Set(modules.slice(0, 1));
  for (const { contents } of read) {
    const names = [...decoder.decode(contents).matchAll(STATIC_IMPORT)].map(([, name]) => name);
    for (const module of modules) if (names.includes(module.path)) read.add(module);
  }
  return [...read];
}

/** What modules weigh when they are uploaded together, in KB. */
export function gzipKb(modules: readonly WorkerModule[]): number {
  return gzipSync(Buffer.concat(modules.map(({ contents }) => contents))).length / 1_000;
}

/** Writes the page as the folder of `[assets]` in wrangler.toml. */
export async function writePage(folder: string): Promise<void> {
  const assets = await pageAssets(async (entry) => {
    const [script] = await bundle(entry, { platform: 'browser' });
    return script?.contents ?? new Uint8Array();
  });
  for (const [path, { body }] of Object.entries(assets)) {
    const file = join(folder, path === '/' ? 'index.html' : path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, body);
  }
  const headers = Object.entries({ ...ASSET_HEADERS, 'cache-control': 'no-cache' });
  writeFileSync(join(folder, '_headers'), `/*\n${headers.map(([name, value]) => `  ${name}: ${value}\n`).join('')}`);
}
