/**
 * The tests on Node, and those in workerd by Cloudflare's plugin; tests that need Bun or Deno stand in test/bun and test/deno,
 * those that need real services in test/services.
 */
import { availableParallelism } from 'node:os';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

/** Neutral code that a Worker runs. */
const NEUTRAL = ['test/{alerts,model,protocols,consumers}/*.test.ts', 'test/edge/*.test.ts', 'test/contract/shard-ports.test.ts'];
/** Two read the project's files, two hold two databases at once, of which an object has one, and two are long and the same everywhere. */
const NOT_IN_WORKERD = [
  'test/edge/bad-input.test.ts',
  'test/model/own-metrics.test.ts',
  'test/consumers/shard-{faults,lives}.test.ts',
  'test/consumers/partition-owner.test.ts',
  'test/edge/push-schema.test.ts',
];

const IN_DENO = 'Deno' in globalThis;

const node: TestProjectInlineConfiguration = {
  test: {
    name: 'node',
    // No module keeps state that changes: files may share them, and are not loaded anew 200 times.
    isolate: false,
    include: ['test/**/*.test.ts'],
    exclude: [
      ...(IN_DENO ? ['test/{bun,services,workers}/**'] : ['test/{bun,deno,services,workers}/**']),
      // Two whole servers for minutes: `npm run test:hosts`, `test:deno` and `test:services` name their hosts.
      ...(process.env.METRICSTREAM_TEST_HOSTS === undefined ? ['test/differential/differential.test.ts'] : []),
    ],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
};

/** Only there where the services are: `npm run test:services` says so. */
const services: TestProjectInlineConfiguration = {
  test: {
    name: 'services',
    // The running system is tested on them as on every host.
    include: [
      'test/services/**/*.test.ts',
      'test/system/{crash,server,bad-input}.test.ts',
      'test/differential/differential.test.ts',
    ],
    env: { METRICSTREAM_TEST_HOSTS: 'bun on Kafka and InfluxDB', METRICSTREAM_TEST_KILLS: '10' },
    // A broker that was killed is missed for seconds, and takes some to come back.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
};

async function workers(): Promise<TestProjectInlineConfiguration> {
  const { cloudflareTest } = await import('@cloudflare/vitest-plugin');
  return {
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
  };
}

/** A vitest that Deno runs (`npm run test:deno`) has the first project only: Cloudflare's plugin needs Node. */
async function projects(): Promise<TestProjectInlineConfiguration[]> {
  if (IN_DENO) return [node];
  if (process.env.METRICSTREAM_SERVICES !== undefined) return [services];
  return [node, await workers()];
}

export default defineConfig({
  // By itself vitest leaves one core to the watcher: on two cores the files would run one by one. One more than cores, since tests of real processes mostly wait.
  test: { maxWorkers: availableParallelism() + 1, sequence: { sequencer: LongestFirst }, projects: await projects() },
});
