/** The hosts that the running system is tested on: one row each. A suite is written once and runs on every row. */

export interface TestHost {
  readonly name: string;
  /** What runs `src/runtimes/cli.ts`. */
  readonly command: readonly [string, ...string[]];
  /** The arguments of `command` that start a server; left out: those of `metricstream server`. */
  readonly server?: readonly string[];
  /** Log and store are Kafka and InfluxDB, as KAFKA_BROKERS and INFLUX_URL, INFLUX_TOKEN and INFLUX_ORG say: `npm run test:services`. */
  readonly services?: boolean;
}

const ROWS: readonly TestHost[] = [
  { name: 'bun', command: ['node_modules/.bin/bun'] },
  { name: 'node', command: [process.execPath] },
  { name: 'workerd', command: [process.execPath], server: ['scripts/dev.ts', '--no-page', '--no-watch'] },
  { name: 'bun on Kafka and InfluxDB', command: ['node_modules/.bin/bun'], services: true },
  { name: 'deno', command: ['node_modules/.bin/deno', 'run', '-A', '--no-lock'] },
];

/** Bun alone in `npm test`; the others by `npm run test:hosts`, and Deno, which `npm ci` does not install, by `npm run test:deno`. */
const WANTED = (process.env.METRICSTREAM_TEST_HOSTS ?? 'bun').split(',');

export const HOSTS: readonly TestHost[] = WANTED.map((name) => hostNamed(name));

/** How often the crash test kills a server. */
export const KILLS = Number(process.env.METRICSTREAM_TEST_KILLS ?? 20);

/** Those that are compared with Bun. */
export const OTHERS: readonly TestHost[] = (HOSTS.every(({ name }) => name === 'bun') ? [hostNamed('node')] : HOSTS).filter(
  ({ name }) => name !== 'bun',
);

/** Those that run our own command line, and keep their data in our own files. */
export const SERVERS: readonly TestHost[] = HOSTS.filter(({ server }) => server === undefined);

export function hostNamed(name: string): TestHost {
  const row = ROWS.find((host) => host.name === name);
  if (row === undefined) throw new Error(`there is no row for the host ${name}`);
  return row;
}

/** The command line of a server on a host, its flags left out. */
export function serverCommand({ command, server = ['src/runtimes/cli.ts', 'server'] }: TestHost): [string, ...string[]] {
  const [runtime, ...rest] = command;
  return [runtime, ...rest, ...server];
}
