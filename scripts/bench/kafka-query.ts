/** Query times in the production profile: a day of minutes in InfluxDB, as a consumer writes them, read by a server that has no heads. */
import { influxPointWriter } from '../../src/adapters/influxdb/point-writer.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { foldSamples } from '../../src/consumers/sample-block.ts';
import { createSeries } from '../../src/model/series.ts';
import type { ClientPoints } from '../../src/ports/point-writer.ts';
import type { SampleBlock } from '../../src/ports/time-series-store.ts';
import { gzipBody } from '../../src/runtimes/service-connections.ts';
import { serverVariables } from '../services/server-variables.ts';
import { firstValue, METRICS, nextValue, xorshift32 } from './host-values.ts';
import { type QueryOptions, queryTimes, SAMPLES_PER_MINUTE } from './query.ts';
import type { QueryTimes } from './result.ts';
import type { Bench } from './scenario.ts';
import { type Server, withServer } from './server-process.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const HOURS = 24;
/** Of the last there are points alone: an hour is bundled minutes after it has ended. */
const OPEN_HOURS = 1;
const SEED = 20_251_123;

export function runKafkaQuery(bench: Bench, options: QueryOptions): Promise<QueryTimes> {
  const { serverOptions } = bench;
  return withServer({ ...serverOptions, services: true, flags: ['--roles', 'edge'] }, async (server) => {
    const startMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOURS * HOUR_MS;
    bench.log(`kafka-query: ${options.hosts} hosts × ${HOURS} h of minutes into InfluxDB, the last hour not bundled`);
    const fromMs = performance.now();
    await fill(server, serverOptions.command, options.hosts, startMs);
    bench.log(`  in ${((performance.now() - fromMs) / 1_000).toFixed(0)} s`);
    const times = await queryTimes(bench, server, options, { startMs, aClient: clientName(0) });
    await server.stop();
    return times;
  });
}

function clientName(host: number): string {
  return `host-${String(host).padStart(5, '0')}`;
}

async function fill({ dataDir }: Server, command: readonly string[], hosts: number, startMs: number): Promise<void> {
  const variables = await serverVariables(command.slice(0, 1), dataDir);
  const writer = influxPointWriter({
    url: variables.METRICSTREAM_INFLUX_URL ?? '',
    token: variables.METRICSTREAM_INFLUX_TOKEN ?? '',
    org: variables.METRICSTREAM_INFLUX_ORG ?? '',
    bucketPrefix: variables.METRICSTREAM_PREFIX ?? '',
    fetch: (url, init) => fetch(url, init),
    clock: systemClock(),
    gzip: gzipBody,
  });
  const random = xorshift32(SEED);
  for (let host = 0; host < hosts; host += 1) {
    const { refusedCount } = await writer.write([dayOf(clientName(host), startMs, random)]);
    if (refusedCount > 0) throw new Error(`InfluxDB refused ${refusedCount} points.`);
  }
}

function dayOf(client: string, startMs: number, random: () => number): ClientPoints {
  const place = { tenant: 'default', client, datacenter: undefined, environment: undefined };
  const values = METRICS.map((metric) => firstValue(metric, random));
  const hours = Array.from({ length: HOURS }, (_, hour) => {
    const blockStartMs = startMs + hour * HOUR_MS;
    return { blockStartMs, columns: foldSamples(samplesFrom(blockStartMs, values, random), MINUTE_MS, () => 1) };
  });
  const bundled = hours.slice(0, HOURS - OPEN_HOURS);
  return {
    ...place,
    samples: [],
    minutes: hours.slice(bundled.length).flatMap(({ columns }) => columns),
    hours: [],
    blocks: bundled.map((hour) => ({ ...place, ...hour, resolution: '1m' as const })),
  };
}

/** An hour of samples of every metric. @param values of the sample before; moved on. */
function samplesFrom(startMs: number, values: number[], random: () => number): SampleBlock {
  const timesMs = Float64Array.from(
    { length: 60 * SAMPLES_PER_MINUTE },
    (_, i) => startMs + (i * MINUTE_MS) / SAMPLES_PER_MINUTE,
  );
  const columns = METRICS.map((metric, i) => ({
    series: createSeries(metric.name, Object.entries(metric.labels), metric.unit, 'gauge'),
    rows: undefined,
    values: Float64Array.from(timesMs, () => {
      const value = nextValue(metric, values[i] ?? 0, random);
      values[i] = value;
      return value / 10 ** metric.decimals;
    }),
  }));
  return { timesMs, timesNs: undefined, columns };
}
