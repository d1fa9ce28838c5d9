/** A shard whose log and store are elsewhere: it sleeps, and when it is woken or asked consumes what its partitions hold, in one bounded run. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { clientKey, partitionOf } from '../model/partition.ts';
import type { KeyRegistry, Revocation } from '../ports/key-registry.ts';
import type { LiveFeed } from '../ports/live-feed.ts';
import type {
  ClientSamples,
  ClientStatus,
  ClientWindows,
  MetricReader,
  RangeQuery,
  WindowQuery,
} from '../ports/metric-reader.ts';
import type { PartitionLog } from '../ports/partition-log.ts';
import type { AppendOutcome } from '../ports/push-appender.ts';
import type {
  AppendAllCall,
  AppendCall,
  ControlCall,
  Page,
  ReadCall,
  Reply,
  RevokeCall,
  TenantCall,
} from '../ports/shard-service.ts';
import type { TimeSeriesStore } from '../ports/time-series-store.ts';
import { encodeControl, encodeTick } from '../protocols/log-record.ts';
import { reply } from '../protocols/shard-reply.ts';
import { knownClients } from './known-clients.ts';
import { type LiveHub, liveHub } from './live.ts';
import { OwnedPartition, type OwnedPartitionDependencies } from './owned-partition.ts';
import { samplesPage, windowsPage } from './pages.ts';
import { metricReader } from './reader.ts';
import type { RunBudget } from './run-budget.ts';
import type { Alarm } from './shard-host.ts';

export interface FedShardDependencies extends Omit<OwnedPartitionDependencies, 'seen' | 'mayWrite' | 'tick' | 'headBytesMax'> {
  /** Asks where all open partitions of the log end now. */
  look(): Promise<void>;
  /** Of all shards together. */
  readonly partitions: number;
  /** Those of this shard. */
  readonly own: readonly number[];
  /** Of all its partitions together. */
  readonly headBytesMax: number;
  readonly budget: RunBudget;
  readonly alarm: Alarm;
  readonly keys: KeyRegistry;
  /** Tells control of this shard; called until it resolves once. Gives the keys that are revoked. */
  register(): Promise<readonly Revocation[]>;
  /** Appends a record to a partition; resolves when it is there. */
  send(partition: number, record: Uint8Array): Promise<void>;
}

export class FedShard {
  readonly live: LiveFeed;
  readonly #hub: LiveHub;
  readonly #deps: FedShardDependencies;
  readonly #reader: MetricReader;
  #owned = new Map<number, OwnedPartition>();
  /** Rises when a run is cut off: what it still opens is nobody's. */
  #life = 0;
  #running: Promise<void> | undefined;
  #following: Promise<void> | undefined;
  /** Ticks that are on their way. */
  readonly #ticks = new Set<Promise<void>>();
  #alarmMs: number | undefined;
  #isRegistered = false;

  constructor(deps: FedShardDependencies) {
    const { clock, store, own, partitions, telemetry } = deps;
    this.#deps = { ...deps, store: knownClients(store, clock) };
    this.#hub = liveHub(clock, deps.pace.liveMs);
    this.live = this.#hub;
    const pipelines = () => [...this.#owned.values()].map(({ pipeline }) => pipeline);
    this.#reader = metricReader({
      clock,
      store: storeOf(store, (tenant, client) => own.includes(partitionOf(clientKey(tenant, client), partitions))),
      readsAhead: LIMITS.readsAheadMax,
      pipelines,
      allHere: () => true,
      pipelineOf: (key) => this.#owned.get(partitionOf(key, partitions))?.pipeline,
      replayed: () => this.#isCaughtUp(),
    });
    telemetry.gauge('metricstream_consumer_lag_records', () => this.#lag());
    telemetry.gauge('metricstream_head_bytes', () => pipelines().reduce((sum, one) => sum + one.headBytes(), 0));
    telemetry.gauge('metricstream_clients', () => pipelines().reduce((sum, one) => sum + one.clients.size, 0));
    telemetry.gauge('metricstream_partitions_owned', () => this.#owned.size);
  }

  /** Once, before anything else. The log is asked in the first run: an object that cannot reach it still answers. */
  async start(): Promise<void> {
    this.#alarmMs = (await this.#deps.alarm.get()) ?? undefined;
  }

  /** Takes what an edge has counted, and looks soon: there is something in the log. What is a push comes from an edge of another kind, and is not taken. */
  async append({ counts }: Pick<AppendCall, 'counts'>): Promise<AppendOutcome> {
    for (const [name, by, labels] of counts) this.#deps.telemetry.count(name, by, labels);
    await this.#arm(LIMITS.wakeGapMs);
    return { kind: 'refused', code: 'shutting_down', retryAfterMs: LIMITS.retryMs };
  }

  appendAll({ calls }: AppendAllCall): Promise<readonly Reply<AppendOutcome>[]> {
    return Promise.all(calls.map((call) => reply(() => this.append(call))));
  }

  async readClients({ tenant }: TenantCall): Promise<readonly ClientStatus[]> {
    await this.#catchUp();
    return this.#reader.clients(tenant);
  }

  async readMetrics({ tenant }: TenantCall): Promise<Awaited<ReturnType<MetricReader['metrics']>>> {
    await this.#catchUp();
    return this.#reader.metrics(tenant);
  }

  async readWindows({ query }: ReadCall<WindowQuery>): Promise<Page<ClientWindows>> {
    await this.#catchUp();
    return windowsPage(this.#reader.windows(query));
  }

  async readSamples({ query }: ReadCall<RangeQuery>): Promise<Page<ClientSamples>> {
    await this.#catchUp();
    return samplesPage(this.#reader.samples(query));
  }

  async revoke({ revocation: { tenant, keyId, revokedMs, expiresMs } }: Pick<RevokeCall, 'revocation'>): Promise<null> {
    await this.#deps.keys.revoke(tenant, keyId, revokedMs, expiresMs);
    return null;
  }

  async control({ control, partitions }: Pick<ControlCall, 'control' | 'partitions'>): Promise<null> {
    const record = encodeControl(control);
    await Promise.all(partitions.map((partition) => this.#deps.send(partition, record)));
    await this.#arm(LIMITS.wakeGapMs);
    return null;
  }

  /** The alarm has fired, or cron asks: one run, then the alarm is armed. Never rejects. */
  async wake(): Promise<null> {
    const { alarm, clock } = this.#deps;
    const before = this.#positions();
    await this.#run();
    const setMs = await alarm.get();
    this.#alarmMs = setMs !== null && setMs > clock.nowMs() ? setMs : undefined;
    await this.#arm(before !== this.#positions() ? LIMITS.fedPollMs : undefined);
    return null;
  }

  #positions(): number {
    let sum = 0;
    for (const owned of this.#owned.values()) sum += owned.position;
    return sum;
  }

  /** What was in the log when this was called is taken, or the read says so: it is asked again then. */
  async #catchUp(): Promise<void> {
    // A run that is under way may have looked before.
    this.#following ??= (this.#running ?? Promise.resolve()).then(() => {
      this.#following = undefined;
      return this.#run();
    });
    await this.#following;
    await this.#arm(undefined);
  }

  #isCaughtUp(): boolean {
    return this.#owned.size === this.#deps.own.length && this.#lag() === 0;
  }

  #lag(): number {
    let sum = 0;
    for (const owned of this.#owned.values()) sum += owned.lag;
    return sum;
  }

  /** One at a time. Never rejects; nothing of it is under way when it resolves. */
  #run(): Promise<void> {
    this.#running ??= this.#bounded().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #bounded(): Promise<void> {
    const { clock, telemetry, budget } = this.#deps;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = clock.schedule(LIMITS.fedRunMs, () => reject(new MetricStreamError('unavailable', 'The run took too long.')));
    budget.begin(clock.nowMs());
    try {
      await Promise.race([this.#consume(), late]);
    } catch (error) {
      telemetry.count('metricstream_consumer_failures_total');
      telemetry.log('error', 'a shard could not consume; it begins anew at its last checkpoint', { error: String(error) });
      const owned = this.#owned;
      this.#owned = new Map();
      this.#life += 1;
      await Promise.all([...owned.values()].map((one) => one.stop(false)));
    } finally {
      cancel();
      await this.#register();
    }
  }

  async #consume(): Promise<void> {
    const { own, look } = this.#deps;
    const missing = own.filter((partition) => !this.#owned.has(partition));
    await Promise.all(missing.map((partition) => this.#open(partition)));
    if (missing.length < own.length) await look();
    const all = [...this.#owned.values()];
    await Promise.all(all.map((one) => one.round()));
    await Promise.all([...this.#ticks]);
    await Promise.all(all.map((one) => one.settled()));
    for (const { failed } of all) if (failed !== undefined) throw failed;
  }

  async #open(partition: number): Promise<void> {
    const life = this.#life;
    const { budget, log, headBytesMax, own } = this.#deps;
    const owned = new OwnedPartition(partition, 0, {
      ...this.#deps,
      log: within(log, budget),
      headBytesMax: headBytesMax / own.length,
      // The platform runs one object of a name, and what an older life of it still writes to its database is refused.
      mayWrite: () => true,
      seen: (client, push) => this.#hub.seen(client, push),
      tick: (one) => this.#tick(one),
    });
    try {
      await owned.start(false);
    } catch (error) {
      await owned.stop(false);
      throw error;
    }
    if (life === this.#life) this.#owned.set(partition, owned);
    else await owned.stop(false);
  }

  /** One that is lost is followed by the next. */
  #tick(partition: number): void {
    const tick = this.#deps
      .send(partition, encodeTick())
      .catch(() => undefined)
      .finally(() => this.#ticks.delete(tick));
    this.#ticks.add(tick);
  }

  /** @param soonMs in how long there is likely something in the log; undefined: nothing is known of that. */
  async #arm(soonMs: number | undefined): Promise<void> {
    const { alarm, clock, telemetry } = this.#deps;
    const nowMs = clock.nowMs();
    const owned = [...this.#owned.values()];
    const behind = this.#lag() > 0 ? nowMs : Number.POSITIVE_INFINITY;
    const soon = nowMs + (soonMs ?? Number.POSITIVE_INFINITY);
    const dueMs = Math.max(Math.min(behind, soon, ...owned.map((one) => one.nextDueMs())), nowMs + LIMITS.wakeGapMs);
    // Each alarm that is set is billed as a row: one that comes a little early is left.
    if (dueMs === Number.POSITIVE_INFINITY || (this.#alarmMs !== undefined && this.#alarmMs <= dueMs + LIMITS.wakeGapMs)) return;
    this.#alarmMs = dueMs;
    try {
      await alarm.set(dueMs);
    } catch (error) {
      // Cron wakes it all the same.
      this.#alarmMs = undefined;
      telemetry.log('error', 'the alarm could not be set', { error: String(error) });
    }
  }

  async #register(): Promise<void> {
    if (this.#isRegistered) return;
    try {
      for (const revocation of await this.#deps.register()) await this.revoke({ revocation });
      this.#isRegistered = true;
    } catch {
      // The next run tries again.
    }
  }
}

/** Reads no more once the budget of a run is used up: the next run goes on. */
function within(log: PartitionLog, budget: RunBudget): PartitionLog {
  return {
    async open(partition, arrived) {
      const reader = await log.open(partition, arrived);
      return {
        end: () => reader.end(),
        close: () => reader.close(),
        read(from, bytesMax) {
          if (!budget.mayRead()) return [];
          const reading = reader.read(from, bytesMax);
          if (reading instanceof Promise) budget.spent();
          return reading;
        },
      };
    },
    close: () => log.close(),
  };
}

/** The store is that of all shards: each tells of its own clients. */
function storeOf(store: TimeSeriesStore, isOwn: (tenant: string, client: string) => boolean): TimeSeriesStore {
  return {
    lastSampleMs: (tenant, client) => store.lastSampleMs(tenant, client),
    readSamples: (range) => store.readSamples(range),
    readWindows: (range, resolution) => store.readWindows(range, resolution),
    retain: (retention, rowsMax) => store.retain(retention, rowsMax),
    async clients(tenant, after, max) {
      for (let last: string | undefined = after; last !== undefined; ) {
        const page: string[] = await store.clients(tenant, last, max);
        const own = page.filter((client) => isOwn(tenant, client));
        if (own.length > 0) return own;
        last = page.at(-1);
      }
      return [];
    },
  };
}
