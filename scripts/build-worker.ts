/** `npm run build:worker`: what wrangler.toml and wrangler.kafka.toml upload. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorker, writePage } from './bundle-worker.ts';

const [worker, fed] = await Promise.all([bundleWorker(), bundleWorker('cloudflare-services'), writePage('dist/page')]);
for (const [folder, modules] of [
  ['dist/worker', worker],
  ['dist/worker-kafka', fed],
] as const) {
  // Wrangler uploads all that lies there, so what an earlier build left must not.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { path, contents } of modules) writeFileSync(join(folder, path), contents);
}
