/** The test run on Node; tests that need Bun live in test/bun and run under `bun test`. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/**/*.test.ts'], exclude: ['test/bun/**'], testTimeout: 30_000, hookTimeout: 30_000 },
});
