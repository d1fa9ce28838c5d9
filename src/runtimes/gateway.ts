/** A gateway: Kafka and Redis behind it, and the host in front. */
import { readFileSync, statSync } from 'node:fs';
import { kafkaConsumerGroups } from '../adapters/kafka/consumer-groups.ts';
import { kafkaTopicProducer } from '../adapters/kafka/topic-producer.ts';
import { kafkaTopicReader } from '../adapters/kafka/topic-reader.ts';
import { memoryTelemetry } from '../adapters/memory/telemetry.ts';
import { redisCommands } from '../adapters/redis/redis-commands.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { createGateway } from '../gateway/app.ts';
import { readCredentials } from '../gateway/credentials.ts';
import { LIMITS } from '../model/limits.ts';
import { OWN_METRICS } from '../model/own-metrics.ts';
import type { AddressConfig } from './config.ts';
import { thisHost } from './hosts.ts';
import { type KafkaFlags, kafkaConnection } from './kafka-flags.ts';

/** What an operator sets. */
export interface GatewayConfig extends AddressConfig, KafkaFlags {
  readonly credentials: string;
  readonly redisUrl?: string;
  readonly linger: number;
}

export interface RunningGateway {
  readonly url: string;
  /** Finishes requests in flight, leaves groups, sends what waits; within shutdownMs. */
  stop(): Promise<void>;
}

export async function runGateway(config: GatewayConfig): Promise<RunningGateway> {
  const clock = systemClock();
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs, write, help: OWN_METRICS });
  const credentials = readCredentials(readFileSync(config.credentials, 'utf8'));
  if ((statSync(config.credentials).mode & 0o077) !== 0)
    telemetry.log('warn', 'others on this machine can read the credentials file: chmod 600', { file: config.credentials });
  const connection = kafkaConnection(config, 'metricstream-gateway');
  const gateway = createGateway({
    clock,
    telemetry,
    credentials,
    random: Math.random,
    kafka:
      connection === undefined
        ? undefined
        : {
            producer: kafkaTopicProducer({ connection, clock, lingerMs: config.linger }),
            reader: kafkaTopicReader({ connection, clock }),
            groups: kafkaConsumerGroups({ connection, clock }),
          },
    redis:
      config.redisUrl === undefined
        ? undefined
        : redisCommands({
            url: config.redisUrl,
            clock,
            failed: (error) => telemetry.log('warn', 'Redis cannot be reached', { cause: String(error) }),
          }),
  });
  const listener = await (await thisHost()).listen(config, (request) => gateway.fetch(request));
  return {
    url: listener.url,
    async stop() {
      await gateway.drain();
      await listener.close(LIMITS.shutdownMs / 2);
      await gateway.close();
    },
  };
}
