/** One measured interval of a load: rates, latencies and costs, and afterwards whether the server counted the same. */
import { METRICS_PER_PUSH } from './fleet.ts';
import { type Load, resetTally } from './load.ts';
import { stolenSeconds } from './process-usage.ts';
import { type Counts, counts } from './read-api.ts';
import type { Server } from './server-process.ts';

export interface Measurement {
  readonly seconds: number;
  readonly pushes: number;
  readonly pushesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Of the server, all threads: per acknowledged push, and as a share of one core. */
  readonly cpuUsPerPush: number;
  readonly cpuShare: number;
  readonly rssBytesMax: number;
  readonly limited: number;
  readonly failed: number;
  readonly generatorUsPerPush: number;
  /** Cores that the hypervisor gave to others while this machine wanted them: above 0, the other figures are worse than they could be. */
  readonly stolenCores: number;
}

/** What was acknowledged, as the generator saw it. */
export interface Sent {
  readonly pushes: number;
  readonly samples: number;
  /** Pushes whose timestamp their client had sent before. */
  readonly repeats: number;
}

/** What the server says it holds after the load, against what it acknowledged. */
export interface Check {
  readonly sent: Sent;
  readonly counted: Counts;
  /** From the last answer until the consumer had counted every push. */
  readonly catchUpMs: number;
  readonly exact: boolean;
}

const RSS_INTERVAL_MS = 500;
const CATCH_UP_TIMEOUT_MS = 120_000;
const CATCH_UP_POLL_MS = 50;

export async function measure(
  load: Load,
  server: Pick<Server, 'cpuSeconds' | 'rssBytes'>,
  warmUpMs: number,
  measuredMs: number,
): Promise<Measurement> {
  const { tally } = load;
  await Promise.race([Bun.sleep(warmUpMs), load.done]);
  resetTally(tally);
  const startMs = performance.now();
  const serverCpu = server.cpuSeconds();
  const ownCpu = process.cpuUsage();
  const stolen = stolenSeconds();
  let rssBytesMax = server.rssBytes();
  while (performance.now() < startMs + measuredMs) {
    await Promise.race([Bun.sleep(Math.min(RSS_INTERVAL_MS, startMs + measuredMs - performance.now())), load.done]);
    rssBytesMax = Math.max(rssBytesMax, server.rssBytes());
  }
  const seconds = (performance.now() - startMs) / 1_000;
  const cpu = server.cpuSeconds() - serverCpu;
  const own = process.cpuUsage(ownCpu);
  const { acknowledged: pushes, latencyUs } = tally;
  return {
    seconds,
    pushes,
    pushesPerSecond: pushes / seconds,
    p50Ms: latencyUs.quantile(0.5) / 1_000,
    p99Ms: latencyUs.quantile(0.99) / 1_000,
    p999Ms: latencyUs.quantile(0.999) / 1_000,
    maxMs: latencyUs.quantile(1) / 1_000,
    cpuUsPerPush: (cpu * 1e6) / pushes,
    cpuShare: cpu / seconds,
    rssBytesMax,
    limited: tally.limited,
    failed: tally.failed,
    generatorUsPerPush: (own.user + own.system) / pushes,
    stolenCores: (stolenSeconds() - stolen) / seconds,
  };
}

export function sentBy({ tally, fleet }: Load): Sent {
  const pushes = tally.acknowledgedInAll;
  return { pushes, samples: pushes * METRICS_PER_PUSH, repeats: fleet.repeats };
}

/** Waits until the consumer has counted every acknowledged push, then compares. Stop the load first. */
export async function check(server: Server, sent: Sent): Promise<Check> {
  const fromMs = performance.now();
  let counted = await counts(server);
  while (counted.pushesReceived < sent.pushes && performance.now() < fromMs + CATCH_UP_TIMEOUT_MS) {
    await Bun.sleep(CATCH_UP_POLL_MS);
    counted = await counts(server);
  }
  return { sent, counted, catchUpMs: performance.now() - fromMs, exact: isExact(counted, sent) };
}

/** Every acknowledged push once, every sample of it stored, nothing repeated or rejected. */
export function isExact(counted: Counts, sent: Sent): boolean {
  const { pushesReceived, samplesStored, pushesDuplicate, samplesRepeated, samplesRejected } = counted;
  const unwanted = sent.repeats + pushesDuplicate + samplesRepeated + samplesRejected;
  return pushesReceived === sent.pushes && samplesStored === sent.samples && unwanted === 0;
}
