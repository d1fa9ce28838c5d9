/** What `wrangler deploy` would upload: looked at without an account, by its dry run. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { ASSET_HEADERS, ASSETS } from '../../src/edge/dashboard/assets.ts';

/** Cold starts grow with it; the free plan takes 3 MB. Alerting weighs 120 KB, half of it CEL, YAML and cron; the clients of Upstash 50 KB. */
const WORKERS = [
  ['wrangler.toml', 300],
  ['wrangler.kafka.toml', 360],
] as const;
const WAIT_MS = 120_000;

describe.each(WORKERS)('wrangler deploy --dry-run --config %s', (config, gzipKbMax) => {
  let said = '';
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
  }, WAIT_MS);

  test('builds and is green, with all kinds of objects', () => {
    expect(said).toContain('--dry-run: exiting now.');
    expect(said).toContain('env.SHARD (ShardObject)');
    expect(said).toContain('env.CONTROL (ControlObject)');
    expect(said).toContain('env.ALERTS (AlertObject)');
  });

  test(`uploads at most ${gzipKbMax} KB, compressed, of one module`, () => {
    const kib = Number(/Total Upload: .* gzip: ([\d.]+) KiB/.exec(said)?.[1]);
    expect(kib * 1.024).toBeGreaterThan(10);
    expect(kib * 1.024).toBeLessThanOrEqual(gzipKbMax);
    expect(said).not.toContain('additional modules');
  });

  test('takes every file of the page, and the headers that servers send with it', () => {
    for (const { path } of ASSETS) {
      expect(readFileSync(`dist/page${path === '/' ? '/index.html' : path}`).length).toBeGreaterThan(0);
    }
    const rules = readFileSync('dist/page/_headers', 'utf8');
    for (const [name, value] of Object.entries(ASSET_HEADERS)) expect(rules).toContain(`\n  ${name}: ${value}\n`);
  });
});
