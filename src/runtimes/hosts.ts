/** Which host this is: the runtime that executes it. What only one of them has is imported on that one alone. */
import type { Host } from './server.ts';

const HOSTS: Readonly<Record<string, () => Promise<Host>>> = {
  Bun: async () => (await import('./bun.ts')).bunHost(),
  Deno: async () => (await import('./deno.ts')).denoHost(),
};

/** Bun and Deno say who they are in a global of that name; Node does not. */
export async function thisHost(): Promise<Host> {
  const [, open] = Object.entries(HOSTS).find(([name]) => name in globalThis) ?? [];
  return open === undefined ? (await import('./node.ts')).nodeHost() : open();
}
