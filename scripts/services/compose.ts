/** Services as containers, where Docker with its Compose plugin works: `infra/compose.yaml`, with ports and a project of our own. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUpInfluxdb, tokenOf } from './influxdb.ts';
import { LOOPBACK } from './ports.ts';
import { answers } from './progress.ts';
import { readState, type ServiceName, type ServicesState, writeState } from './state.ts';
import { checkPort, choosePorts, type Wanted } from './wanted.ts';

const FILE = fileURLToPath(new URL('../../infra/compose.yaml', import.meta.url));
const THREE_BROKERS = fileURLToPath(new URL('../../infra/kafka/three-brokers.env', import.meta.url));

/** True where an engine answers, not only its client, and the plugin is there. */
export function hasCompose(): boolean {
  return answers('docker', 'version') && answers('docker', 'compose', 'version');
}

/** The containers of a service. */
export function containersOf(name: ServiceName, brokers: number): readonly string[] {
  return name === 'kafka' ? Array.from({ length: brokers }, (_, index) => `kafka-${index + 1}`) : [name];
}

/** What `infra/compose.yaml` asks its environment for. */
export function composeEnvironment({ kafka = [], redis, influxdb }: ServicesState): Readonly<Record<string, string>> {
  const ports = Object.fromEntries(kafka.map(({ broker }, index) => [`KAFKA_PORT_${index + 1}`, String(broker)]));
  return {
    ...ports,
    ...(redis === undefined ? {} : { REDIS_PORT: String(redis) }),
    ...(influxdb === undefined ? {} : { INFLUXDB_PORT: String(influxdb.port) }),
  };
}

/** The arguments of docker, before the command of Compose. */
export function composeArguments(project: string, brokers: number): readonly string[] {
  return ['compose', '--project-name', project, '--file', FILE, ...(brokers === 3 ? ['--env-file', THREE_BROKERS] : [])];
}

function compose(project: string, state: ServicesState, ...args: readonly string[]): void {
  const { status, error } = spawnSync('docker', [...composeArguments(project, state.kafka?.length ?? 1), ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...composeEnvironment(state) },
  });
  if (status !== 0) throw new Error(`docker compose ${args[0]} ended with ${status ?? error?.message}.`);
}

/** Downloads the images. */
export function pullImages(project: string): void {
  compose(project, { engine: 'compose', processes: [] }, 'pull', ...containersOf('kafka', 1), 'redis', 'influxdb');
}

/** Starts the containers that do not run, and resolves when all answer. */
export async function upContainers(dir: string, project: string, wanted: Wanted): Promise<ServicesState> {
  const { brokers, names } = wanted;
  let state: ServicesState = readState(dir) ?? { engine: 'compose', processes: [] };
  if (state.kafka !== undefined && names.includes('kafka') && state.kafka.length !== brokers) {
    throw new Error(`Kafka runs with ${state.kafka.length} brokers: npm run services -- down`);
  }
  for (const name of names) state = await withPorts(dir, wanted, name, state);
  writeState(dir, state);
  compose(project, state, 'up', '--detach', '--wait', ...names.flatMap((name) => containersOf(name, brokers)));
  if (state.influxdb !== undefined && names.includes('influxdb')) {
    await setUpInfluxdb(`http://${LOOPBACK}:${state.influxdb.port}`, state.influxdb.token);
  }
  return state;
}

/** A service keeps the ports that it has. */
async function withPorts(dir: string, wanted: Wanted, name: ServiceName, state: ServicesState): Promise<ServicesState> {
  const { kafka, redis, influxdb } = state;
  if (state[name] !== undefined) {
    checkPort(wanted, name, { kafka: kafka?.[0]?.broker, redis, influxdb: influxdb?.port }[name]);
    return state;
  }
  const ports = await choosePorts(wanted, name, name === 'kafka' ? wanted.brokers : 1);
  const [port = 0] = ports;
  if (name === 'kafka') return { ...state, kafka: ports.map((broker) => ({ broker, controller: 0 })) };
  return name === 'redis' ? { ...state, redis: port } : { ...state, influxdb: { port, token: tokenOf(dir) } };
}

/** Removes the containers. Data stay in volumes, unless they are wiped. */
export function downContainers(dir: string, project: string, wipe: boolean): void {
  const state: ServicesState = readState(dir) ?? { engine: 'compose', processes: [] };
  compose(project, state, 'down', ...(wipe ? ['--volumes'] : []));
  if (wipe) rmSync(dir, { recursive: true, force: true });
  // The token goes with the data.
  else rmSync(join(dir, 'state.json'), { force: true });
}

/** Shows the containers. */
export function showContainers(project: string, state: ServicesState): void {
  compose(project, state, 'ps');
}
