/** The way of a Worker's push into Kafka: records of ten metrics over the gateway's REST API, each a request that is answered once Kafka has it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kafkaTopicReader } from '../../src/adapters/kafka/topic-reader.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { clientKey, partitionOf } from '../../src/model/partition.ts';
import type { Push } from '../../src/model/push.ts';
import { createSeries } from '../../src/model/series.ts';
import { topicNames } from '../../src/model/topics.ts';
import { ByteWriter } from '../../src/protocols/bytes.ts';
import { encodePush, shapeInterner } from '../../src/protocols/log-record.ts';
import { textParts } from '../../src/protocols/text-record.ts';
import { freePorts } from '../services/ports.ts';
import { serverVariables } from '../services/server-variables.ts';
import { withChild } from './child.ts';
import type { Fleet } from './fleet.ts';
import { firstValue, METRICS, xorshift32 } from './host-values.ts';
import type { KafkaOptions } from './kafka.ts';
import { closedLoad } from './load.ts';
import { measure } from './measure.ts';
import { type GatewayResult, medianOf } from './result.ts';
import { type Bench, measurementLine } from './scenario.ts';
import { untilReady } from './server-process.ts';

export type GatewayOptions = Omit<KafkaOptions, 'visible'>;

const HOSTNAME = '127.0.0.1';
const SECRET = 'secret-of-the-bench-0123';
/** Of an edge's push: the gateway answers 200. */
const KEPT = 200;

type Load = GatewayResult['loads'][number];

/** Brokers and the generator share the machine with the gateway; CPU is the gateway's alone. */
export async function runGateway(bench: Bench, options: GatewayOptions): Promise<GatewayResult> {
  const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
  const loads: Load[] = [];
  for (const connections of options.connections) {
    bench.log(`gateway: ${brokers.length} broker(s), ${connections} connections, ${options.runs} runs of ${options.seconds} s`);
    const runs: Load[] = [];
    for (let i = 0; i < options.runs; i += 1) runs.push(await loadOnce(bench, options, connections));
    const sum = (of: (one: Load) => number): number => runs.reduce((total, one) => total + of(one), 0);
    loads.push({
      connections,
      measurement: medianOf(runs.map(({ measurement }) => measurement)),
      acknowledged: sum(({ acknowledged }) => acknowledged),
      kept: sum(({ kept }) => kept),
    });
  }
  return { brokers: brokers.length, loads };
}

async function loadOnce({ serverOptions, log }: Bench, options: GatewayOptions, connections: number): Promise<Load> {
  const [port = 0] = await freePorts(1);
  let brokers = '';
  let topic = '';
  const start = async (dir: string): Promise<ChildProcess> => {
    const [runtime = '', ...args] = serverOptions.command.slice(0, -1);
    const { METRICSTREAM_KAFKA_BROKERS, METRICSTREAM_PREFIX } = await serverVariables([runtime], dir);
    brokers = METRICSTREAM_KAFKA_BROKERS ?? '';
    topic = topicNames(METRICSTREAM_PREFIX ?? '').raw;
    const credentials = join(dir, 'credentials.json');
    const kafka = { operations: ['produce'], topics: [topic] };
    writeFileSync(credentials, JSON.stringify({ credentials: [{ name: 'bench', secret: SECRET, kafka }] }), { mode: 0o600 });
    const flags = ['gateway', '--port', String(port), '--kafka-brokers', brokers, '--credentials', credentials];
    return spawn(runtime, [...args, ...flags], { stdio: ['ignore', 'inherit', 'inherit'] });
  };
  return withChild(serverOptions.parentDir, 'gateway', start, async (child, usage) => {
    await untilReady(child, port);
    const fleet = producers(`${HOSTNAME}:${port}`, topic, options.clients);
    const load = closedLoad({ hostname: HOSTNAME, port, fleet, connections, accepted: KEPT });
    const measurement = await measure(load, usage, options.warmUpSeconds * 1_000, options.seconds * 1_000);
    await load.stop();
    const acknowledged = load.tally.acknowledgedInAll;
    const kept = await recordsIn(brokers, topic);
    log(`  ${measurementLine(measurement)}; ${kept} records kept of ${acknowledged}`);
    return { connections, measurement, acknowledged, kept };
  });
}

/** Each client's record is a real one, and the same each time: what is in it is nothing to a gateway. */
function producers(host: string, topic: string, clients: number): Fleet {
  const random = xorshift32(1);
  const shape = shapeInterner().intern(
    METRICS.map(({ name, labels, unit }) => createSeries(name, Object.entries(labels), unit, 'gauge')),
  );
  const writer = new ByteWriter(4_096);
  const name = (client: number): string => `host-${String(client).padStart(5, '0')}`;
  const requests = Array.from({ length: clients }, (_, client) => {
    const values = Float64Array.from(METRICS, (metric) => firstValue(metric, random) / 10 ** metric.decimals);
    const push = pushOf(name(client), shape, values);
    return request(host, topic, push, encodePush(push, writer));
  });
  let pushes = 0;
  return {
    clients,
    clientName: name,
    nextRequest(client) {
      pushes += 1;
      return requests[client] ?? new Uint8Array();
    },
    get pushes() {
      return pushes;
    },
    repeats: 0,
  };
}

function pushOf(client: string, shape: Push['shape'], values: Float64Array): Push {
  const nowMs = Date.now();
  return {
    tenant: 'default',
    client,
    arrivalMs: nowMs,
    sentMs: nowMs,
    pushId: { boot: crypto.randomUUID().replaceAll('-', ''), sequence: 0, previous: undefined },
    contentHash: 0,
    correlationId: '',
    traceparent: undefined,
    datacenter: undefined,
    environment: undefined,
    shape,
    values,
    timesMs: Float64Array.of(nowMs),
    timesNs: undefined,
    stamped: false,
    rejected: [],
  };
}

/** As @upstash/kafka writes it for our Worker: a list of one message. */
function request(host: string, topic: string, { tenant, client }: Push, record: Uint8Array): Uint8Array {
  const own = clientKey(tenant, client);
  const { key, value, headers } = textParts({ key: new TextEncoder().encode(own), value: record, headers: [] });
  const marks = headers.map(([name, text]) => ({ key: name, value: text }));
  const body = JSON.stringify([{ topic, partition: partitionOf(own, LIMITS.partitions), key, headers: marks, value }]);
  const authorization = `Basic ${btoa(`bench:${SECRET}`)}`;
  const head = `POST /produce HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return new TextEncoder().encode(head + body);
}

/** What Kafka has of a topic that nobody wrote to before. */
async function recordsIn(brokers: string, topic: string): Promise<number> {
  const reader = kafkaTopicReader({
    connection: { brokers: brokers.split(','), clientId: 'metricstream-bench' },
    clock: systemClock(),
  });
  try {
    const partitions = Array.from({ length: LIMITS.partitions }, (_, partition) => ({ topic, partition }));
    return (await reader.offsets('latest', partitions)).reduce((sum, { offset }) => sum + offset, 0);
  } finally {
    await reader.close();
  }
}
