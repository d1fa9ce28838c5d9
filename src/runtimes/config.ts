/** What an operator sets: flags, each with its METRICSTREAM_ variable, and what they mean. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { LIMITS } from '../model/limits.ts';

const DURATION = /^(\d+)(ms|s|m|h|d)$/;
const DURATION_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE = /^(\d+)(B|KiB|MiB|GiB)$/;
const SIZE_BYTES: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** `90d`, `12h`, `250ms` in ms. */
export function durationMs(text: string): number {
  const match = DURATION.exec(text);
  if (match === null) throw new InvalidArgumentError('write a number and ms, s, m, h or d, like 90d');
  return Number(match[1]) * (DURATION_MS[match[2] ?? ''] ?? Number.NaN);
}

/** `4GiB`, `64MiB` in bytes. */
export function sizeBytes(text: string): number {
  const match = SIZE.exec(text);
  if (match === null) throw new InvalidArgumentError('write a number and B, KiB, MiB or GiB, like 4GiB');
  return Number(match[1]) * (SIZE_BYTES[match[2] ?? ''] ?? Number.NaN);
}

/** @returns a parser of whole numbers in [min, max]. */
export function integerIn(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`write a whole number in ${min}..${max}`);
    return value;
  };
}

export interface ServerConfig {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly agent: boolean;
  readonly interval: number;
  readonly client: string | undefined;
  readonly rawRetention: number;
  readonly minuteRetention: number;
  readonly hourRetention: number;
  readonly logRetention: number;
  readonly logMax: number;
  readonly headMax: number;
  readonly linger: number;
  readonly sampleAgeMax: number;
  readonly tenantRate: number;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly insecure: boolean;
  readonly kafkaBrokers: readonly string[] | undefined;
  readonly kafkaGroup: string;
  readonly influxUrl: string | undefined;
  readonly influxToken: string | undefined;
  readonly influxOrg: string;
  /** Before the names of topics and buckets. */
  readonly prefix: string;
  readonly roles: readonly Role[];
}

/** What a server on Kafka does: take pushes, consume partitions. All answer what they are asked. */
const ROLES = ['edge', 'consumer'] as const;
export type Role = (typeof ROLES)[number];

/** `a,b` as a list without blanks. */
export function listOf(text: string): string[] {
  const list = text.split(',').map((one) => one.trim());
  if (list.includes('')) throw new InvalidArgumentError('write names with commas between them');
  return list;
}

function rolesOf(text: string): Role[] {
  return listOf(text).map((name) => {
    const role = ROLES.find((one) => one === name);
    if (role === undefined) throw new InvalidArgumentError(`there are the roles ${ROLES.join(' and ')}`);
    return role;
  });
}

/** A flag with its variable: `--data-dir` is METRICSTREAM_DATA_DIR. */
export function flag(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`METRICSTREAM_${option.name().replace(/^no-/, '').replaceAll('-', '_').toUpperCase()}`);
}

/** Where log and store are, if not in the data directory. */
export function serviceFlags(command: Command): Command {
  return command
    .addOption(flag('--kafka-brokers <list>', 'host:port,…: keep the log in Kafka').argParser(listOf))
    .addOption(flag('--influx-url <url>', 'keep samples and windows in this InfluxDB 2'))
    .addOption(flag('--influx-token <token>', 'of InfluxDB: reads and writes the buckets; better as METRICSTREAM_INFLUX_TOKEN'))
    .addOption(flag('--influx-org <name>', 'organization in InfluxDB').default('metricstream'))
    .addOption(flag('--prefix <text>', 'put before the names of topics and buckets').default(''));
}

/** How long what the store keeps stays. */
export function retentionFlags(command: Command): Command {
  const ms = (text: string): number => durationMs(text);
  return command
    .addOption(flag('--raw-retention <time>', 'how long samples are kept').argParser(ms).default(LIMITS.rawRetentionMs, '7d'))
    .addOption(
      flag('--minute-retention <time>', 'how long minutes are kept').argParser(ms).default(LIMITS.minuteRetentionMs, '90d'),
    )
    .addOption(flag('--hour-retention <time>', 'how long hours are kept').argParser(ms).default(LIMITS.hourRetentionMs, '365d'));
}

function shareFlags(command: Command): Command {
  return command
    .addOption(flag('--kafka-group <name>', 'consumer group that shares the partitions').default('metricstream'))
    .addOption(
      flag('--roles <list>', 'with Kafka: edge, consumer')
        .argParser(rolesOf)
        .default([...ROLES], ROLES.join(',')),
    );
}

/** Adds the server's flags to a command. */
export function serverFlags(command: Command): Command {
  return shareFlags(serviceFlags(retentionFlags(ownFlags(command))));
}

function ownFlags(command: Command): Command {
  const ms = (text: string): number => durationMs(text);
  return command
    .addOption(flag('--port <port>', 'where to listen; 0 takes a free one').argParser(integerIn(0, 65_535)).default(8787))
    .addOption(flag('--host <address>', 'address to listen on; other than loopback needs TLS or --insecure').default('127.0.0.1'))
    .addOption(flag('--data-dir <path>', 'where data and keys are kept').default('./data'))
    .addOption(flag('--no-agent', 'do not collect the metrics of this host'))
    .addOption(flag('--interval <time>', 'how often the agent samples').argParser(ms).default(LIMITS.agentIntervalMs, '10s'))
    .addOption(flag('--client <id>', "the agent's client_id; default: the host's name"))
    .addOption(flag('--log-retention <time>', 'how long the log is kept').argParser(ms).default(LIMITS.logRetentionMs, '24h'))
    .addOption(flag('--log-max <size>', 'how large the log may grow').argParser(sizeBytes).default(LIMITS.logBytesMax, '4GiB'))
    .addOption(
      flag('--head-max <size>', 'memory for samples that are not sealed')
        .argParser(sizeBytes)
        .default(LIMITS.headBytesMax, '96MiB'),
    )
    .addOption(
      flag('--linger <ms>', 'how long a commit waits for more pushes').argParser(integerIn(0, 1_000)).default(LIMITS.lingerMs),
    )
    .addOption(
      flag('--sample-age-max <time>', 'how old a sample may be; at most the raw retention less a day')
        .argParser(ms)
        .default(LIMITS.sampleAgeMsMax, '24h'),
    )
    .addOption(
      flag('--tenant-rate <n>', 'requests a second that a tenant may make')
        .argParser(integerIn(1, 10_000_000))
        .default(LIMITS.tenantRequestsPerSecond),
    )
    .addOption(flag('--tls-cert <file>', 'certificate chain, PEM'))
    .addOption(flag('--tls-key <file>', 'private key, PEM'))
    .addOption(flag('--insecure', 'allow plain HTTP on an address other than loopback').default(false));
}

/** Where a process listens, and whether others can listen in. */
export type AddressConfig = Pick<ServerConfig, 'port' | 'host' | 'tlsCert' | 'tlsKey' | 'insecure'>;

/** @returns what is wrong with an address; undefined when nothing is. */
export function addressError({ host, tlsCert, tlsKey, insecure }: AddressConfig): string | undefined {
  const loopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  if ((tlsCert === undefined) !== (tlsKey === undefined)) return '--tls-cert and --tls-key go together';
  if (loopback || tlsCert !== undefined || insecure) return undefined;
  return `--host ${host} is reachable from other machines: give --tls-cert and --tls-key, or --insecure behind a proxy that has them`;
}

/** @returns what is wrong with a configuration as a whole; undefined when nothing is. */
export function configError(config: ServerConfig): string | undefined {
  const wrong = addressError(config);
  if (wrong !== undefined) return wrong;
  if (config.sampleAgeMax > config.rawRetention - LIMITS.retentionMarginMs)
    return '--sample-age-max may be at most --raw-retention less a day';
  const services = [config.kafkaBrokers, config.influxUrl, config.influxToken].filter((one) => one !== undefined).length;
  if (services !== 0 && services !== 3) return '--kafka-brokers, --influx-url and --influx-token go together';
  if (services === 0 && config.roles.length < ROLES.length)
    return '--roles needs --kafka-brokers: without it one process does everything';
  if (config.interval < LIMITS.agentIntervalMsMin) return `--interval may not be under ${LIMITS.agentIntervalMsMin} ms`;
  return undefined;
}
