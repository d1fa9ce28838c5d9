/** Open loop: what a steady rate costs, in real time; and, after SIGKILL, how long until the server has caught up. */
import { realClock } from './fleet.ts';
import { openLoad } from './load.ts';
import { check, measure, sentBy } from './measure.ts';
import { get, metricValue } from './read-api.ts';
import type { HostsResult, SteadyResult } from './result.ts';
import { type Bench, checkLine, createHosts, measurementLine } from './scenario.ts';
import { type Server, withServer } from './server-process.ts';
import { storedSamples } from './stored-bytes.ts';

export interface SteadyOptions {
  readonly clients: number;
  readonly pushesPerSecond: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Gauges of the server: a new process reads the records between the two again. */
const SAFE_OFFSET = 'metricstream_log_safe_offset';
const END_OFFSET = 'metricstream_log_end_offset';

export function runSteady(bench: Bench, options: SteadyOptions): Promise<SteadyResult> {
  bench.log(`steady: ${options.pushesPerSecond} pushes/s of ${options.clients} clients, ${options.seconds} s`);
  return withServer(bench.serverOptions, async (server) => {
    const measured = await pushInRealTime(bench, server, options);
    const stored = await storedSamples(server);
    const records = await unsealedRecords(server);
    const killing = performance.now();
    const restarted = await server.restart('SIGKILL');
    const caughtUpMs = performance.now() - killing;
    bench.log(`  killed with ${records ?? 'an unknown number of'} records to replay, caught up in ${caughtUpMs.toFixed(0)} ms`);
    const replay = { caughtUpMs, records, rssBytes: restarted.rssBytes(), check: await check(restarted, measured.check.sent) };
    bench.log(`  ${checkLine(replay.check)}`);
    await restarted.stop();
    return { clients: options.clients, ...measured, replay, stored };
  });
}

export interface HostsOptions {
  readonly hosts: number;
  readonly intervalSeconds: number;
  readonly seconds: number;
}

/** Many hosts at the agent's interval; measured after two rounds, when the server knows every one of them. */
export function runHosts(bench: Bench, { hosts, intervalSeconds, seconds }: HostsOptions): Promise<HostsResult> {
  bench.log(`hosts: ${hosts} at ${intervalSeconds} s, ${seconds} s`);
  return withServer(bench.serverOptions, async (server) => {
    const load = { clients: hosts, pushesPerSecond: hosts / intervalSeconds, warmUpSeconds: 2 * intervalSeconds, seconds };
    const measured = await pushInRealTime(bench, server, load);
    const stored = await storedSamples(server);
    await server.stop();
    return { hosts, intervalSeconds, ...measured, stored };
  });
}

async function pushInRealTime(bench: Bench, server: Server, options: SteadyOptions) {
  const { fleet, random } = createHosts(server, options.clients, realClock);
  const { pushesPerSecond } = options;
  const load = openLoad({ ...server, fleet, random, pushesPerSecond, pushes: Infinity, paced: false });
  const measurement = await measure(load, server, options.warmUpSeconds * 1_000, options.seconds * 1_000);
  bench.log(`  ${measurementLine(measurement)}, ${(measurement.cpuShare * 100).toFixed(1)} % of a core`);
  await load.stop();
  const checked = await check(server, sentBy(load));
  bench.log(`  ${checkLine(checked)}`);
  return { measurement, check: checked };
}

async function unsealedRecords(server: Server): Promise<number | undefined> {
  const text = await (await get(server, '/metrics')).text();
  const safe = metricValue(text, SAFE_OFFSET);
  const end = metricValue(text, END_OFFSET);
  return safe === undefined || end === undefined ? undefined : end - safe;
}
