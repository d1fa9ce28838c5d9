/** What a cold start costs: how much more workerd does until it is there with the Worker than with one that does nothing. */
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { childrenOf, cpuSeconds } from './bench/process-usage.ts';
import { median } from './bench/result.ts';
import { bundleWorker, gzipKb, modulesAtStart, type WorkerModule } from './bundle-worker.ts';

/** Of each, by turns: what else the machine does falls on both. */
const STARTS = 21;
const IDLE: readonly WorkerModule[] = [
  {
    type: 'ESModule',
    path: 'worker.js',
    contents: new TextEncoder().encode("export default { fetch: () => new Response('') };"),
  },
];

export interface ColdStart {
  /** Until requests are taken, ms (difference of medians). */
  readonly ms: number;
  /** Of the whole process, ms (difference of means, since the kernel counts in steps of 10). */
  readonly cpuMs: number;
  /** What a start reads, and all that is uploaded, gzip. */
  readonly atStartKb: number;
  readonly uploadedKb: number;
}

/** Starts workerd with each, again and again. */
export async function coldStart(): Promise<ColdStart> {
  const worker = await bundleWorker();
  const idle: Start[] = [];
  const own: Start[] = [];
  for (let i = 0; i < STARTS; i++) {
    idle.push(await startWith(IDLE));
    own.push(await startWith(worker));
  }
  return {
    ms: median(own.map(({ ms }) => ms)) - median(idle.map(({ ms }) => ms)),
    cpuMs: (sum(own) - sum(idle)) / STARTS,
    atStartKb: gzipKb(modulesAtStart(worker)),
    uploadedKb: gzipKb(worker),
  };
}

interface Start {
  readonly ms: number;
  readonly cpuMs: number;
}

async function startWith(modules: readonly WorkerModule[]): Promise<Start> {
  const startedMs = performance.now();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name: 'start',
      compatibilityDate: '2026-10-23',
      modules: [...modules],
      host: '127.0.0.1',
      cf: false,
      cacheAPI: false,
      logRequests: false,
    }),
  );
  try {
    await miniflare.ready;
    const ms = performance.now() - startedMs;
    return { ms, cpuMs: childrenOf(process.pid).reduce((total, pid) => total + cpuSeconds(pid) * 1_000, 0) };
  } finally {
    await miniflare.dispose();
  }
}

function sum(starts: readonly Start[]): number {
  return starts.reduce((total, { cpuMs }) => total + cpuMs, 0);
}
