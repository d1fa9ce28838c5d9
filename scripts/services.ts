/** `npm run services`: Kafka, Redis and InfluxDB on this machine, as containers where Docker works and as processes elsewhere. */
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { integerIn } from '../src/runtimes/flags.ts';
import { cacheDir } from './services/cache.ts';
import { downContainers, hasCompose, pullImages, showContainers, upContainers } from './services/compose.ts';
import { downProcesses, fetchService, statusOfProcesses, upProcesses } from './services/local.ts';
import { say } from './services/progress.ts';
import { environmentOf, readState, SERVICE_NAMES, type ServiceName, type ServicesState } from './services/state.ts';

interface UpConfig {
  readonly brokers: '1' | '3';
  readonly docker: boolean;
  readonly kafkaPort?: number;
  readonly redisPort?: number;
  readonly influxdbPort?: number;
}

const PROJECT = 'metricstream';

function servicesDir(): string {
  return join(cacheDir(), 'services');
}

function program(): Command {
  const names = (): Argument => new Argument('[names...]', 'which services; default: all').choices(SERVICE_NAMES);
  const port = (name: ServiceName): Option =>
    new Option(`--${name}-port <port>`, 'default: the usual one, or a free one where it is taken').argParser(
      integerIn(1, 65_532),
    );
  const noDocker = (): Option => new Option('--no-docker', 'processes of this machine, even where Docker works');
  const command = new Command('services').description('Kafka, Redis and InfluxDB on this machine, on loopback only');
  command
    .command('up')
    .description('starts what does not run; data of the last time are there')
    .addArgument(names())
    .addOption(new Option('--brokers <count>', 'brokers of Kafka').choices(['1', '3']).default('1'))
    .addOption(port('kafka'))
    .addOption(port('redis'))
    .addOption(port('influxdb'))
    .addOption(noDocker())
    .action(up);
  command
    .command('down')
    .description('stops what it started, and nothing else')
    .option('--wipe', 'delete the data too', false)
    .action(down);
  command.command('status').description('what runs; ends with 1 unless all that was started does').action(status);
  command.command('env').description('the addresses, as lines for a shell: eval "$(npm run -s services -- env)"').action(env);
  command
    .command('fetch')
    .description('downloads or builds what is not there; the first build of InfluxDB takes 5 to 10 minutes')
    .addArgument(names())
    .addOption(noDocker())
    .action(fetchAll);
  return command;
}

/** Without names all are meant. */
function chosen(names: readonly ServiceName[]): readonly ServiceName[] {
  return names.length === 0 ? SERVICE_NAMES : SERVICE_NAMES.filter((name) => names.includes(name));
}

async function up(names: readonly ServiceName[], config: UpConfig): Promise<void> {
  const dir = servicesDir();
  const started = readState(dir);
  const runs = started !== undefined && Object.keys(environmentOf(started)).length > 0;
  const engine = runs ? started.engine : config.docker && hasCompose() ? 'compose' : 'processes';
  const wanted = {
    names: chosen(names),
    brokers: config.brokers === '3' ? (3 as const) : (1 as const),
    given: { kafka: config.kafkaPort, redis: config.redisPort, influxdb: config.influxdbPort },
    otherwise: 'usual' as const,
  };
  const state = engine === 'compose' ? await upContainers(dir, PROJECT, wanted) : await upProcesses(dir, wanted);
  for (const line of exportLines(state)) process.stdout.write(`${line}\n`);
}

async function down({ wipe }: { readonly wipe: boolean }): Promise<void> {
  const dir = servicesDir();
  if (readState(dir)?.engine === 'compose') downContainers(dir, PROJECT, wipe);
  else await downProcesses(dir, wipe);
}

function status(): void {
  const state = readState(servicesDir());
  if (state?.engine === 'compose') {
    showContainers(PROJECT, state);
    return;
  }
  const { lines, isWhole } = statusOfProcesses(state ?? { engine: 'processes', processes: [] });
  for (const line of lines.length === 0 ? ['nothing was started'] : lines) process.stdout.write(`${line}\n`);
  process.exitCode = isWhole ? 0 : 1;
}

function env(): void {
  const state = readState(servicesDir());
  const lines = state === undefined ? [] : exportLines(state);
  if (lines.length === 0) throw new Error('Nothing was started: npm run services -- up');
  process.stdout.write(`${lines.join('\n')}\n`);
}

function exportLines(state: ServicesState): string[] {
  return Object.entries(environmentOf(state)).map(([name, value]) => `export ${name}=${value}`);
}

async function fetchAll(names: readonly ServiceName[], { docker }: { readonly docker: boolean }): Promise<void> {
  if (docker && hasCompose()) pullImages(PROJECT);
  else for (const name of chosen(names)) await fetchService(name);
}

try {
  await program().parseAsync();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
