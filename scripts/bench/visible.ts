/** From push to sight: how long until a sample that was sent shows in a query, and on the live feed. */
import { realClock } from './fleet.ts';
import { histogram } from './histogram.ts';
import { openLoad } from './load.ts';
import { check, sentBy } from './measure.ts';
import { get } from './read-api.ts';
import type { Quantiles, VisibleResult } from './result.ts';
import { type Bench, checkLine, createHosts } from './scenario.ts';
import { type Server, withServer } from './server-process.ts';

export interface VisibleOptions {
  readonly probes: number;
  readonly clients: number;
  readonly pushesPerSecond: number;
}

const PROBE = 'probe';
const WARM_UP_MS = 3_000;
const GIVE_UP_MS = 10_000;
/** Random gaps keep the probes out of step with the feed's own interval. */
const GAP_MS_MAX = 250;

export function runVisible(bench: Bench, options: VisibleOptions): Promise<VisibleResult> {
  const { probes, clients, pushesPerSecond } = options;
  bench.log(`visible: ${probes} probes beside ${pushesPerSecond} pushes/s`);
  return withServer(bench.serverOptions, async (server) => {
    const { fleet, random } = createHosts(server, clients, realClock);
    const load = openLoad({ ...server, fleet, random, pushesPerSecond, pushes: Infinity, paced: false });
    const feed = liveFeed(server);
    await Promise.race([Bun.sleep(WARM_UP_MS), load.done]);
    const samples = histogram();
    const live = histogram();
    for (let sequence = 0; sequence < probes; sequence += 1) {
      const timestampMs = Date.now();
      const fromMs = performance.now();
      const toMs = (): number => (performance.now() - fromMs) * 1_000;
      const shown = feed.shows(timestampMs).then(() => live.record(toMs()));
      await pushProbe(server, sequence, timestampMs);
      const read = untilRead(server, timestampMs).then(() => samples.record(toMs()));
      await Promise.race([within(GIVE_UP_MS, Promise.all([shown, read]), `Probe ${sequence} did not show.`), load.done]);
      await Bun.sleep((random() / 2 ** 32) * GAP_MS_MAX);
    }
    feed.close();
    await load.stop();
    const sent = sentBy(load);
    const checked = await check(server, {
      pushes: sent.pushes + probes,
      samples: sent.samples + probes,
      repeats: sent.repeats,
    });
    const result = { probes, backgroundPushesPerSecond: pushesPerSecond, samples: quantiles(samples), live: quantiles(live) };
    bench.log(`  in a query: ${quantilesLine(result.samples)}; on the live feed: ${quantilesLine(result.live)}`);
    bench.log(`  ${checkLine(checked)}`);
    await server.stop();
    return { ...result, check: checked };
  });
}

async function pushProbe(server: Server, sequence: number, timestamp: number): Promise<void> {
  const response = await fetch(`http://${server.hostname}:${server.port}/metrics`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.keys.ingest}`,
      'content-type': 'application/json',
      'idempotency-key': `${PROBE}:${sequence}`,
    },
    body: JSON.stringify({ client_id: PROBE, metrics: [{ name: PROBE, value: sequence, timestamp }] }),
  });
  if (response.status !== 202) throw new Error(`A probe was answered ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}

/** Asks again and again, until the sample is in the answer. */
async function untilRead(server: Server, timestampMs: number): Promise<void> {
  const params = { client: PROBE, metric: PROBE, start: timestampMs, end: timestampMs + 1 };
  const untilMs = performance.now() + GIVE_UP_MS;
  while (performance.now() < untilMs) {
    const { samples } = (await (await get(server, '/api/v1/samples', params)).json()) as { samples: readonly unknown[] };
    if (samples.length > 0) return;
    await Bun.sleep(1);
  }
}

interface Feed {
  /** Resolves when an event names this time: nothing else on the feed of one client holds its 13 digits. */
  shows(timestampMs: number): Promise<void>;
  close(): void;
}

/** Subscribes. A feed that breaks is seen by the probe that it does not show. */
function liveFeed(server: Server): Feed {
  const decoder = new TextDecoder();
  let reader: { cancel(): Promise<void> } | undefined;
  let awaited: { text: string; seen: () => void } | undefined;
  const follow = async (): Promise<void> => {
    const stream = (await get(server, '/api/v1/live', { client: PROBE })).body?.getReader();
    reader = stream;
    let tail = '';
    for (let next = await stream?.read(); next?.value !== undefined; next = await stream?.read()) {
      tail += decoder.decode(next.value, { stream: true });
      if (awaited !== undefined && tail.includes(awaited.text)) awaited.seen();
      tail = tail.slice(tail.lastIndexOf('\n') + 1);
    }
  };
  follow().catch((error: unknown) => console.warn(`The live feed broke: ${String(error)}`));
  return {
    shows: (timestampMs) =>
      new Promise((seen) => {
        awaited = { text: String(timestampMs), seen };
      }),
    close: () => void reader?.cancel(),
  };
}

async function within(timeoutMs: number, work: Promise<unknown>, message: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${message} Waited ${timeoutMs} ms.`)), timeoutMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function quantiles(latencyUs: ReturnType<typeof histogram>): Quantiles {
  const ms = (q: number): number => latencyUs.quantile(q) / 1_000;
  return { p50Ms: ms(0.5), p99Ms: ms(0.99), maxMs: ms(1) };
}

function quantilesLine({ p50Ms, p99Ms, maxMs }: Quantiles): string {
  return `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, at most ${maxMs.toFixed(1)} ms`;
}
