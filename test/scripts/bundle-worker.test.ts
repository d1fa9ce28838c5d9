/** What `wrangler deploy` would upload: looked at without an account, by its dry run. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleWorker, gzipKb, modulesAtStart, type WorkerModule } from '../../scripts/bundle-worker.ts';
import { ASSET_HEADERS, ASSETS } from '../../src/edge/dashboard/assets.ts';

/** Cold starts grow with what a start reads. The free plan takes 3 MB of all: alerting, schemas and the clients of Upstash are most of it. */
const WORKERS = [
  ['wrangler.toml', 'cloudflare', 150, 300],
  ['wrangler.kafka.toml', 'cloudflare-services', 150, 360],
] as const;
const WAIT_MS = 120_000;

describe.each(WORKERS)('wrangler deploy --dry-run --config %s', (config, entry, startKbMax, gzipKbMax) => {
  let said = '';
  let modules: readonly WorkerModule[] = [];
  beforeAll(async () => {
    const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true' };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['node_modules/wrangler/bin/wrangler.js', 'deploy', '--dry-run', '--config', config],
      {
        env,
      },
    );
    said = stdout;
    modules = await bundleWorker(entry);
  }, WAIT_MS);

  test('builds and is green, with all kinds of objects', () => {
    expect(said).toContain('--dry-run: exiting now.');
    expect(said).toContain('env.SHARD (ShardObject)');
    expect(said).toContain('env.CONTROL (ControlObject)');
    expect(said).toContain('env.ALERTS (AlertObject)');
  });

  test(`uploads at most ${gzipKbMax} KB, compressed, with every module that the Worker may ask for`, () => {
    const kib = Number(/Total Upload: .* gzip: ([\d.]+) KiB/.exec(said)?.[1]);
    expect(kib * 1.024).toBeGreaterThan(10);
    expect(kib * 1.024).toBeLessThanOrEqual(gzipKbMax);
    const [, ...others] = modules;
    expect(others.filter(({ path }) => !said.includes(` ${path} `))).toEqual([]);
  });

  test(`reads at most ${startKbMax} KB of that, compressed, before it takes a push`, () => {
    const atStart = modulesAtStart(modules);
    expect(gzipKb(atStart)).toBeGreaterThan(10);
    expect(gzipKb(atStart)).toBeLessThanOrEqual(startKbMax);
    // Or the rule by which they are told apart no longer fits what is written.
    expect(atStart.length).toBeGreaterThan(1);
    expect(gzipKb(modules)).toBeGreaterThan(startKbMax);
  });

  test('takes every file of the page, and the headers that servers send with it', () => {
    for (const { path } of ASSETS) {
      expect(readFileSync(`dist/page${path === '/' ? '/index.html' : path}`).length).toBeGreaterThan(0);
    }
    const rules = readFileSync('dist/page/_headers', 'utf8');
    for (const [name, value] of Object.entries(ASSET_HEADERS)) expect(rules).toContain(`\n  ${name}: ${value}\n`);
  });
});
