/** Cloudflare Workers: the edge in a Worker, the shards and control in Durable Objects. */
import { waitUntil } from 'cloudflare:workers';
import { remoteAlertPorts } from '../adapters/durable-objects/alert-ports.ts';
import { workerClock } from '../adapters/durable-objects/clock.ts';
import { remoteEnrichmentRegistry } from '../adapters/durable-objects/enrichment-registry.ts';
import { remoteKeyRegistry } from '../adapters/durable-objects/key-registry.ts';
import { remoteLiveSockets } from '../adapters/durable-objects/live-sockets.ts';
import { remoteMetricReader } from '../adapters/durable-objects/metric-reader.ts';
import { remotePushAppender } from '../adapters/durable-objects/push-appender.ts';
import { ask } from '../adapters/durable-objects/remote.ts';
import { durableObjectSqlDatabase } from '../adapters/durable-objects/sql-database.ts';
import { travellingTelemetry } from '../adapters/durable-objects/telemetry.ts';
import { remoteTransitionSink } from '../adapters/durable-objects/transition-sink.ts';
import { embeddedCheckpointStore } from '../adapters/embedded/checkpoint-store.ts';
import { embeddedEnrichmentRegistry } from '../adapters/embedded/enrichment-registry.ts';
import { embeddedKeyRegistry } from '../adapters/embedded/key-registry.ts';
import { embeddedMetricLog } from '../adapters/embedded/metric-log.ts';
import { openSchema } from '../adapters/embedded/schema.ts';
import { embeddedShardRegistry } from '../adapters/embedded/shard-registry.ts';
import { embeddedTimeSeriesStore } from '../adapters/embedded/time-series-store.ts';
import { memoryTelemetry } from '../adapters/memory/telemetry.ts';
import { zlibCompression } from '../adapters/node/compression.ts';
import { zlibDecompression } from '../adapters/node/decompression.ts';
import { AlertObjectBase } from '../alerts/alert-object.ts';
import { newJudge } from '../alerts/new-judge.ts';
import { adaptiveLinger } from '../consumers/append.ts';
import { Control } from '../consumers/control.ts';
import { ControlObjectBase, type ControlParts } from '../consumers/control-object.ts';
import { LiveControl } from '../consumers/live-control.ts';
import { LiveWatch } from '../consumers/live-watch.ts';
import { OBJECT_RETENTION, type RetentionOptions } from '../consumers/maintenance.ts';
import { OBJECT_PACE } from '../consumers/pace.ts';
import { Shard } from '../consumers/shard.ts';
import { ShardHost, type ShardHostDependencies } from '../consumers/shard-host.ts';
import { type HostedShard, ShardObjectBase, type ShardParts } from '../consumers/shard-object.ts';
import { ownDeadlines } from '../edge/deadlines.ts';
import { problem } from '../edge/problem.ts';
import { pushFirst } from '../edge/push-first.ts';
import { LIMITS } from '../model/limits.ts';
import { OWN_METRICS } from '../model/own-metrics.ts';
import type { JudgeFactory } from '../ports/alert-judge.ts';
import type { AlertService } from '../ports/alert-service.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveFeed } from '../ports/live-feed.ts';
import type { EdgePlace, PushAppender } from '../ports/push-appender.ts';
import type { AppendCall, ControlService, LiveCall, ShardService } from '../ports/shard-service.ts';
import type { SqlDatabase } from '../ports/sql-database.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TransitionSink } from '../ports/transition-sink.ts';
import { shapeInterner } from '../protocols/log-record.ts';
import { encodePrometheusText } from '../protocols/prometheus-text.ts';
import { CALL_VERSION } from '../protocols/shard-reply.ts';
import { sumFamilies } from '../protocols/telemetry-sum.ts';
import type { AlertsEnv } from './cloudflare-alerts.ts';
import { type ServicesEnv, servicesError } from './cloudflare-variables.ts';

/** Bindings and variables of wrangler.toml, and secrets. */
export interface Env extends ServicesEnv, AlertsEnv {
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  readonly CONTROL: DurableObjectNamespace<ControlObject>;
  readonly ALERTS: DurableObjectNamespace<AlertObject>;
  /** How many shards there are; fixed when they are made. */
  readonly SHARDS?: string;
  readonly PARTITIONS?: string;
  /** ms that a commit waits; left out: by how busy the shard is. */
  readonly METRICSTREAM_LINGER?: string;
  readonly METRICSTREAM_SAMPLE_AGE_MAX_MS?: string;
  /** How long samples, minutes and hours are kept, ms: what fills an object. */
  readonly METRICSTREAM_RAW_RETENTION_MS?: string;
  readonly METRICSTREAM_MINUTE_RETENTION_MS?: string;
  readonly METRICSTREAM_HOUR_RETENTION_MS?: string;
  /** Bytes of samples that are not sealed. */
  readonly METRICSTREAM_HEAD_MAX?: string;
  /** Where objects are made, for good: https://developers.cloudflare.com/durable-objects/reference/data-location/ */
  readonly METRICSTREAM_LOCATION_HINT?: DurableObjectLocationHint;
  readonly METRICSTREAM_JURISDICTION?: DurableObjectJurisdiction;
}

function hostClock(): Clock {
  return workerClock({
    nowMs: () => Date.now(),
    setTimeout: (task, delayMs) => setTimeout(task, delayMs),
    clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  });
}

function counts(env: Env): { readonly partitions: number; readonly shards: number } {
  return { partitions: Number(env.PARTITIONS ?? LIMITS.partitions), shards: Number(env.SHARDS ?? 1) };
}

function retention(env: Env): RetentionOptions {
  const { rawMs, minuteMs, hourMs } = OBJECT_RETENTION;
  return {
    ...OBJECT_RETENTION,
    rawMs: Number(env.METRICSTREAM_RAW_RETENTION_MS ?? rawMs),
    minuteMs: Number(env.METRICSTREAM_MINUTE_RETENTION_MS ?? minuteMs),
    hourMs: Number(env.METRICSTREAM_HOUR_RETENTION_MS ?? hourMs),
  };
}

function sampleAgeMsMax(env: Env): number {
  return Number(env.METRICSTREAM_SAMPLE_AGE_MAX_MS ?? LIMITS.sampleAgeMsMax);
}

/** What is wrong with the variables, in words; undefined: nothing. */
function variablesError(env: Env, needsServices: boolean): string | undefined {
  // Shards would wait for it with every alert, and save nothing.
  if (env.ALERTS === undefined) return 'The binding ALERTS is missing: take it and its migration over from our wrangler.toml.';
  const { partitions, shards } = counts(env);
  const { rawMs, minuteMs, hourMs } = retention(env);
  if (![partitions, shards].every((count) => Number.isInteger(count) && count > 0) || shards > partitions)
    return 'PARTITIONS and SHARDS have to be whole numbers, and PARTITIONS at least SHARDS.';
  if (![rawMs, minuteMs, hourMs, sampleAgeMsMax(env)].every((ms) => ms > 0))
    return 'Retentions and the age of samples have to be above 0 ms.';
  if (sampleAgeMsMax(env) > rawMs - LIMITS.retentionMarginMs)
    return 'METRICSTREAM_SAMPLE_AGE_MAX_MS may be at most the raw retention less a day.';
  return servicesError(env, needsServices);
}

/** Log and store elsewhere: src/runtimes/cloudflare-services.ts brings them. */
export interface Services {
  appender(deps: FedAppenderDependencies): PushAppender;
  shard(deps: FedObjectDependencies): HostedShard & { readonly live: LiveFeed };
}

interface FedAppenderDependencies {
  readonly env: Env;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly partitions: number;
  tell(partition: number): Promise<unknown>;
}

interface SharedParts extends Omit<ShardHostDependencies, 'shard' | 'shapes'> {
  readonly judge: JudgeFactory;
  readonly transitions: TransitionSink;
  readonly headBytesMax: number;
}

interface FedObjectDependencies extends SharedParts {
  readonly env: Env;
  readonly database: SqlDatabase;
  readonly partitions: number;
  readonly own: readonly number[];
}

function stubs(env: Env) {
  const where = env.METRICSTREAM_LOCATION_HINT === undefined ? {} : { locationHint: env.METRICSTREAM_LOCATION_HINT };
  const within = <T extends Rpc.DurableObjectBranded>(namespace: DurableObjectNamespace<T>): DurableObjectNamespace<T> =>
    env.METRICSTREAM_JURISDICTION === undefined ? namespace : namespace.jurisdiction(env.METRICSTREAM_JURISDICTION);
  const { partitions, shards } = counts(env);
  // The platform's types make arrays of the tuples in a message.
  const shard = (name: string) => within(env.SHARD).getByName(name, where) as unknown as ShardService;
  return {
    partitions,
    shards,
    shard,
    shardOf: (partition: number) => shard(nameOf(partition % shards)),
    all: () => Array.from({ length: shards }, (_, place) => shard(nameOf(place))),
    control: () => within(env.CONTROL).getByName('control', where) as unknown as ControlService,
    alerts: () => within(env.ALERTS).getByName('alerts', where) as unknown as AlertService,
    handshake: (headers: Readonly<Record<string, string>>) =>
      within(env.CONTROL).getByName('control', where).fetch('https://control/live', { headers }),
  };
}

function nameOf(place: number): string {
  return `shard-${place}`;
}

export class ShardObject extends ShardObjectBase<Env> {
  protected override open(): ShardParts {
    const { storage, id } = this.ctx;
    const env = this.env;
    const database = durableObjectSqlDatabase({ storage });
    openSchema(database, counts(env));
    const clock = hostClock();
    const telemetry = memoryTelemetry({ nowMs: clock.nowMs, write: (line) => console.log(line), help: OWN_METRICS });
    const shared = {
      clock,
      telemetry,
      alarm: { get: () => storage.getAlarm(), set: (atMs: number) => storage.setAlarm(atMs) },
      keys: embeddedKeyRegistry({ database }),
      judge: newJudge,
      transitions: remoteTransitionSink({ alerts: () => stubs(env).alerts() }),
      headBytesMax: Number(env.METRICSTREAM_HEAD_MAX ?? LIMITS.objectHeadBytesMax),
      register: () =>
        ask(
          stubs(env)
            .control()
            .register({ version: CALL_VERSION, shard: id.name ?? '' }),
        ),
    };
    const tell = (call: LiveCall) => ask(stubs(env).control().liveChanged(call));
    const services = this.services();
    const { host, feed } =
      services === undefined ? embeddedParts(env, database, shared) : fedParts(services, env, id.name ?? '', database, shared);
    return { host, live: new LiveWatch({ clock, feed, telemetry, tell }), families: telemetry.families };
  }

  /** undefined: log and store are in this object. */
  protected services(): Services | undefined {
    return undefined;
  }
}

function fedParts(services: Services, env: Env, name: string, database: SqlDatabase, shared: SharedParts) {
  const { partitions, shards } = counts(env);
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const own = all.filter((partition) => nameOf(partition % shards) === name);
  const host = services.shard({ ...shared, env, database, partitions, own });
  return { host, feed: host.live };
}

function embeddedParts(env: Env, database: SqlDatabase, { judge, transitions, headBytesMax, ...shared }: SharedParts) {
  const { clock, telemetry } = shared;
  const compression = zlibCompression();
  const store = embeddedTimeSeriesStore({ database, compression });
  const lingerMs = env.METRICSTREAM_LINGER === undefined ? undefined : Number(env.METRICSTREAM_LINGER);
  const shard = new Shard({
    clock,
    log: embeddedMetricLog({
      database,
      compression,
      compressFromBytes: LIMITS.compressFromBytes,
      syncAheadFrom: Number.POSITIVE_INFINITY,
    }),
    store,
    checkpoints: embeddedCheckpointStore({ database, store }),
    sink: { closed: ({ columns }) => telemetry.count('metricstream_windows_closed_total', columns.length) },
    judge,
    transitions,
    telemetry,
    shapes: shapeInterner(),
    disk: {
      space: () => {
        const totalBytes = LIMITS.objectStorageBytesMax;
        return { totalBytes, freeBytes: totalBytes - database.size().usedBytes };
      },
      usedBytes: () => database.size().usedBytes,
      reclaim: () => undefined,
    },
    partitions: counts(env).partitions,
    linger: lingerMs === undefined ? adaptiveLinger : () => lingerMs,
    headBytesMax,
    tenantRequestsPerSecond: LIMITS.tenantRequestsPerSecond,
    cardinality: LIMITS,
    pace: OBJECT_PACE,
    retention: retention(env),
  });
  return { host: new ShardHost({ shard, shapes: shapeInterner(), ...shared }), feed: shard.live };
}

export class ControlObject extends ControlObjectBase<Env> {
  protected override open(): ControlParts {
    const { storage } = this.ctx;
    const database = durableObjectSqlDatabase({ storage });
    openSchema(database, counts(this.env));
    const clock = hostClock();
    const keys = embeddedKeyRegistry({ database });
    const enrichments = embeddedEnrichmentRegistry({ database });
    const registry = embeddedShardRegistry({ database });
    const telemetry = memoryTelemetry({ nowMs: clock.nowMs, write: (line) => console.log(line) });
    const { shard } = stubs(this.env);
    const alarm = { get: () => storage.getAlarm(), set: (atMs: number) => storage.setAlarm(atMs) };
    const sockets = (tag?: string) => this.sockets(tag);
    const live = new LiveControl({ clock, keys, telemetry, alarm, sockets, shards: () => registry.names(), shard });
    return { control: new Control({ clock, keys, enrichments, registry, telemetry, live, shard }), live };
  }
}

export class AlertObject extends AlertObjectBase<Env> {
  protected override async open() {
    // Objects that take pushes start far more often than this one, from the same modules.
    const { objectAlerts } = await import('./cloudflare-alerts.ts');
    const env = this.env;
    const database = durableObjectSqlDatabase({ storage: this.ctx.storage });
    openSchema(database, counts(env));
    const clock = hostClock();
    const telemetry = memoryTelemetry({ nowMs: clock.nowMs, write: (line) => console.log(line) });
    const { partitions, shards } = counts(env);
    const { shard, shardOf, all } = stubs(env);
    return objectAlerts({
      env,
      database,
      clock,
      telemetry,
      reader: remoteMetricReader({ partitions, shardOf, shards: all }),
      async publish(control) {
        const byShard = Map.groupBy(
          Array.from({ length: partitions }, (_, partition) => partition),
          (partition) => nameOf(partition % shards),
        );
        const tell = (name: string, own: readonly number[]) =>
          ask(shard(name).control({ version: CALL_VERSION, control, partitions: own }));
        await Promise.all([...byShard].map(([name, own]) => tell(name, own)));
      },
    });
  }
}

function edgeOf(
  env: Env,
  secret: string,
  services: Services | undefined,
): { fetch(request: Request): Response | Promise<Response> } {
  const { partitions, shards, shardOf, all, control, alerts, handshake } = stubs(env);
  const telemetry = travellingTelemetry((line) => console.log(line));
  const clock = hostClock();
  return pushFirst({
    clock,
    deadlines: ownDeadlines,
    appender:
      services?.appender({
        env,
        clock,
        telemetry,
        partitions,
        tell: (partition) => tellShard(env, partition, telemetry.drain()),
      }) ?? remotePushAppender({ clock, partitions, shards, shardOf, counts: telemetry.drain, keep: waitUntil }),
    decompression: zlibDecompression(),
    reader: remoteMetricReader({ partitions, shardOf, shards: all }),
    liveSockets: remoteLiveSockets({ fetch: handshake }),
    alerts: remoteAlertPorts({ alerts }),
    keys: remoteKeyRegistry({ control }),
    enrichments: remoteEnrichmentRegistry({ control }),
    secrets: { current: secret, previous: env.METRICSTREAM_SECRET_PREVIOUS },
    telemetry: {
      ...telemetry,
      async render() {
        const told = await Promise.all(all().map((shard) => ask(shard.telemetry({ version: CALL_VERSION }))));
        return encodePrometheusText(sumFamilies(told.flat()));
      },
    },
    random: Math.random,
    ready: () => ({ ready: true }),
    placeOf,
    remoteAddress: (request) => request.headers.get('cf-connecting-ip') ?? undefined,
    sampleAgeMsMax: sampleAgeMsMax(env),
    tenantRequestsPerSecond: LIMITS.tenantRequestsPerSecond,
  });
}

/** In front of Kafka no push reaches a shard: it is told that there is one, with what the edge has counted. */
function tellShard(env: Env, partition: number, counts: AppendCall['counts']): Promise<unknown> {
  const nothing = { record: new Uint8Array(0), requestsPerSecond: 0, keyId: undefined };
  return stubs(env)
    .shardOf(partition)
    .append({ version: CALL_VERSION, counts, ...nothing });
}

/** Cloudflare tells it of every request, but its types do not know which are of the platform. */
function placeOf({ cf }: Request): EdgePlace | undefined {
  if (cf === undefined) return undefined;
  const { colo, country } = cf;
  return { colo: typeof colo === 'string' ? colo : undefined, country: typeof country === 'string' ? country : undefined };
}

/** The edge is made once for each isolate: what it remembers of keys and shapes is what makes it quick. */
export function workerOf(services: Services | undefined): ExportedHandler<Env> {
  let edge: ReturnType<typeof edgeOf> | undefined;
  let looked: { readonly env: Env; readonly wrong: string | undefined } | undefined;
  return {
    fetch(request, env) {
      const secret = env.METRICSTREAM_SECRET;
      if (secret === undefined || secret === '')
        return onlyHealth(request, 'There is no secret yet: run `npx metricstream cloudflare setup`.');
      // They stay what they are as long as an isolate lives.
      if (looked?.env !== env) looked = { env, wrong: variablesError(env, services !== undefined) };
      if (looked.wrong !== undefined) return onlyHealth(request, looked.wrong);
      edge ??= edgeOf(env, secret, services);
      return edge.fetch(request);
    },
    async scheduled(_event, env) {
      const { control, alerts, all } = stubs(env);
      // No push reaches shards that are fed by Kafka, so that control may not know of them.
      const woken = services !== undefined ? all().map((shard) => ask(shard.wake({ version: CALL_VERSION }))) : [];
      const message = { version: CALL_VERSION };
      await Promise.all([ask(control().wakeAll(message)), ask(alerts().wake(message)), ...woken]);
    },
  };
}

/** Until an operator has done what `detail` says. */
function onlyHealth(request: Request, detail: string): Response {
  if (new URL(request.url).pathname === '/health') return Response.json({ status: 'ok' });
  return problem('unavailable', 'setup', { detail, retryAfterMs: LIMITS.retryMs });
}

export default workerOf(undefined);
