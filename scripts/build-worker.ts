/** `npm run build:worker`: what wrangler.toml uploads. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { bundleWorker, writePage } from './bundle-worker.ts';

const [worker] = await Promise.all([bundleWorker(), writePage('dist/page')]);
mkdirSync('dist/worker', { recursive: true });
writeFileSync('dist/worker/worker.js', worker);
