/** What an operator sets: flags, each with its METRICSTREAM_ variable, and what they mean. */
import { type Command, InvalidArgumentError } from 'commander';
import { LIMITS } from '../model/limits.ts';
import { durationMs, flag, integerIn, listOf, sizeBytes } from './flags.ts';
import { type KafkaFlags, kafkaFlags } from './kafka-flags.ts';

export interface ServerConfig extends KafkaFlags {
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
  readonly kafkaGroup: string;
  readonly influxUrl: string | undefined;
  readonly influxToken: string | undefined;
  readonly influxOrg: string;
  /** Upstash's REST API of Redis, where edges count together what clients do. */
  readonly redisRestUrl: string | undefined;
  readonly redisRestToken: string | undefined;
  /** Before the names of topics, buckets and keys. */
  readonly prefix: string;
  readonly roles: readonly Role[];
  /** Where people reach the page: pages link there. */
  readonly publicUrl: string | undefined;
  /** Hosts and networks that channels may reach though they are not public. */
  readonly alertTargets: readonly string[];
}

/** What a server on Kafka does: take pushes, consume partitions, keep incidents (one server alone). All answer what they are asked. */
const ROLES = ['edge', 'consumer', 'control'] as const;
export type Role = (typeof ROLES)[number];

function rolesOf(text: string): Role[] {
  return listOf(text).map((name) => {
    const role = ROLES.find((one) => one === name);
    if (role === undefined) throw new InvalidArgumentError(`there are the roles ${ROLES.join(', ')}`);
    return role;
  });
}

/** Where log and store are, if not in the data directory. */
export function serviceFlags(command: Command): Command {
  return kafkaFlags(command)
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
    .addOption(flag('--redis-rest-url <url>', 'count what clients do for all edges together: Upstash, or `metricstream gateway`'))
    .addOption(flag('--redis-rest-token <token>', 'its secret; better as METRICSTREAM_REDIS_REST_TOKEN'))
    .addOption(flag('--kafka-group <name>', 'consumer group that shares the partitions').default('metricstream'))
    .addOption(
      flag('--roles <list>', 'with Kafka: edge, consumer, and on one server control, which keeps rules and incidents')
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
    .addOption(flag('--public-url <url>', 'where people reach the page: notifications link there'))
    .addOption(
      flag('--alert-targets <list>', 'hosts and networks that notifications may reach though they are private, by http too')
        .argParser(listOf)
        .default([], 'none'),
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
  if ((config.redisRestUrl === undefined) !== (config.redisRestToken === undefined))
    return '--redis-rest-url and --redis-rest-token go together';
  if (services === 0 && config.redisRestUrl !== undefined)
    return '--redis-rest-url needs --kafka-brokers: without them one edge takes all pushes';
  if (config.redisRestUrl !== undefined && !/^https?:\/\/[^\s/?#]+/.test(config.redisRestUrl))
    return '--redis-rest-url has to begin with http:// or https://';
  if (services === 0 && config.roles.length < ROLES.length)
    return '--roles needs --kafka-brokers: without it one process does everything';
  if (config.interval < LIMITS.agentIntervalMsMin) return `--interval may not be under ${LIMITS.agentIntervalMsMin} ms`;
  return undefined;
}
