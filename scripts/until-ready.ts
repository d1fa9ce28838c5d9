/** Waits for a server that a script started: for its keys file, and for /ready. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeysFile } from '../src/runtimes/data-dir.ts';

const POLL_MS = 100;

/** @param dataDir of the server. @throws when it is not ready within `waitMs`. */
export async function untilReady(dataDir: string, waitMs: number): Promise<KeysFile> {
  const untilMs = Date.now() + waitMs;
  while (Date.now() < untilMs) {
    try {
      const keys = JSON.parse(readFileSync(join(dataDir, 'keys.json'), 'utf8')) as KeysFile;
      if ((await fetch(`${keys.url}/ready`)).ok) return keys;
    } catch {
      // Not there yet.
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error('the server was not ready in time');
}
