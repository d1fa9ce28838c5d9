/** What every scenario starts from: a server on fresh data, and hosts that push to it. */
import { type ClientClock, createFleet, type Fleet } from './fleet.ts';
import { xorshift32 } from './host-values.ts';
import type { Check, Measurement } from './measure.ts';
import type { Server, ServerOptions } from './server-process.ts';

export interface Bench {
  readonly serverOptions: ServerOptions;
  /** What runs the server, where it is not Bun. */
  readonly runtime: string | undefined;
  /** Progress, a line at a time. */
  log(line: string): void;
}

/** The same values and phases in every run, so that two runs differ in nothing but the server. */
const SEED = 20_251_123;

export interface Hosts {
  readonly fleet: Fleet;
  readonly random: () => number;
}

export function createHosts(
  server: Pick<Server, 'hostname' | 'port' | 'keys'>,
  clients: number,
  clockOf: (random: () => number) => ClientClock,
): Hosts {
  const random = xorshift32(SEED);
  const fleet = createFleet({
    target: { host: `${server.hostname}:${server.port}`, key: server.keys.ingest },
    clients,
    prefix: 'host',
    clock: clockOf(random),
    random,
    bootId: () => crypto.randomUUID().replaceAll('-', ''),
  });
  return { fleet, random };
}

export function measurementLine({ pushesPerSecond, p50Ms, p99Ms, ...rest }: Measurement): string {
  const latency = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
  const cost = `${rest.cpuUsPerPush.toFixed(1)} µs of CPU a push, ${(rest.rssBytesMax / 2 ** 20).toFixed(0)} MiB`;
  const generator = `generator ${rest.generatorUsPerPush.toFixed(1)} µs a push, ${rest.stolenCores.toFixed(2)} cores stolen`;
  const refused = `${rest.limited} limited, ${rest.failed} failed`;
  return `${pushesPerSecond.toFixed(0)} pushes/s, ${latency}, ${cost}, ${refused}, ${generator}`;
}

export function checkLine({ exact, sent, counted, catchUpMs }: Check): string {
  const of = `${counted.pushesReceived} of ${sent.pushes} pushes, ${counted.samplesStored} of ${sent.samples} samples`;
  return `${exact ? 'exact' : 'NOT EXACT'}: ${of}, ${sent.repeats} repeats, caught up in ${catchUpMs.toFixed(0)} ms`;
}
