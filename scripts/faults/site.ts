/** Three brokers and an InfluxDB for one run of faults; each can be killed, stopped and started again. */
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin, Connection, describeQuorumV2 } from '@platformatic/kafka';
import { LIMITS } from '../../src/model/limits.ts';
import { INFLUX_ORG, startInfluxdb, tokenOf } from '../services/influxdb.ts';
import { startKafka } from '../services/kafka.ts';
import type { KafkaCluster, KafkaNode } from '../services/kafka-cluster.ts';
import { freePorts, LOOPBACK } from '../services/ports.ts';
import { endProcess, isRunning, killProcess, type ServiceProcess, signalProcess } from '../services/processes.ts';

export interface InfluxControl {
  readonly url: string;
  readonly org: string;
  /** The operator's: with every right. */
  readonly token: string;
  /** After SIGKILL it is gone; after SIGSTOP it stands still, until SIGCONT. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** On the data that are there; does nothing where it runs. */
  start(): Promise<void>;
  /** A call of the API. @returns its JSON, where there is any. @throws on any status beyond 299. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
}

export interface Site {
  readonly dir: string;
  readonly kafka: KafkaCluster;
  readonly influx: InfluxControl;
  /** Everything runs again, whatever a fault left behind. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

const SIGNAL_TIMEOUT_MS = 30_000;
const LEADER_POLL_MS = 250;
const LEADER_TRIES = 240;

export async function openSite(dir: string): Promise<Site> {
  mkdirSync(dir, { recursive: true });
  const influx = await openInflux(dir);
  const kafka = await startKafka({ dir, brokers: 3 });
  return {
    dir,
    kafka,
    influx,
    async heal() {
      await Promise.all(kafka.nodes.map((node) => node.kill('SIGCONT')));
      await influx.kill('SIGCONT');
      await Promise.all([influx.start(), ...kafka.nodes.map((node) => node.start())]);
    },
    async close() {
      await Promise.all([kafka.stop(), influx.end()]);
    },
  };
}

async function openInflux(dir: string): Promise<InfluxControl & { end(): Promise<void> }> {
  const [port = 0] = await freePorts(1);
  let service: ServiceProcess | undefined;
  const url = `http://${LOOPBACK}:${port}`;
  const start = async (): Promise<void> => {
    if (service !== undefined && isRunning(service)) return;
    await startInfluxdb({ dir, port, detached: false, onStart: (started) => (service = started) });
  };
  process.once('exit', () => service !== undefined && signalProcess(service, 'SIGKILL'));
  await start();
  const token = tokenOf(dir);
  return {
    url,
    org: INFLUX_ORG,
    token,
    start,
    async kill(signal) {
      if (service !== undefined) await killProcess(service, signal, SIGNAL_TIMEOUT_MS);
    },
    async end() {
      if (service !== undefined) await endProcess(service, SIGNAL_TIMEOUT_MS);
    },
    async api(method, path, body) {
      const response = await fetch(`${url}/api/v2/${path}`, {
        method,
        headers: { authorization: `Token ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    },
  };
}

/** The broker that leads a partition of a topic; waits while none does. */
export async function leaderOf({ kafka }: Site, topic: string, partition: number): Promise<KafkaNode> {
  return withAdmin(kafka.brokers, async (admin) => {
    for (let tries = 0; tries < LEADER_TRIES; tries++) {
      const metadata = await admin.metadata({ topics: [topic], forceUpdate: true }).catch(() => undefined);
      const leader = metadata?.topics.get(topic)?.partitions[partition]?.leader;
      const node = kafka.nodes.find(({ id }) => id === leader);
      if (node !== undefined) return node;
      await sleep(LEADER_POLL_MS);
    }
    throw new Error(`Nobody leads partition ${partition} of ${topic}.`);
  });
}

/** The one log of KRaft, in which its controllers agree. */
const METADATA_LOG = { topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] };

/** The broker whose controller is the active one: when it stands still, nobody says who leads before another has been elected. */
export async function controllerOf({ kafka }: Site): Promise<KafkaNode> {
  const [host = '', port] = kafka.brokers.split(',')[0]?.split(':') ?? [];
  const connection = new Connection('metricstream-faults', { connectTimeout: LIMITS.kafkaConnectTimeoutMs });
  await connection.connect(host, Number(port));
  try {
    const { topics } = await describeQuorumV2.api.async(connection, [METADATA_LOG]);
    const leader = topics[0]?.partitions[0]?.leaderId;
    const node = kafka.nodes.find(({ id }) => id === leader);
    if (node === undefined) throw new Error('There is no active controller.');
    return node;
  } finally {
    await connection.close();
  }
}

/** An admin for one piece of work. */
export async function withAdmin<T>(brokers: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const { kafkaConnectTimeoutMs: connectTimeout, kafkaRequestTimeoutMs: timeout } = LIMITS;
  const admin = new Admin({ clientId: 'metricstream-faults', bootstrapBrokers: brokers.split(','), connectTimeout, timeout });
  try {
    return await work(admin);
  } finally {
    await admin.close().catch(() => undefined);
  }
}
