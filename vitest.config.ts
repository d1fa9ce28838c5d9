/** The test run on Node, and of some tests on Deno; tests that need Bun live in test/bun and run under `bun test`. */
import { defineConfig } from 'vitest/config';

const elsewhere = 'Deno' in globalThis ? ['test/bun/**'] : ['test/bun/**', 'test/deno/**'];

export default defineConfig({
  test: { include: ['test/**/*.test.ts'], exclude: elsewhere, testTimeout: 30_000, hookTimeout: 30_000 },
});
