/** Real Kafka brokers as processes of this machine, each with its settings, data and log in a folder of its own. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BrokerPorts, KafkaCluster, KafkaNode } from './kafka-cluster.ts';
import { fetchJars, javaCommand } from './maven.ts';
import { freePorts, LOOPBACK } from './ports.ts';
import { endProcess, isRunning, killProcess, type ServiceProcess, signalProcess, startProcess, untilReady } from './processes.ts';

export interface ProcessOptions {
  readonly dir: string;
  /** One for each broker. */
  readonly ports: readonly BrokerPorts[];
  /** Brokers go on when this process ends; otherwise they are killed. */
  readonly detached: boolean;
  /** Brokers of this directory that may still run, started by another process. */
  readonly known?: readonly ServiceProcess[];
  /** Called as soon as a broker has been started, before it is ready. */
  readonly onStart?: (process: ServiceProcess) => void;
}

interface Broker {
  readonly id: number;
  readonly ports: BrokerPorts;
  readonly dir: string;
  readonly settingsFile: string;
  readonly logFile: string;
}

const POM = fileURLToPath(new URL('../../infra/kafka/pom.xml', import.meta.url));
const FIXED_SETTINGS = fileURLToPath(new URL('../../infra/kafka/broker.properties', import.meta.url));
const LOGGING = fileURLToPath(new URL('../../infra/kafka/log4j2.properties', import.meta.url));
const READY = 'Kafka Server started';
const READY_TIMEOUT_MS = 120_000;
const SIGNAL_TIMEOUT_MS = 30_000;
const STOP_GRACE_MS = 10_000;
const CLUSTER_ID_BYTES = 16;

/** @returns the folder of Kafka's jars, fetched where it is not there. */
export function fetchKafka(): Promise<string> {
  return fetchJars({ name: 'kafka', pom: POM, versionProperty: 'kafka.version' });
}

/** @param brokers the ports for clients. @returns each with one for its controller. */
export async function controllersFor(brokers: readonly number[]): Promise<BrokerPorts[]> {
  const controllers = await freePorts(brokers.length, brokers);
  return brokers.map((broker, index) => ({ broker, controller: controllers[index] ?? 0 }));
}

/** The settings of one broker of a cluster, for its `server.properties`. */
export function brokerSettings(fixed: string, id: number, cluster: readonly BrokerPorts[], dataDir: string): string {
  const own = cluster[id - 1];
  if (own === undefined) throw new Error(`There is no broker ${id} of ${cluster.length}.`);
  const voters = cluster.map(({ controller }, index) => `${index + 1}@${LOOPBACK}:${controller}`);
  // Of three brokers one may be gone, and acks=all still means two.
  const insync = Math.min(2, cluster.length);
  const settings = {
    'node.id': id,
    'log.dirs': dataDir,
    'controller.quorum.voters': voters.join(','),
    listeners: `PLAINTEXT://${LOOPBACK}:${own.broker},CONTROLLER://${LOOPBACK}:${own.controller}`,
    'advertised.listeners': `PLAINTEXT://${LOOPBACK}:${own.broker}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'default.replication.factor': cluster.length,
    'min.insync.replicas': insync,
    'offsets.topic.replication.factor': cluster.length,
    'transaction.state.log.replication.factor': cluster.length,
    'transaction.state.log.min.isr': insync,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return `${fixed.trimEnd()}\n${lines.join('\n')}\n`;
}

/** Starts the brokers that do not run, and resolves when all take part. */
export async function startBrokerProcesses(options: ProcessOptions): Promise<KafkaCluster> {
  const { ports, detached, known = [], onStart } = options;
  const jars = await fetchKafka();
  const java = javaCommand();
  const dir = join(resolve(options.dir), `kafka-of-${ports.length}`);
  const brokers = ports.map((own, index) => prepare(dir, index + 1, own, ports));
  await formatMissing(brokers, dir, java, jars);
  const nodes = brokers.map((broker) =>
    kafkaNode({
      broker,
      argv: startCommand(broker, java, jars, brokers.length),
      detached,
      known: known.find(({ name }) => name === nameOf(broker)),
      onStart,
    }),
  );
  const killAll = (): void => {
    for (const node of nodes) node.signal('SIGKILL');
  };
  if (!detached) process.once('exit', killAll);
  await Promise.all(nodes.map((node) => node.start()));
  return {
    brokers: nodes.map(({ address }) => address).join(','),
    nodes,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.end()));
      process.removeListener('exit', killAll);
    },
  };
}

function nameOf({ id }: Broker): string {
  return `kafka-${id}`;
}

function prepare(dir: string, id: number, ports: BrokerPorts, cluster: readonly BrokerPorts[]): Broker {
  const own = join(dir, `broker-${id}`);
  mkdirSync(own, { recursive: true });
  const settingsFile = join(own, 'server.properties');
  writeFileSync(settingsFile, brokerSettings(readFileSync(FIXED_SETTINGS, 'utf8'), id, cluster, join(own, 'data')));
  return { id, ports, dir: own, settingsFile, logFile: join(own, 'kafka.log') };
}

/** 16 random bytes, as Kafka writes them. Its tools take an id that begins with a dash for a flag: the first bit is 0. */
export function newClusterId(): string {
  const bytes = randomBytes(CLUSTER_ID_BYTES);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString('base64url');
}

/** All brokers of a cluster carry its id. */
async function formatMissing(brokers: readonly Broker[], dir: string, java: string, jars: string): Promise<void> {
  const missing = brokers.filter((broker) => !existsSync(join(broker.dir, 'data', 'meta.properties')));
  const idFile = join(dir, 'cluster-id');
  if (!existsSync(idFile)) writeFileSync(idFile, newClusterId());
  const clusterId = readFileSync(idFile, 'utf8');
  const format = async ({ settingsFile }: Broker): Promise<void> => {
    const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settingsFile, '--ignore-formatted'];
    await promisify(execFile)(java, ['-XX:TieredStopAtLevel=1', '-cp', join(jars, '*'), ...tool]);
  };
  await Promise.all(missing.map(format));
}

/** The C1 compiler alone: a broker is ready after 4 s and not after 12. */
function startCommand({ settingsFile }: Broker, java: string, jars: string, brokers: number): [string, ...string[]] {
  const heap = brokers === 1 ? '-Xmx512m' : '-Xmx384m';
  const flags = [heap, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Dlog4j2.configurationFile=${LOGGING}`];
  return [java, ...flags, '-cp', join(jars, '*'), 'kafka.Kafka', settingsFile];
}

interface OwnNode extends KafkaNode {
  signal(signal: NodeJS.Signals): void;
  end(): Promise<void>;
}

interface NodeOptions extends Pick<ProcessOptions, 'detached' | 'onStart'> {
  readonly broker: Broker;
  readonly argv: readonly [string, ...string[]];
  readonly known: ServiceProcess | undefined;
}

function kafkaNode({ broker, argv, detached, known, onStart }: NodeOptions): OwnNode {
  const { logFile } = broker;
  let service = known;
  const running = (): ServiceProcess | undefined => (service !== undefined && isRunning(service) ? service : undefined);
  const isReadySince = (offset: number) => (): boolean => readFileSync(logFile).subarray(offset).includes(READY);
  return {
    id: broker.id,
    address: `${LOOPBACK}:${broker.ports.broker}`,
    get pid() {
      return running()?.pid;
    },
    async start() {
      if (running() !== undefined) return;
      const offset = existsSync(logFile) ? statSync(logFile).size : 0;
      const started = await startProcess({ name: nameOf(broker), argv, mark: broker.settingsFile, logFile, detached });
      service = started;
      onStart?.(started);
      await untilReady(started, logFile, isReadySince(offset), READY_TIMEOUT_MS);
    },
    async kill(signal) {
      if (service !== undefined) await killProcess(service, signal, SIGNAL_TIMEOUT_MS);
    },
    signal(signal) {
      if (service !== undefined) signalProcess(service, signal);
    },
    async end() {
      if (service !== undefined) await endProcess(service, STOP_GRACE_MS);
    },
  };
}
