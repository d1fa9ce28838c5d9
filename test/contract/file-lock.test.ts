/** The lock on a file by node:sqlite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { nodeFileLock } from '../../src/adapters/node/file-lock.ts';
import { describeFileLock } from './suites/file-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'metricstream-lock-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeFileLock('node:sqlite', nodeFileLock, folder);
