/** Query times on a day of minutes that were pushed through the front door, read after a restart. */
import { METRICS_PER_PUSH, simulatedClock } from './fleet.ts';
import { openLoad } from './load.ts';
import { type Check, check, sentBy } from './measure.ts';
import { get } from './read-api.ts';
import { median, type QueryResult, type QueryTimes, type Timing } from './result.ts';
import { type Bench, checkLine, createHosts } from './scenario.ts';
import { type Server, withServer } from './server-process.ts';
import { storedSamples, tableBytes } from './stored-bytes.ts';

export interface QueryOptions {
  readonly hosts: number;
  readonly hourQueries: number;
  readonly dayQueries: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STEP_MS = 5 * MINUTE_MS;
const INTERVAL_MS = 10_000;
export const SAMPLES_PER_MINUTE = MINUTE_MS / INTERVAL_MS;
/** Two pushes beyond the day move every watermark past its last minute. */
const PUSHES_PER_HOST = DAY_MS / INTERVAL_MS + 2;
/** Below the server's 100 a second per client, with room for a tick of the generator that comes late. */
const PUSHES_PER_SECOND_PER_HOST = 90;

interface Windows {
  readonly windows: readonly { readonly start: number; readonly count: number }[];
}

interface Columns {
  readonly series: readonly { readonly avg: readonly (number | null)[] }[];
}

export function runQuery(bench: Bench, options: QueryOptions): Promise<QueryResult> {
  return withServer(bench.serverOptions, async (server) => {
    // The oldest samples are to be within what is accepted when they arrive.
    const startMs = Math.ceil((Date.now() - DAY_MS + 10_000) / MINUTE_MS) * MINUTE_MS;
    const prefilled = await prefill(bench, server, options.hosts, startMs);
    const stored = await storedSamples(server);
    const restarting = performance.now();
    const restarted = await server.restart('SIGTERM');
    const stopMs = performance.now() - restarting - restarted.readyMs;
    const times = await queryTimes(bench, restarted, options, { startMs, aClient: prefilled.aClient });
    await restarted.stop();
    return {
      ...times,
      prefillPushesPerSecond: prefilled.pushesPerSecond,
      check: prefilled.check,
      stopMs,
      stored,
      windows: tableBytes(server.dataDir, 'window_blocks'),
    };
  });
}

/** Minutes of six samples each: a day from `startMs` on. */
export interface Filled {
  readonly startMs: number;
  readonly aClient: string;
}

export async function queryTimes(bench: Bench, server: Server, options: QueryOptions, filled: Filled): Promise<QueryTimes> {
  const { startMs, aClient } = filled;
  const endMs = startMs + DAY_MS;
  const hour = await timed(server, options.hourQueries, {
    metric: 'cpu',
    client: aClient,
    start: endMs - HOUR_MS,
    end: endMs,
    resolution: '1m',
  });
  const { windows } = JSON.parse(hour.text) as Windows;
  const complete = windows.every((window) => window.count === SAMPLES_PER_MINUTE);
  // Ranges are moved to multiples of the step: this one holds the whole day whatever minute it begins at.
  const all = { start: startMs - (startMs % STEP_MS), end: endMs, resolution: '1m', format: 'columns' };
  const day = await timed(server, options.dayQueries, { ...all, step: '5m' });
  const eachMinute = await timed(server, 1, { ...all, step: '1m', fields: 'avg' });
  const whole = `${windows.length} minutes, ${complete ? '' : 'NOT '}complete`;
  bench.log(`  1 host, 1 metric, 1 h: ${timingLine(hour.timing)}; ${whole}`);
  const what = `${options.hosts} hosts × ${METRICS_PER_PUSH} metrics × 24 h`;
  bench.log(`  ${what}: ${timingLine(day.timing)}; ${points(eachMinute.text)} minutes`);
  return {
    hosts: options.hosts,
    hour: { ...hour.timing, minutes: windows.length, complete },
    day: { ...day.timing, points: points(day.text), minutes: points(eachMinute.text) },
  };
}

interface Prefilled {
  readonly aClient: string;
  readonly pushesPerSecond: number;
  readonly check: Check;
}

/** A day of every host, at the rate that the limits allow. */
async function prefill(bench: Bench, server: Server, hosts: number, startMs: number): Promise<Prefilled> {
  const pushes = hosts * PUSHES_PER_HOST;
  bench.log(`query: prefill of ${hosts} hosts × 24 h, ${pushes} pushes at ${hosts * PUSHES_PER_SECOND_PER_HOST}/s`);
  const { fleet, random } = createHosts(server, hosts, (bits) => simulatedClock(startMs, INTERVAL_MS, hosts, bits));
  const fromMs = performance.now();
  const pushesPerSecond = hosts * PUSHES_PER_SECOND_PER_HOST;
  const load = openLoad({ ...server, fleet, random, pushesPerSecond, pushes, paced: true });
  await load.done;
  const seconds = (performance.now() - fromMs) / 1_000;
  await load.stop();
  const { limited, failed } = load.tally;
  if (limited + failed > 0) throw new Error(`The prefill is not whole: ${limited} pushes limited, ${failed} failed.`);
  const checked = await check(server, sentBy(load));
  bench.log(`  ${(pushes / seconds).toFixed(0)} pushes/s; ${checkLine(checked)}`);
  return { aClient: fleet.clientName(0), pushesPerSecond: pushes / seconds, check: checked };
}

async function timed(
  server: Server,
  times: number,
  params: Readonly<Record<string, string | number>>,
): Promise<{ timing: Timing; text: string }> {
  const tookMs: number[] = [];
  let text = '';
  for (let i = 0; i < times; i += 1) {
    const fromMs = performance.now();
    text = await (await get(server, '/api/v1/windows', params)).text();
    tookMs.push(performance.now() - fromMs);
  }
  const maxMs = Math.max(...tookMs);
  return {
    timing: { firstMs: tookMs[0] ?? Number.NaN, medianMs: median(tookMs), maxMs, times, responseBytes: text.length },
    text,
  };
}

function timingLine({ firstMs, medianMs, maxMs, times, responseBytes }: Timing): string {
  return `first ${firstMs.toFixed(1)} ms, median of ${times} ${medianMs.toFixed(1)} ms, at most ${maxMs.toFixed(1)} ms, ${responseBytes} bytes`;
}

function points(text: string): number {
  const { series } = JSON.parse(text) as Columns;
  return series.reduce((total, { avg }) => total + avg.filter((value) => value !== null).length, 0);
}
