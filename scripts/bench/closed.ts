/** Closed loop: how many durable pushes a second, when each connection sends the next as soon as it is answered. */
import { realClock } from './fleet.ts';
import { closedLoad } from './load.ts';
import { type Check, check, type Measurement, measure, sentBy } from './measure.ts';
import { type ClosedResult, medianOf, type StoredBytes } from './result.ts';
import { type Bench, checkLine, createHosts, measurementLine } from './scenario.ts';
import { withServer } from './server-process.ts';
import { storedBytes } from './stored-bytes.ts';

export interface ClosedOptions {
  readonly connections: number;
  readonly clients: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly runs: number;
}

/** At this speed a minute that is still open weighs more than the default head: 20,000 pushes a second for over a minute. */
const FLAGS = ['--head-max', '1GiB'];

interface Run {
  readonly measurement: Measurement;
  readonly check: Check;
  readonly stored: StoredBytes;
}

export async function runClosed(bench: Bench, options: ClosedOptions): Promise<ClosedResult> {
  const { connections, clients } = options;
  bench.log(`closed loop: ${connections} connections, ${clients} clients, ${options.runs} runs of ${options.seconds} s`);
  const runs: Run[] = [];
  for (let i = 0; i < options.runs; i += 1) runs.push(await runOnce(bench, options));
  return {
    connections,
    clients,
    median: medianOf(runs.map((run) => run.measurement)),
    runs: runs.map((run) => run.measurement),
    checks: runs.map((run) => run.check),
    stored: (runs.at(-1) as Run).stored,
  };
}

function runOnce(bench: Bench, options: ClosedOptions): Promise<Run> {
  return withServer({ ...bench.serverOptions, flags: FLAGS }, async (server) => {
    const { fleet } = createHosts(server, options.clients, realClock);
    const load = closedLoad({ ...server, fleet, connections: options.connections });
    const measurement = await measure(load, server, options.warmUpSeconds * 1_000, options.seconds * 1_000);
    bench.log(`  ${measurementLine(measurement)}`);
    await load.stop();
    const checked = await check(server, sentBy(load));
    bench.log(`  ${checkLine(checked)}`);
    await server.stop();
    return { measurement, check: checked, stored: storedBytes(server.dataDir, checked.counted.samplesStored) };
  });
}
