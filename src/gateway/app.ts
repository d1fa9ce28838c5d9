/** The gateway: Upstash's REST APIs of Kafka and Redis in front of any Kafka and any Redis; every route on this page. */
import { Hono } from 'hono';
import { MetricStreamError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ConsumerGroups } from '../ports/consumer-groups.ts';
import type { RedisCommands } from '../ports/redis-commands.ts';
import type { Telemetry, TelemetryReader } from '../ports/telemetry.ts';
import type { TopicProducer } from '../ports/topic-producer.ts';
import type { TopicReader } from '../ports/topic-reader.ts';
import { admission } from './admission.ts';
import { errorAnswer } from './answers.ts';
import { ConsumerInstances } from './consumer-instances.ts';
import type { Credentials } from './credentials.ts';
import { type GatewayGuard, gatewayGuard, type Respond } from './guard.ts';
import { consuming } from './kafka-consume.ts';
import { produce } from './kafka-produce.ts';
import { readiness } from './readiness.ts';
import { redisApi } from './redis.ts';
import { topicCatalogue } from './topic-catalogue.ts';

export interface GatewayKafka {
  readonly producer: TopicProducer;
  readonly reader: TopicReader;
  readonly groups: ConsumerGroups;
}

export interface GatewayDependencies {
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly telemetry: Telemetry & TelemetryReader;
  /** As Math.random. */
  readonly random: () => number;
  /** Left out: there are no paths for it. */
  readonly kafka?: GatewayKafka | undefined;
  readonly redis?: RedisCommands | undefined;
}

export interface Gateway {
  fetch(request: Request): Response | Promise<Response>;
  /** Lets no request in any more, ends those that only wait, commits and leaves groups. */
  drain(): Promise<void>;
  /** After the last request: sends what waits, and lets go of all connections. */
  close(): Promise<void>;
}

interface Row {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly respond: Respond;
}

export function createGateway(deps: GatewayDependencies): Gateway {
  const { clock, telemetry, kafka, redis } = deps;
  const admitted = admission(clock);
  const guard = gatewayGuard({ ...deps, admission: admitted });
  const instances = kafka === undefined ? undefined : new ConsumerInstances({ ...deps, groups: kafka.groups });
  const ready = readiness(clock, {
    ...(kafka === undefined ? {} : { Kafka: () => kafka.reader.topics() }),
    ...(redis === undefined ? {} : { Redis: () => redis.ping() }),
  });
  telemetry.gauge('metricstream_gateway_requests_in_flight', admitted.inFlight);

  const rows: readonly Row[] = [
    { method: 'GET', path: '/health', respond: async () => Response.json({ status: 'ok' }) },
    { method: 'GET', path: '/ready', respond: () => ready.answer() },
    { method: 'GET', path: '/metrics', respond: async () => telemetryAnswer(await telemetry.render()) },
    ...(kafka === undefined || instances === undefined ? [] : kafkaRows(deps, guard, kafka, instances)),
    ...(redis === undefined ? [] : redisRows(guard, redis)),
  ];
  return {
    fetch: router(rows),
    async drain() {
      ready.stop();
      admitted.close();
      await instances?.close();
    },
    async close() {
      await kafka?.producer.close();
      await Promise.all([kafka?.reader.close(), kafka?.groups.close(), redis?.close()]);
    },
  };
}

function kafkaRows(deps: GatewayDependencies, guard: GatewayGuard, kafka: GatewayKafka, instances: ConsumerInstances): Row[] {
  const catalogue = topicCatalogue(kafka.reader, deps.clock);
  const send = produce({ ...deps, producer: kafka.producer, catalogue });
  const consume = consuming({ ...kafka, instances, catalogue });
  const row = (method: Row['method'], path: string, ...how: Tail<Parameters<GatewayGuard['kafka']>>): Row => ({
    method,
    path,
    respond: guard.kafka(path, ...how),
  });
  return [
    row('POST', '/produce', ['produce'], send),
    row('POST', '/fetch', ['consume'], consume.fetch),
    row('POST', '/offsets/:time', ['consume'], consume.offsets),
    row('POST', '/consume/:group/:instance', ['consume'], consume.consume),
    row('POST', '/commit/:group/:instance', ['consume'], consume.commit),
    row('POST', '/committed/:group/:instance', ['consume'], consume.committed),
    row('POST', '/delete-consumer/:group/:instance', ['consume', 'admin'], consume.deleteConsumer),
    row('GET', '/consumers', ['consume', 'admin'], consume.consumers),
    row('GET', '/topics', ['produce', 'consume', 'admin'], consume.topics),
  ];
}

type Tail<List extends readonly unknown[]> = List extends readonly [unknown, ...infer Rest] ? Rest : never;

function redisRows(guard: GatewayGuard, redis: RedisCommands): Row[] {
  const api = redisApi(redis);
  const row = (path: string, handle: Parameters<GatewayGuard['redis']>[1]): Row => ({
    method: 'POST',
    path,
    respond: guard.redis(path, handle),
  });
  return [row('/', api.command), row('/pipeline', api.pipeline), row('/multi-exec', api.transaction)];
}

function router(rows: readonly Row[]): Gateway['fetch'] {
  const app = new Hono();
  for (const { method, path, respond } of rows) app.on(method, path, (context) => respond(context.req.raw, context.req.param()));
  const patterns = rows.map(({ method, path }) => ({ method, pattern: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`) }));
  app.notFound((context) => {
    const allowed = patterns.filter(({ pattern }) => pattern.test(context.req.path)).map(({ method }) => method);
    if (allowed.length === 0) return errorAnswer(new MetricStreamError('not_found'), 'kafka');
    const answer = errorAnswer(new MetricStreamError('method_not_allowed'), 'kafka');
    answer.headers.set('allow', allowed.join(', '));
    return answer;
  });
  return (request) => app.fetch(request);
}

function telemetryAnswer(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
}
