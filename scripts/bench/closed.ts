/** Closed loop: how many durable pushes a second, when each connection sends the next as soon as it is answered. */
import { realClock, simulatedClock } from './fleet.ts';
import { closedLoad } from './load.ts';
import { type Check, check, type Measurement, measure, sentBy } from './measure.ts';
import { get, metricValue } from './read-api.ts';
import { type ClosedClock, type ClosedResult, medianOf, type StoredBytes, type WindowCounts } from './result.ts';
import { type Bench, checkLine, createHosts, measurementLine } from './scenario.ts';
import { type Server, withServer } from './server-process.ts';
import { storedSamples } from './stored-bytes.ts';

export interface ClosedOptions {
  readonly connections: number;
  readonly clients: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly runs: number;
  readonly clock: ClosedClock;
}

/** Where event time starts in a backlog: an hour of pushes at full speed stays within what is accepted. */
const BACKLOG_MS = 23 * 3_600_000;
const INTERVAL_MS = 10_000;
/** With the real clock a minute that is still open weighs more than the default head: 20,000 pushes a second for over a minute. */
const SERVER_FLAGS: Readonly<Record<ClosedClock, readonly string[]>> = { real: ['--head-max', '1GiB'], backlog: [] };
const CLOSED = 'metricstream_windows_closed_total';
const CORRECTED = 'metricstream_windows_corrected_total';

interface Run {
  readonly measurement: Measurement;
  readonly check: Check;
  readonly windows: WindowCounts;
  readonly stored: StoredBytes;
}

export async function runClosed(bench: Bench, options: ClosedOptions): Promise<ClosedResult> {
  const { connections, clients, clock } = options;
  const serverFlags = SERVER_FLAGS[clock].join(' ');
  bench.log(`closed loop: ${connections} connections, ${clients} clients, ${options.runs} runs of ${options.seconds} s`);
  bench.log(`  ${clock} clock, server flags beside the defaults: ${serverFlags || 'none'}`);
  const runs: Run[] = [];
  for (let i = 0; i < options.runs; i += 1) runs.push(await runOnce(bench, options));
  return {
    runtime: bench.runtime,
    connections,
    clients,
    clock,
    serverFlags,
    windows: {
      closed: runs.reduce((sum, { windows }) => sum + windows.closed, 0),
      corrected: runs.reduce((sum, { windows }) => sum + windows.corrected, 0),
    },
    median: medianOf(runs.map((run) => run.measurement)),
    runs: runs.map((run) => run.measurement),
    checks: runs.map((run) => run.check),
    stored: (runs.at(-1) as Run).stored,
  };
}

function runOnce(bench: Bench, options: ClosedOptions): Promise<Run> {
  const { clients, clock } = options;
  return withServer({ ...bench.serverOptions, flags: SERVER_FLAGS[clock] }, async (server) => {
    const { fleet } = createHosts(server, clients, (random) =>
      clock === 'real' ? realClock() : simulatedClock(Date.now() - BACKLOG_MS, INTERVAL_MS, clients, random),
    );
    const load = closedLoad({ ...server, fleet, connections: options.connections });
    const measurement = await measure(load, server, options.warmUpSeconds * 1_000, options.seconds * 1_000);
    bench.log(`  ${measurementLine(measurement)}`);
    await load.stop();
    const checked = await check(server, sentBy(load));
    bench.log(`  ${checkLine(checked)}`);
    const windows = await windowCounts(server);
    bench.log(`  ${windows.closed} windows closed and ${windows.corrected} corrected, warm-up included`);
    const stored = await storedSamples(server);
    await server.stop();
    return { measurement, check: checked, windows, stored };
  });
}

async function windowCounts(server: Server): Promise<WindowCounts> {
  const text = await (await get(server, '/metrics')).text();
  // A counter that never counted is not shown.
  return { closed: metricValue(text, CLOSED) ?? 0, corrected: metricValue(text, CORRECTED) ?? 0 };
}
