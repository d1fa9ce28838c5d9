/** Workers in the production profile: pushes to Kafka over REST, and shards that consume it and keep samples and windows in InfluxDB. */
import { embeddedCheckpointLog } from '../adapters/embedded/checkpoint-log.ts';
import { influxPointWriter } from '../adapters/influxdb/point-writer.ts';
import { influxTimeSeriesStore } from '../adapters/influxdb/time-series-store.ts';
import type { KafkaRestConnection } from '../adapters/upstash/kafka-rest.ts';
import { upstashPartitionLog } from '../adapters/upstash/partition-log.ts';
import type { UpstashRateLimiterOptions } from '../adapters/upstash/rate-limiter.ts';
import { upstashTopicProducer } from '../adapters/upstash/topic-producer.ts';
import { FedShard, type FedShardDependencies } from '../consumers/fed-shard.ts';
import { LogAppender } from '../consumers/log-appender.ts';
import { FED_PACE } from '../consumers/pace.ts';
import { runBudget } from '../consumers/run-budget.ts';
import { LIMITS } from '../model/limits.ts';
import { clientKey, partitionOf } from '../model/partition.ts';
import { topicNames } from '../model/topics.ts';
import type { Clock } from '../ports/clock.ts';
import type { PushAppender } from '../ports/push-appender.ts';
import type { RateLimiter } from '../ports/rate-limiter.ts';
import type { SqlDatabase } from '../ports/sql-database.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TopicProducer, TopicRecord } from '../ports/topic-producer.ts';
import { shapeInterner } from '../protocols/log-record.ts';
import type { ServicesEnv } from './cloudflare-variables.ts';

function kafkaOf(env: ServicesEnv, clock: Clock, partitions: number) {
  const topics = topicNames(env.METRICSTREAM_PREFIX ?? '');
  const { KAFKA_REST_URL: url = '', KAFKA_REST_USERNAME: username = '', KAFKA_REST_PASSWORD: password = '' } = env;
  const connection: KafkaRestConnection = { url, username, password, clock };
  return {
    topics,
    connection,
    producer: () =>
      upstashTopicProducer({ ...connection, topics: { [topics.raw]: partitions, [topics.deadLetter]: partitions } }),
  };
}

interface FedAppenderDependencies {
  readonly env: ServicesEnv;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly partitions: number;
  /** Tells the shard of a partition that there is something in the log, and what this edge has counted. Its failure is nobody's. */
  tell(partition: number): Promise<unknown>;
}

/** Most pushes ask nobody: Redis's clients are read when the first client has spent half of its limit. */
function sharedLimiter(options: UpstashRateLimiterOptions): RateLimiter {
  let limiter: RateLimiter | undefined;
  return {
    async take(clientKey, requestsPerSecond) {
      const { upstashRateLimiter } = await import('../adapters/upstash/rate-limiter.ts');
      limiter ??= upstashRateLimiter(options);
      return limiter.take(clientKey, requestsPerSecond);
    },
  };
}

/** Where a push goes. Nothing that one request began is waited for in another: it would end with it. */
export function fedAppender({ env, clock, telemetry, partitions, tell }: FedAppenderDependencies): PushAppender {
  const { topics, producer } = kafkaOf(env, clock, partitions);
  const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token, METRICSTREAM_PREFIX: prefix = '' } = env;
  const limiter =
    url === undefined || token === undefined
      ? undefined
      : sharedLimiter({ url, token, prefix, clock, telemetry, pipelined: false });
  const open = () => ({
    atMs: clock.nowMs(),
    log: new LogAppender({
      clock,
      producer: sendingAlone(producer),
      topic: topics.raw,
      partitions,
      shapes: shapeInterner(),
      telemetry,
      cardinality: LIMITS,
      tenantRequestsPerSecond: LIMITS.tenantRequestsPerSecond,
      limiter,
    }),
  });
  let appender = open();
  const toldMs = new Map<number, number>();
  return {
    async append(push, requestsPerSecond) {
      const nowMs = clock.nowMs();
      if (nowMs - appender.atMs > LIMITS.fedAppenderMs) appender = open();
      const appending = appender.log.append(push, requestsPerSecond);
      const partition = partitionOf(clientKey(push.tenant, push.client), partitions);
      if (nowMs - (toldMs.get(partition) ?? 0) < LIMITS.fedPollMs) return appending;
      toldMs.set(partition, nowMs);
      const [outcome] = await Promise.all([appending, tell(partition).catch(() => undefined)]);
      return outcome;
    },
  };
}

/** Each record by itself, with a producer that lives as long as its request does. */
function sendingAlone(open: () => TopicProducer): TopicProducer {
  return {
    async send(record) {
      const producer = open();
      try {
        return await producer.send(record);
      } finally {
        await producer.close();
      }
    },
    close: async () => undefined,
  };
}

interface FedObjectDependencies
  extends Pick<
    FedShardDependencies,
    'clock' | 'telemetry' | 'alarm' | 'keys' | 'register' | 'partitions' | 'own' | 'headBytesMax'
  > {
  readonly env: ServicesEnv;
  readonly database: SqlDatabase;
}

export function fedShard({ env, database, ...deps }: FedObjectDependencies): FedShard {
  const { clock, telemetry, partitions } = deps;
  const { topics, connection, producer: openProducer } = kafkaOf(env, clock, partitions);
  const budget = runBudget(clock);
  const log = upstashPartitionLog({ ...connection, topic: topics.raw, telemetry, follows: false });
  const influx = {
    url: env.INFLUX_URL ?? '',
    token: env.INFLUX_TOKEN ?? '',
    org: env.INFLUX_ORG ?? '',
    bucketPrefix: env.METRICSTREAM_PREFIX ?? '',
    clock,
    fetch: (url: string, init: RequestInit) => {
      budget.spent();
      return fetch(url, init);
    },
  };
  const send = (record: Omit<TopicRecord, 'key' | 'timestampMs'>): Promise<number> =>
    sendingAlone(openProducer).send({ ...record, key: undefined, timestampMs: undefined });
  return new FedShard({
    ...deps,
    budget,
    log,
    look: () => log.look(),
    store: influxTimeSeriesStore(influx),
    writer: influxPointWriter({ ...influx, gzip: gzipBody }),
    checkpoints: embeddedCheckpointLog(database),
    shapes: shapeInterner(),
    pace: FED_PACE,
    async send(partition, value) {
      await send({ topic: topics.raw, partition, value, headers: [] });
    },
    async deadLetter(partition, letters) {
      const encoder = new TextEncoder();
      await Promise.all(
        letters.map(({ bytes, reason }) =>
          send({ topic: topics.deadLetter, partition, value: bytes, headers: [['reason', encoder.encode(reason)]] }),
        ),
      );
    },
  });
}

async function gzipBody(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const zipped = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(zipped).arrayBuffer());
}
