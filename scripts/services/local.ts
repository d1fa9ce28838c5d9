/** Services as processes of this machine, without a container engine: start what is missing, stop what is ours. */
import { rmSync } from 'node:fs';
import { withLock } from './cache.ts';
import { fetchInfluxd, startInfluxdb, tokenOf } from './influxdb.ts';
import { controllersFor, fetchKafka, startBrokerProcesses } from './kafka-processes.ts';
import { endProcess, isRunning, killProcess, type ServiceProcess } from './processes.ts';
import { say } from './progress.ts';
import { fetchRedis, startRedis } from './redis.ts';
import { environmentOf, processesOf, readState, type ServiceName, type ServicesState, withProcess, writeState } from './state.ts';
import { checkPort, choosePorts, type Wanted } from './wanted.ts';

const STOP_GRACE_MS = 15_000;

/** Gets what a service needs to run on this machine, where it is not there. */
export async function fetchService(name: ServiceName): Promise<void> {
  if (name === 'kafka') await fetchKafka();
  else if (name === 'redis') fetchRedis();
  else await fetchInfluxd();
}

/** Starts what does not run yet, one after the other; what does is left as it is. */
export async function upProcesses(dir: string, wanted: Wanted): Promise<ServicesState> {
  for (const name of wanted.names) {
    // A build takes minutes, in which others may start other services.
    await fetchService(name);
    wanted.signal?.throwIfAborted();
    await withLock(dir, () => START[name](dir, wanted));
  }
  return stateOf(dir);
}

function stateOf(dir: string): ServicesState {
  return readState(dir) ?? { engine: 'processes', processes: [] };
}

function remember(dir: string): (process: ServiceProcess) => void {
  return (process) => writeState(dir, withProcess(stateOf(dir), process));
}

const START: Readonly<Record<ServiceName, (dir: string, wanted: Wanted) => Promise<void>>> = {
  async kafka(dir, wanted) {
    const { brokers } = wanted;
    const state = stateOf(dir);
    const known = processesOf(state, 'kafka').filter((process) => isRunning(process));
    if (known.length > 0 && state.kafka?.length !== brokers) {
      throw new Error(`Kafka runs with ${state.kafka?.length} brokers: npm run services -- down`);
    }
    const running = known.length > 0 ? state.kafka : undefined;
    if (running !== undefined) checkPort(wanted, 'kafka', running[0]?.broker);
    const ports = running ?? (await controllersFor(await choosePorts(wanted, 'kafka', brokers)));
    writeState(dir, { ...state, kafka: ports });
    await startBrokerProcesses({ dir, ports, detached: true, known, onStart: remember(dir) });
  },

  async redis(dir, wanted) {
    const state = stateOf(dir);
    if (processesOf(state, 'redis').some((process) => isRunning(process))) return checkPort(wanted, 'redis', state.redis);
    const [port = 0] = await choosePorts(wanted, 'redis', 1);
    writeState(dir, { ...state, redis: port });
    await startRedis({ dir, port, detached: true, onStart: remember(dir) });
  },

  async influxdb(dir, wanted) {
    const state = stateOf(dir);
    if (processesOf(state, 'influxdb').some((process) => isRunning(process)))
      return checkPort(wanted, 'influxdb', state.influxdb?.port);
    const [port = 0] = await choosePorts(wanted, 'influxdb', 1);
    writeState(dir, { ...state, influxdb: { port, token: tokenOf(dir) } });
    await startInfluxdb({ dir, port, detached: true, onStart: remember(dir) });
  },
};

/** Ends the processes that are still ours. Data stay, unless they are wiped. */
export function downProcesses(dir: string, wipe: boolean): Promise<void> {
  return withLock(dir, async () => {
    for (const { name, pid } of await endAll(dir, STOP_GRACE_MS)) say(`${name}: stopped, process ${pid}`);
    if (wipe) rmSync(dir, { recursive: true, force: true });
    else writeState(dir, { engine: 'processes', processes: [] });
  });
}

/** @param graceMs how long they may take to end in order; 0: they are killed. @returns those that ran. */
export async function endAll(dir: string, graceMs: number): Promise<readonly ServiceProcess[]> {
  const running = stateOf(dir).processes.filter((service) => isRunning(service));
  const end = (service: ServiceProcess): Promise<void> =>
    graceMs > 0 ? endProcess(service, graceMs) : killProcess(service, 'SIGKILL', STOP_GRACE_MS);
  await Promise.all(running.map(end));
  return running;
}

/** A line for each service that was started here, and whether all of its processes run. */
export function statusOfProcesses(state: ServicesState): { readonly lines: readonly string[]; readonly isWhole: boolean } {
  const lines = state.processes.map((process) => {
    const runs = isRunning(process);
    return `${process.name.padEnd(10)} ${runs ? `runs, process ${process.pid}` : 'does not run'}`;
  });
  return {
    lines,
    isWhole: state.processes.every((process) => isRunning(process)) && Object.keys(environmentOf(state)).length > 0,
  };
}
