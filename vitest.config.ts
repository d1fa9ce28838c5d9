/** The tests on Node, some of them on Deno, and those in workerd by Cloudflare's plugin; tests that need Bun stand in test/bun and run under `bun test`. */
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** Neutral code that a Worker runs. */
const NEUTRAL = ['test/{model,protocols,consumers}/*.test.ts', 'test/edge/*.test.ts', 'test/contract/shard-ports.test.ts'];
/** Two read the project's files, two hold two databases at once, of which an object has one, and one is long and the same everywhere. */
const NOT_IN_WORKERD = [
  'test/edge/bad-input.test.ts',
  'test/model/own-metrics.test.ts',
  'test/consumers/shard-{faults,lives}.test.ts',
  'test/edge/push-schema.test.ts',
];

export default defineConfig({
  test: {
    // By itself vitest leaves one core to the watcher: on two cores the files would run one by one.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{bun,workers}/**', ...('Deno' in globalThis ? [] : ['test/deno/**'])],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './test/workers/wrangler.toml' } })],
        test: {
          name: 'workers',
          include: ['test/workers/*.test.ts', ...NEUTRAL],
          exclude: NOT_IN_WORKERD,
          setupFiles: ['test/workers/setup.ts'],
          isolate: false,
          // Longer than on Node: every turn of the event loop commits what was written in it.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
