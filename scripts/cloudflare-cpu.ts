/** What a push costs workerd in CPU, and what waking does: the product under wrangler's local server. */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unstable_startWorker as startWorker } from 'wrangler';
import { createKey } from '../src/edge/keys.ts';
import { childrenOf, cpuSeconds } from './bench/process-usage.ts';

const SECRET = 'a secret that is long enough for HMAC-SHA-256';
/** Each has one connection: a busy commit waits for a second, so that fewer would only wait. */
const HOSTS = 400;
const SERIES = 20;
const WARM_PUSHES = 1_000;
const PUSHES = 5_000;
/** Of a hundred hosts two minutes, about as much as a shard holds unsealed in its log when it is let go of. */
const WAKE_PUSHES = 1_200;
const WAKE_PROBES = 21;

/** @returns ms of CPU a push of 20 series, of the process that runs the Worker and its objects. */
export function cpuMsPerPush(): Promise<number> {
  return running(false, async (url, key) => {
    await push(url, key, 0, WARM_PUSHES);
    const before = cpuMsByProcess();
    await push(url, key, WARM_PUSHES, PUSHES);
    const spent = [...cpuMsByProcess()]
      .filter(([pid]) => !listensOn(pid, url.port))
      .map(([pid, ms]) => ms - (before.get(pid) ?? 0));
    return spent.reduce((sum, ms) => sum + ms, 0) / PUSHES;
  });
}

/** What a push waits for, ms: the first after a start, whose shard reads its checkpoints and its log, and a later one (median). */
export async function wakeMs(): Promise<{ readonly first: number; readonly later: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'metricstream-wake-'));
  try {
    await running(directory, (url, key) => push(url, key, 0, WAKE_PUSHES));
    return await running(directory, async (url, key) => {
      // The edge is there before; it is the shard that starts.
      await (await fetch(new URL('/health', url))).text();
      const waits: number[] = [];
      for (let i = 0; i < WAKE_PROBES; i++) {
        const startedMs = performance.now();
        await push(url, key, WAKE_PUSHES + i, 1);
        waits.push(performance.now() - startedMs);
      }
      const [first = Number.NaN, ...later] = waits;
      return { first, later: later.sort((a, b) => a - b)[Math.floor(later.length / 2)] ?? Number.NaN };
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The product under wrangler's local server. @param persist where its data are kept; false: nowhere. */
async function running<T>(persist: string | false, body: (url: URL, key: string) => Promise<T>): Promise<T> {
  process.env.WRANGLER_SEND_METRICS = 'false';
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false';
  const worker = await startWorker({
    config: 'wrangler.toml',
    bindings: { METRICSTREAM_SECRET: { type: 'plain_text', value: SECRET } },
    dev: { server: { hostname: '127.0.0.1', port: 0 }, inspector: false, persist, watch: false, logLevel: 'error' },
  });
  try {
    await worker.ready;
    const { key } = await createKey(SECRET, { tenant: 'default', role: 'ingest', requestsPerSecond: 1_000 }, Date.now());
    return await body(await worker.url, key);
  } finally {
    await worker.dispose();
  }
}

async function push(url: URL, key: string, from: number, count: number): Promise<void> {
  let next = from;
  const sendSome = async (): Promise<void> => {
    for (let i = next++; i < from + count; i = next++) {
      const timestamp = Date.now();
      const metrics = Array.from({ length: SERIES }, (_, series) => ({
        name: `metric_${series}`,
        value: (i % 977) / 100,
        timestamp,
      }));
      const response = await fetch(new URL('/metrics', url), {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': `boot:${i}` },
        body: JSON.stringify({ client_id: `host-${i % HOSTS}`, metrics }),
      });
      const answer = await response.text();
      if (response.status !== 202) throw new Error(`a push was answered ${response.status}: ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(HOSTS, count) }, sendSome));
}

/** CPU of each workerd that this process started, ms, system time included. */
function cpuMsByProcess(): Map<number, number> {
  const workers = childrenOf(process.pid).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('workerd'));
  return new Map(workers.map((pid) => [pid, cpuSeconds(pid) * 1_000]));
}

/** Wrangler puts a proxy in a process of its own before the Worker: it is what listens. */
function listensOn(pid: number, port: string): boolean {
  const local = `:${Number(port).toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const listening = sockets
    .filter(([, address, , state]) => address?.endsWith(local) && state === '0A')
    .map((fields) => `socket:[${fields[9]}]`);
  return readdirSync(`/proc/${pid}/fd`).some((fd) => listening.includes(linkOf(`/proc/${pid}/fd/${fd}`)));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
