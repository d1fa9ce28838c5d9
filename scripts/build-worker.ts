/** `npm run build:worker`: what wrangler.toml and wrangler.kafka.toml upload. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { bundleWorker, writePage } from './bundle-worker.ts';

const [worker, fed] = await Promise.all([bundleWorker(), bundleWorker('cloudflare-services'), writePage('dist/page')]);
for (const [folder, script] of [
  ['dist/worker', worker],
  ['dist/worker-kafka', fed],
] as const) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/worker.js`, script);
}
