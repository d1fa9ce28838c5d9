/** The production profile: the log in Kafka, samples and windows in InfluxDB; keys and revocations in the data directory. */
import { embeddedKeyRegistry } from '../adapters/embedded/key-registry.ts';
import { influxPointWriter } from '../adapters/influxdb/point-writer.ts';
import { influxTimeSeriesStore } from '../adapters/influxdb/time-series-store.ts';
import { kafkaCheckpointLog } from '../adapters/kafka/checkpoint-log.ts';
import type { KafkaConnection } from '../adapters/kafka/connection.ts';
import { kafkaEnrichmentRegistry } from '../adapters/kafka/enrichment-registry.ts';
import { kafkaKeyRegistry } from '../adapters/kafka/key-registry.ts';
import { kafkaPartitionGroup } from '../adapters/kafka/partition-group.ts';
import { kafkaPartitionLog } from '../adapters/kafka/partition-log.ts';
import { kafkaSetup } from '../adapters/kafka/setup.ts';
import { kafkaTopicProducer } from '../adapters/kafka/topic-producer.ts';
import { kafkaTransitionSink } from '../adapters/kafka/transition-sink.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { upstashRateLimiter } from '../adapters/upstash/rate-limiter.ts';
import { newJudge } from '../alerts/new-judge.ts';
import { LogAppender } from '../consumers/log-appender.ts';
import { SERVER_PACE } from '../consumers/pace.ts';
import { PartitionOwner } from '../consumers/partition-owner.ts';
import type { DeadLetter } from '../consumers/store-writer.ts';
import type { Secrets } from '../edge/keys.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { topicNames } from '../model/topics.ts';
import type { PartitionLog } from '../ports/partition-log.ts';
import type { PushAppender } from '../ports/push-appender.ts';
import type { RateLimiter } from '../ports/rate-limiter.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TopicProducer } from '../ports/topic-producer.ts';
import { encodeTick, shapeInterner } from '../protocols/log-record.ts';
import type { Backend } from './backend.ts';
import type { ServerConfig } from './config.ts';
import { type DatabaseOpener, openServerDatabase } from './embedded-backend.ts';
import { kafkaAlerts } from './kafka-alerts.ts';
import { kafkaConnection } from './kafka-flags.ts';
import { gzipBody, influxOf } from './service-connections.ts';

/** @throws misconfigured where topics are missing | unavailable where Kafka cannot be reached */
export async function openKafkaBackend(
  config: ServerConfig,
  host: DatabaseOpener,
  telemetry: Telemetry,
  secrets: Secrets,
): Promise<Backend> {
  const clock = systemClock();
  const topics = topicNames(config.prefix);
  const connection = kafkaConnection(config, 'metricstream') ?? { brokers: [], clientId: 'metricstream' };
  await checkTopics(connection, config.prefix);
  const producer = kafkaTopicProducer({ connection, clock });
  const logOf = (topic: string): PartitionLog => kafkaPartitionLog({ connection, topic, clock, telemetry });
  const [log, saved] = [logOf(topics.raw), logOf(topics.checkpoints)];
  const [revoked, tables] = [logOf(topics.revocations), logOf(topics.enrichments)];
  const judged = logOf(topics.transitions);
  const owner = ownerOf(config, { connection, producer, log, saved, telemetry });
  const appender = openAppender(config, producer, telemetry);
  const database = openServerDatabase(config, host);
  const local = embeddedKeyRegistry({ database });
  const keys = await kafkaKeyRegistry({ local, log: revoked, producer, topic: topics.revocations, telemetry, clock });
  const enrichments = await kafkaEnrichmentRegistry({ log: tables, producer, topic: topics.enrichments, clock, telemetry });
  const consumes = config.roles.includes('consumer');
  if (consumes) await owner.start();
  const { reader } = owner;
  const parts = { config, database, reader, secrets, telemetry, producer, log: judged, prefix: config.prefix };
  const alerts = config.roles.includes('control') ? await kafkaAlerts(parts) : undefined;
  return {
    appender,
    reader,
    alerts: alerts?.ports,
    live: owner.live,
    keys,
    enrichments,
    ready: () => (consumes ? owner.ready() : { ready: true }),
    async stop() {
      appender.stop();
      if (consumes) await owner.stop();
      await alerts?.stop();
      await producer.close();
      await Promise.all([log, saved, revoked, tables, judged].map((one) => one.close()));
      database.close();
    },
  };
}

async function checkTopics(connection: KafkaConnection, prefix: string): Promise<void> {
  const { create } = await kafkaSetup(connection, prefix, LIMITS.partitions).plan();
  const missing = create.map(({ name }) => name).join(', ');
  if (missing !== '')
    throw new MetricStreamError('misconfigured', `Kafka has no ${missing}: run \`npx metricstream setup\` first.`);
}

interface OwnerParts {
  readonly connection: KafkaConnection;
  readonly producer: TopicProducer;
  readonly log: PartitionLog;
  readonly saved: PartitionLog;
  readonly telemetry: Telemetry;
}

function ownerOf(config: ServerConfig, { connection, producer, log, saved, telemetry }: OwnerParts): PartitionOwner {
  const clock = systemClock();
  const topics = topicNames(config.prefix);
  const influx = influxOf(config);
  const send = (topic: string, partition: number, value: Uint8Array, reason?: string): Promise<number> =>
    producer.send({ topic, partition, key: undefined, value, headers: headersOf(reason), timestampMs: undefined });
  return new PartitionOwner({
    clock,
    log,
    group: kafkaPartitionGroup({
      connection,
      groupId: config.kafkaGroup,
      topic: topics.raw,
      sessionTimeoutMs: LIMITS.sessionTimeoutMs,
      clock,
      telemetry,
    }),
    store: influxTimeSeriesStore(influx),
    writer: influxPointWriter({ ...influx, gzip: gzipBody }),
    checkpoints: kafkaCheckpointLog({ log: saved, producer, topic: topics.checkpoints }),
    checkpointsElsewhere: kafkaCheckpointLog({ log: saved, producer, topic: topics.checkpoints }),
    consumes: config.roles.includes('consumer'),
    telemetry,
    shapes: shapeInterner(),
    judge: newJudge,
    transitions: kafkaTransitionSink({ producer, topic: topics.transitions, partitions: LIMITS.partitions }),
    partitions: LIMITS.partitions,
    headBytesMax: config.headMax,
    pace: SERVER_PACE,
    // A tick that is missed is followed by the next.
    tick: (partition) => void send(topics.raw, partition, encodeTick()).catch(() => undefined),
    async deadLetter(partition, letters: readonly DeadLetter[]) {
      await Promise.all(letters.map(({ bytes, reason }) => send(topics.deadLetter, partition, bytes, reason)));
    },
  });
}

function headersOf(reason: string | undefined): readonly (readonly [string, Uint8Array])[] {
  return reason === undefined ? [] : [['reason', new TextEncoder().encode(reason)]];
}

function openAppender(config: ServerConfig, producer: TopicProducer, telemetry: Telemetry): PushAppender & { stop(): void } {
  const refused = { kind: 'refused', code: 'shutting_down', retryAfterMs: LIMITS.retryMs } as const;
  if (!config.roles.includes('edge')) return { append: async () => refused, stop: () => undefined };
  return new LogAppender({
    clock: systemClock(),
    producer,
    topic: topicNames(config.prefix).raw,
    partitions: LIMITS.partitions,
    shapes: shapeInterner(),
    telemetry,
    cardinality: LIMITS,
    tenantRequestsPerSecond: config.tenantRate,
    limiter: sharedLimiter(config, telemetry),
  });
}

function sharedLimiter(config: ServerConfig, telemetry: Telemetry): RateLimiter | undefined {
  const { redisRestUrl: url, redisRestToken: token, prefix } = config;
  if (url === undefined || token === undefined) return undefined;
  return upstashRateLimiter({ url, token, prefix, clock: systemClock(), telemetry, pipelined: true });
}
