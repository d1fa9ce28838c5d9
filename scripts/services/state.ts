/** What is known about the services of one directory: how they run, where they listen, and which processes are ours. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { INFLUX_ORG } from './influxdb.ts';
import { addressesOf, type BrokerPorts } from './kafka-cluster.ts';
import { LOOPBACK } from './ports.ts';
import type { ServiceProcess } from './processes.ts';

export const SERVICE_NAMES = ['kafka', 'redis', 'influxdb'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export interface ServicesState {
  readonly engine: 'processes' | 'compose';
  /** Undefined until Kafka has been started; so are the ports of the others. */
  readonly kafka?: readonly BrokerPorts[];
  readonly redis?: number;
  readonly influxdb?: { readonly port: number; readonly token: string };
  readonly processes: readonly ServiceProcess[];
}

const FILE = 'state.json';

export function readState(dir: string): ServicesState | undefined {
  const path = join(dir, FILE);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as ServicesState) : undefined;
}

/** Whole or not at all; for its owner only, since it holds a token. */
export function writeState(dir: string, state: ServicesState): void {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, FILE);
  writeFileSync(`${path}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** The state with a process in place of the one that had its name. */
export function withProcess(state: ServicesState, process: ServiceProcess): ServicesState {
  return { ...state, processes: [...state.processes.filter(({ name }) => name !== process.name), process] };
}

/** The processes of a service: `kafka` has one for each broker. */
export function processesOf(state: ServicesState, service: ServiceName): readonly ServiceProcess[] {
  return state.processes.filter(({ name }) => name.split('-')[0] === service);
}

/** What finds the services, as variables of the environment. */
export function environmentOf({ kafka, redis, influxdb }: ServicesState): Readonly<Record<string, string>> {
  const brokers = kafka?.map(({ broker }) => broker);
  return {
    ...(brokers === undefined ? {} : { KAFKA_BROKERS: addressesOf(brokers, LOOPBACK) }),
    ...(redis === undefined ? {} : { REDIS_URL: `redis://${LOOPBACK}:${redis}` }),
    ...(influxdb === undefined
      ? {}
      : { INFLUX_URL: `http://${LOOPBACK}:${influxdb.port}`, INFLUX_TOKEN: influxdb.token, INFLUX_ORG }),
  };
}

const GIVEN: Readonly<Record<ServiceName, readonly string[]>> = {
  kafka: ['KAFKA_BROKERS'],
  redis: ['REDIS_URL'],
  influxdb: ['INFLUX_URL', 'INFLUX_TOKEN', 'INFLUX_ORG'],
};

/** The services whose addresses an environment does not give. @throws where it gives a part of an address. */
export function missingIn(env: Readonly<Record<string, string | undefined>>): ServiceName[] {
  return SERVICE_NAMES.filter((service) => {
    const absent = GIVEN[service].filter((name) => (env[name] ?? '') === '');
    if (absent.length > 0 && absent.length < GIVEN[service].length) {
      throw new Error(`${GIVEN[service].join(', ')} go together; ${absent.join(', ')} is not set.`);
    }
    return absent.length > 0;
  });
}
