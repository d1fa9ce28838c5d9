/** The same loads against a server that does next to nothing: what of the figures is the machine's and Bun's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { withChild } from './child.ts';
import { realClock } from './fleet.ts';
import { closedLoad, type Load, type LoadOptions, openLoad } from './load.ts';
import { type Measurement, measure } from './measure.ts';
import type { BareResult } from './result.ts';
import { type Bench, createHosts, measurementLine } from './scenario.ts';

export interface BareOptions {
  readonly connections: number;
  readonly clients: number;
  readonly pushesPerSecond: number;
  readonly hosts: number;
  readonly intervalSeconds: number;
  readonly seconds: number;
}

const ENTRY = fileURLToPath(new URL('bare-server.ts', import.meta.url));

export async function runBare(bench: Bench, options: BareOptions): Promise<BareResult> {
  const { connections, clients, pushesPerSecond, hosts, intervalSeconds } = options;
  bench.log('bare: a server that reads, parses and fsyncs, and does nothing else');
  const open = (rate: number) => (base: LoadOptions, random: () => number) =>
    openLoad({ ...base, random, pushesPerSecond: rate, pushes: Infinity, paced: false });
  const closed = (base: LoadOptions) => closedLoad({ ...base, connections });
  return {
    connections,
    closed: await runOnce(bench, options, clients, 2, closed),
    steady: await runOnce(bench, options, clients, 2, open(pushesPerSecond)),
    hosts: await runOnce(bench, options, hosts, 1.2 * intervalSeconds, open(hosts / intervalSeconds)),
  };
}

async function runOnce(
  { serverOptions: { parentDir }, log }: Bench,
  { seconds }: BareOptions,
  clients: number,
  warmUpSeconds: number,
  start: (base: LoadOptions, random: () => number) => Load,
): Promise<Measurement> {
  const spawned = (dataDir: string) => spawn(process.execPath, [ENTRY, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  return withChild(parentDir, 'bare', spawned, async ({ stdout }, usage) => {
    const [port] = (await once(createInterface(stdout as Readable), 'line')) as [string];
    const server = { hostname: '127.0.0.1', port: Number(port), keys: { ingest: 'k'.repeat(200), read: '' } };
    const { fleet, random } = createHosts(server, clients, realClock);
    const load = start({ ...server, fleet }, random);
    const measurement = await measure(load, usage, warmUpSeconds * 1_000, seconds * 1_000);
    log(`  ${measurementLine(measurement)}, ${(measurement.cpuShare * 100).toFixed(1)} % of a core`);
    await load.stop();
    return measurement;
  });
}
