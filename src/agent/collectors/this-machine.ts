/** The machine that the agent runs on, for collectors. */
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { Machine } from './collector.ts';

/** Reads of /proc are synchronous: the kernel answers from memory, and a thread's round trip costs more than the read. */
export function thisMachine(): Machine {
  return {
    readText: (path) => readFileSync(path, 'utf8'),
    statfs,
    monotonicMs: () => performance.now(),
  };
}
