/** What tells a server of the services that the environment names, with topics, buckets and a group of its own for each data directory. */
import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';

/**
 * Makes what is missing: before the first start; later starts on the same data find it again.
 * @param command what runs `src/runtimes/cli.ts`. @throws where an address is not given
 */
export async function serverVariables(command: readonly string[], dataDir: string): Promise<Record<string, string>> {
  const name = basename(dataDir).replaceAll(/[^A-Za-z0-9]/g, '-');
  const variables = {
    METRICSTREAM_KAFKA_BROKERS: given('KAFKA_BROKERS'),
    METRICSTREAM_INFLUX_URL: given('INFLUX_URL'),
    METRICSTREAM_INFLUX_TOKEN: given('INFLUX_TOKEN'),
    METRICSTREAM_INFLUX_ORG: given('INFLUX_ORG'),
    METRICSTREAM_PREFIX: `${name}-`,
    METRICSTREAM_KAFKA_GROUP: name,
  };
  const [runtime = '', ...args] = command;
  await promisify(execFile)(runtime, [...args, 'src/runtimes/cli.ts', 'setup'], { env: { ...process.env, ...variables } });
  return variables;
}

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set: npm run services -- up, and eval "$(npm run -s services -- env)"`);
  return value;
}
