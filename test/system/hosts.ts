/** The hosts that the running system is tested on: one row each. A suite is written once and runs on every row. */

export interface TestHost {
  readonly name: string;
  /** What runs `src/runtimes/cli.ts`. */
  readonly command: readonly [string, ...string[]];
  /** The arguments of `command` that start a server; left out: those of `metricstream server`. */
  readonly server?: readonly string[];
  /** How often the crash test kills it in `npm test`; METRICSTREAM_TEST_KILLS says otherwise. */
  readonly kills: number;
  /** Log and store are Kafka and InfluxDB, as KAFKA_BROKERS and INFLUX_URL, INFLUX_TOKEN and INFLUX_ORG say: `npm run test:services`. */
  readonly services?: boolean;
  /** What takes long is left to `npm run test:hosts`, so that `npm test` stays under five minutes. */
  readonly slow?: boolean;
}

const ROWS: readonly TestHost[] = [
  { name: 'bun', command: ['node_modules/.bin/bun'], kills: 20 },
  { name: 'node', command: [process.execPath], kills: 5 },
  { name: 'workerd', command: [process.execPath], server: ['scripts/dev.ts', '--no-page', '--no-watch'], kills: 5, slow: true },
  { name: 'bun on Kafka and InfluxDB', command: ['node_modules/.bin/bun'], kills: 20, services: true },
  { name: 'deno', command: ['node_modules/.bin/deno', 'run', '-A', '--no-lock'], kills: 20 },
];

/** Deno is not among the packages that `npm ci` installs: `npm run test:deno` asks for it. */
const WANTED = (process.env.METRICSTREAM_TEST_HOSTS ?? 'bun,node,workerd').split(',');

export const HOSTS: readonly TestHost[] = WANTED.map((name) => hostNamed(name));

/** The hosts of the tests that take long. */
export const THOROUGH: readonly TestHost[] = HOSTS.filter(
  ({ slow }) => slow !== true || process.env.METRICSTREAM_TEST_KILLS !== undefined,
);

/** Those that run our own command line, and keep their data in our own files. */
export const SERVERS: readonly TestHost[] = HOSTS.filter(({ server }) => server === undefined);

export function hostNamed(name: string): TestHost {
  const row = ROWS.find((host) => host.name === name);
  if (row === undefined) throw new Error(`there is no row for the host ${name}`);
  const kills = process.env.METRICSTREAM_TEST_KILLS;
  return kills === undefined ? row : { ...row, kills: Number(kills) };
}

/** The command line of a server on a host, its flags left out. */
export function serverCommand({ command, server = ['src/runtimes/cli.ts', 'server'] }: TestHost): [string, ...string[]] {
  const [runtime, ...rest] = command;
  return [runtime, ...rest, ...server];
}
