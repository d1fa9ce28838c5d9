/** The production profile: pushes that Kafka acknowledges at an edge, then the consumer that takes them to InfluxDB, and what is seen between. */
import { realClock } from './fleet.ts';
import { closedLoad } from './load.ts';
import { check, measure, sentBy } from './measure.ts';
import { get, metricValue } from './read-api.ts';
import { type KafkaResult, medianOf } from './result.ts';
import { type Bench, checkLine, createHosts, measurementLine } from './scenario.ts';
import { type Server, withServer } from './server-process.ts';
import { runVisible, type VisibleOptions } from './visible.ts';

export interface KafkaOptions {
  readonly connections: readonly number[];
  readonly clients: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly runs: number;
  readonly visible: VisibleOptions;
}

const STORED_TIMEOUT_MS = 180_000;
const STORED_POLL_MS = 50;

type Edge = KafkaResult['edges'][number];

/** Brokers, InfluxDB and the generator share the machine with the server; CPU is the server's alone. */
export async function runKafka(bench: Bench, options: KafkaOptions): Promise<KafkaResult> {
  const onServices: Bench = { ...bench, serverOptions: { ...bench.serverOptions, services: true } };
  const brokers = (process.env.KAFKA_BROKERS ?? '').split(',').length;
  const edges: Edge[] = [];
  for (const connections of options.connections) {
    bench.log(`Kafka: ${brokers} broker(s), ${connections} connections, ${options.runs} runs of ${options.seconds} s`);
    const runs: Edge[] = [];
    for (let i = 0; i < options.runs; i += 1) runs.push(await edgeOnce(onServices, options, connections));
    const last = runs.at(-1) as Edge;
    edges.push({ ...last, measurement: medianOf(runs.map(({ measurement }) => measurement)) });
  }
  return { brokers, edges, visible: await runVisible(onServices, options.visible) };
}

/** InfluxDB has confirmed as many points as there are samples; windows come on top. */
async function untilStored(server: Server, samples: number): Promise<void> {
  const untilMs = performance.now() + STORED_TIMEOUT_MS;
  while (performance.now() < untilMs) {
    const text = await (await get(server, '/metrics')).text();
    if ((metricValue(text, 'metricstream_store_points_total') ?? 0) >= samples) return;
    await Bun.sleep(STORED_POLL_MS);
  }
  throw new Error(`InfluxDB did not have all within ${STORED_TIMEOUT_MS} ms.`);
}

/** The edge by itself; then a consumer, which had to wait, takes all that it acknowledged. */
function edgeOnce(bench: Bench, options: KafkaOptions, connections: number): Promise<Edge> {
  return withServer({ ...bench.serverOptions, flags: ['--roles', 'edge'] }, async (server) => {
    const { fleet } = createHosts(server, options.clients, realClock);
    const load = closedLoad({ ...server, fleet, connections });
    const measurement = await measure(load, server, options.warmUpSeconds * 1_000, options.seconds * 1_000);
    bench.log(`  ${measurementLine(measurement)}`);
    await load.stop();
    const sent = sentBy(load);
    const fromMs = performance.now();
    const consumer = await server.restart('SIGTERM', []);
    const checked = await check(consumer, sent);
    await untilStored(consumer, sent.samples);
    const samplesPerSecond = (sent.samples * 1_000) / (performance.now() - fromMs);
    const cpuUsPerSample = (consumer.cpuSeconds() * 1e6) / sent.samples;
    bench.log(
      `  ${checkLine(checked)}; consumer: ${samplesPerSecond.toFixed(0)} samples/s to InfluxDB, ${cpuUsPerSample.toFixed(1)} µs of CPU each`,
    );
    await consumer.stop();
    return { connections, measurement, consumer: { samplesPerSecond, cpuUsPerSample }, check: checked };
  });
}
