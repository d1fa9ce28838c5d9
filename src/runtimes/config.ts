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
}

/** A flag with its variable: `--data-dir` is METRICSTREAM_DATA_DIR. */
export function flag(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`METRICSTREAM_${option.name().replace(/^no-/, '').replaceAll('-', '_').toUpperCase()}`);
}

/** Adds the server's flags to a command. */
export function serverFlags(command: Command): Command {
  const ms = (text: string): number => durationMs(text);
  return command
    .addOption(flag('--port <port>', 'where to listen; 0 takes a free one').argParser(integerIn(0, 65_535)).default(8787))
    .addOption(flag('--host <address>', 'address to listen on; other than loopback needs TLS or --insecure').default('127.0.0.1'))
    .addOption(flag('--data-dir <path>', 'where data and keys are kept').default('./data'))
    .addOption(flag('--no-agent', 'do not collect the metrics of this host'))
    .addOption(flag('--interval <time>', 'how often the agent samples').argParser(ms).default(LIMITS.agentIntervalMs, '10s'))
    .addOption(flag('--client <id>', "the agent's client_id; default: the host's name"))
    .addOption(flag('--raw-retention <time>', 'how long samples are kept').argParser(ms).default(LIMITS.rawRetentionMs, '7d'))
    .addOption(
      flag('--minute-retention <time>', 'how long minutes are kept').argParser(ms).default(LIMITS.minuteRetentionMs, '90d'),
    )
    .addOption(flag('--hour-retention <time>', 'how long hours are kept').argParser(ms).default(LIMITS.hourRetentionMs, '365d'))
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

/** @returns what is wrong with a configuration as a whole; undefined when nothing is. */
export function configError(config: ServerConfig): string | undefined {
  const loopback = config.host === 'localhost' || config.host === '::1' || config.host.startsWith('127.');
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) return '--tls-cert and --tls-key go together';
  if (!loopback && config.tlsCert === undefined && !config.insecure) {
    return `--host ${config.host} is reachable from other machines: give --tls-cert and --tls-key, or --insecure behind a proxy that has them`;
  }
  if (config.sampleAgeMax > config.rawRetention - LIMITS.retentionMarginMs)
    return '--sample-age-max may be at most --raw-retention less a day';
  if (config.interval < LIMITS.agentIntervalMsMin) return `--interval may not be under ${LIMITS.agentIntervalMsMin} ms`;
  return undefined;
}
