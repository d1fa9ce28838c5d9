/** `metricstream setup`: makes the topics, buckets and tokens that are missing; what is there it leaves as it is. */
import { Command } from 'commander';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { DAY_MS } from '../model/window.ts';
import { retentionFlags, serviceFlags } from './config.ts';
import { flag } from './flags.ts';
import { kafkaConnection } from './kafka-flags.ts';
import { influxOf, type ServiceConfig } from './service-connections.ts';

interface SetupConfig extends ServiceConfig {
  readonly dryRun: boolean;
}

export function setupCommand(): Command {
  const command = new Command('setup').description(
    'make the topics of Kafka and the buckets and tokens of InfluxDB that are missing',
  );
  retentionFlags(serviceFlags(command))
    .addOption(flag('--dry-run', 'only print what would be made').default(false))
    .action(async (config: SetupConfig) => {
      if (config.kafkaBrokers === undefined && config.influxUrl === undefined)
        command.error('error: give --kafka-brokers, --influx-url with --influx-token, or both');
      try {
        await setUpKafka(config);
        if (config.influxUrl !== undefined) await setUpInflux(config);
      } catch (error) {
        if (error instanceof MetricStreamError) command.error(`error: ${error.message}`);
        throw error;
      }
    });
  return command;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function setUpKafka(config: SetupConfig): Promise<void> {
  const connection = kafkaConnection(config, 'metricstream-setup');
  if (connection === undefined) return;
  // Its library is loaded by nobody else: that takes longer than all other commands together.
  const { kafkaSetup } = await import('../adapters/kafka/setup.ts');
  const setup = kafkaSetup(connection, config.prefix, LIMITS.partitions);
  const plan = await setup.plan();
  for (const { name, partitions, wanted } of plan.wrong)
    throw new MetricStreamError(
      'misconfigured',
      `Topic ${name} has ${partitions} partitions; ${wanted} are needed, and its clients would move.`,
    );
  for (const { name, partitions, configs } of plan.create) {
    const settings = Object.entries(configs).map(([key, value]) => `${key}=${value}`);
    say(`topic ${name}: ${partitions} partitions, ${plan.replicas} replicas, ${settings.join(' ')}`);
  }
  if (plan.create.length === 0) say('topics: nothing is missing');
  else if (!config.dryRun) {
    await setup.apply(plan);
    say('topics: made');
  }
}

async function setUpInflux(config: SetupConfig): Promise<void> {
  const retentionMs = { raw: config.rawRetention, '1m': config.minuteRetention, '1h': config.hourRetention };
  const { influxSetup } = await import('../adapters/influxdb/setup.ts');
  const setup = influxSetup({ ...influxOf(config), retentionMs });
  const plan = await setup.plan();
  for (const { name, retentionMs: keptMs } of plan.createsBuckets) say(`bucket ${name}: ${keptMs / DAY_MS} days`);
  for (const role of plan.createsTokens) say(`token for ${role}`);
  for (const { bucket, retentionMs: keptMs, wantedMs } of plan.differs)
    say(`bucket ${bucket} keeps ${keptMs / DAY_MS} days, not ${wantedMs / DAY_MS}: it is left as it is`);
  if (plan.createsBuckets.length + plan.createsTokens.length === 0) say('buckets and tokens: nothing is missing');
  else if (!config.dryRun) {
    const tokens = await setup.apply(plan);
    for (const [role, token] of Object.entries(tokens)) say(`token for ${role}, shown only now: ${token}`);
    say('buckets and tokens: made');
  }
}
