/** A shard: takes pushes for its partitions, logs them, and runs the consumer that windows and seals them. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { clientKey, partitionOf } from '../model/partition.ts';
import type { Push, PushId } from '../model/push.ts';
import type { CheckpointStore } from '../ports/checkpoint-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveFeed } from '../ports/live-feed.ts';
import type { LogRecord, MetricLog } from '../ports/metric-log.ts';
import type { MetricReader } from '../ports/metric-reader.ts';
import type { AppendOutcome, PushAppender } from '../ports/push-appender.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TimeSeriesStore } from '../ports/time-series-store.ts';
import type { WindowSink } from '../ports/window-sink.ts';
import { ByteWriter } from '../protocols/bytes.ts';
import { encodePush, encodeTick, type ShapeInterner } from '../protocols/log-record.ts';
import { admitSeries, lastAdmissions } from './admit.ts';
import { GroupCommit } from './append.ts';
import { Cardinality, type CardinalityLimits } from './cardinality.ts';
import { Consumer, type FreshRecord } from './consume.ts';
import { liveHub } from './live.ts';
import { type Disk, Maintenance, type RetentionOptions } from './maintenance.ts';
import { Pipeline } from './pipeline.ts';
import { metricReader } from './reader.ts';
import { BucketWindow, SlidingWindow } from './sliding-window.ts';

export interface ShardDependencies {
  readonly clock: Clock;
  readonly log: MetricLog;
  readonly store: TimeSeriesStore;
  readonly checkpoints: CheckpointStore;
  readonly sink: WindowSink;
  readonly telemetry: Telemetry;
  readonly shapes: ShapeInterner;
  readonly disk: Disk;
  readonly partitions: number;
  readonly lingerMs: number;
  readonly headBytesMax: number;
  readonly tenantRequestsPerSecond: number;
  readonly cardinality: CardinalityLimits;
  readonly retention: RetentionOptions;
}

interface Appended {
  readonly push: Push | undefined;
  readonly pushKey: string | undefined;
}

/** Heads may pass their bound by this factor before pushes are refused: sealing needs time to catch up. */
const HEAD_OVERLOAD = 1.5;

export class Shard implements PushAppender {
  readonly reader: MetricReader;
  readonly live: LiveFeed;
  readonly #deps: ShardDependencies;
  readonly #pipelines: readonly Pipeline[];
  readonly #consumer: Consumer;
  readonly #commits: GroupCommit<Appended>;
  readonly #maintenance: Maintenance;
  readonly #limiter = new SlidingWindow();
  readonly #tenantLimits = new Map<string, BucketWindow>();
  readonly #cardinality: Cardinality;
  readonly #partitionOf = new Map<string, number>();
  /** Push ids that are in the log but not yet in a ledger. */
  readonly #pending = new Map<string, number>();
  readonly #writer = new ByteWriter(4096);
  #state: 'starting' | 'open' | 'closed' = 'starting';
  /** The log's end at the start: until the consumer is there, heads are not what they were. */
  #startEnd = 0;

  constructor(deps: ShardDependencies) {
    const { clock, log, store, telemetry, sink } = deps;
    this.#deps = deps;
    const live = liveHub(clock);
    this.live = live;
    this.#pipelines = Array.from({ length: deps.partitions }, (_, partition) => {
      return new Pipeline(partition, { store, sink, telemetry, seen: (state, push) => live.seen(state, push) });
    });
    this.#consumer = new Consumer({
      ...deps,
      pipelines: this.#pipelines,
      consumed: (record) => this.#consumed(record),
    });
    this.#commits = new GroupCommit({
      clock,
      log,
      lingerMs: deps.lingerMs,
      committed: (items, records, first, appendMs) => this.#committed(items, records, first, appendMs),
    });
    this.#cardinality = new Cardinality(deps.cardinality);
    this.reader = metricReader({
      clock,
      store,
      pipelines: this.#pipelines,
      partitionOf: (key) => this.#partition(key),
      replayed: () => this.#replayed(),
    });
    this.#maintenance = new Maintenance({
      ...deps,
      consumer: this.#consumer,
      pipelines: this.#pipelines,
      tick: (partitions) => this.#tick(partitions),
      sweep: (nowMs) => this.#sweep(nowMs),
    });
    this.#gauges();
  }

  /** Takes over what is stored, then takes pushes; the consumer catches up behind that. */
  async start(): Promise<void> {
    this.#startEnd = this.#deps.log.end();
    await this.#consumer.restore();
    const stampMs = this.#deps.log.read(this.#startEnd - 1, 1)[0]?.appendMs ?? 0;
    this.#commits.startAt(stampMs);
    this.#refillLimits(Math.max(this.#deps.clock.nowMs(), stampMs));
    this.#state = 'open';
    void this.#consumer.kick();
    this.#maintenance.start();
  }

  /** Caught up with what was in the log at the start, and able to take pushes. */
  ready(): { ready: boolean; reason?: string } {
    if (this.#state !== 'open') return { ready: false, reason: this.#state };
    if (this.#consumer.failed !== undefined) return { ready: false, reason: 'the consumer fails' };
    if (this.#maintenance.full) return { ready: false, reason: 'storage_full' };
    const lag = this.#deps.log.end() - this.#consumer.position;
    const behind = !this.#replayed() || lag > LIMITS.readyLagRecordsMax;
    return behind ? { ready: false, reason: `catching up: ${lag} records` } : { ready: true };
  }

  #replayed(): boolean {
    return this.#state !== 'starting' && this.#consumer.position >= this.#startEnd;
  }

  async append(push: Push, requestsPerSecond: number): Promise<AppendOutcome> {
    const { clock, telemetry } = this.#deps;
    const refused = this.#refusal();
    if (refused !== undefined) return refused;
    const nowMs = clock.nowMs();
    const key = clientKey(push.tenant, push.client);
    const waitMs = this.#limiter.take(key, requestsPerSecond, nowMs) || this.#tenantWait(push.tenant, nowMs);
    if (waitMs > 0) return { kind: 'limited', retryAfterMs: waitMs };
    const admitted = admitSeries(push, this.#cardinality, this.#deps.shapes, nowMs);
    const partition = this.#partition(key);
    const pushKey = push.pushId === undefined ? undefined : pushKeyOf(key, push.pushId);
    const duplicate = pushKey !== undefined && this.#knows(partition, key, pushKey, push.pushId as PushId);
    if (pushKey !== undefined) this.#pending.set(pushKey, (this.#pending.get(pushKey) ?? 0) + 1);
    try {
      const bytes = encodePush(admitted.push, this.#writer);
      if (bytes.length > LIMITS.recordBytesMax)
        throw new MetricStreamError('body_too_large', `A record holds at most ${LIMITS.recordBytesMax} bytes.`);
      const offset = await this.#commits.add({ partition, bytes }, { push: admitted.push, pushKey });
      telemetry.observe('metricstream_append_seconds', (clock.nowMs() - nowMs) / 1000);
      return { kind: 'appended', offset, duplicate, rejected: admitted.rejected };
    } catch (error) {
      this.#forget(pushKey);
      throw error;
    }
  }

  /** Finishes what waits, seals and checkpoints. Pushes get `shutting_down` from here on. */
  async stop(): Promise<void> {
    this.#state = 'closed';
    this.#maintenance.stop();
    this.#commits.flush();
    await this.#consumer.drain();
  }

  #refusal(): AppendOutcome | undefined {
    if (this.#state !== 'open') return { kind: 'refused', code: 'shutting_down', retryAfterMs: LIMITS.retryMs };
    if (this.#maintenance.full) return { kind: 'refused', code: 'storage_full', retryAfterMs: LIMITS.freeCheckIntervalMs };
    const crowded =
      this.#commits.bytes > LIMITS.appendQueueBytesMax || this.#consumer.headBytes > this.#deps.headBytesMax * HEAD_OVERLOAD;
    return crowded ? { kind: 'refused', code: 'overloaded', retryAfterMs: LIMITS.retryMs } : undefined;
  }

  #tenantWait(tenant: string, nowMs: number): number {
    let window = this.#tenantLimits.get(tenant);
    if (window === undefined) {
      window = new BucketWindow();
      this.#tenantLimits.set(tenant, window);
    }
    return window.take(this.#deps.tenantRequestsPerSecond, nowMs);
  }

  #knows(partition: number, key: string, pushKey: string, pushId: PushId): boolean {
    return this.#pending.has(pushKey) || (this.#pipelines[partition]?.clients.get(key)?.ledger.knows(pushId) ?? false);
  }

  #partition(key: string): number {
    let partition = this.#partitionOf.get(key);
    if (partition === undefined) {
      if (this.#partitionOf.size >= LIMITS.checkpointClientsMax) this.#partitionOf.clear();
      partition = partitionOf(key, this.#deps.partitions);
      this.#partitionOf.set(key, partition);
    }
    return partition;
  }

  #committed(items: readonly Appended[], records: readonly LogRecord[], first: number, appendMs: number): void {
    const fresh = items.map(({ push }, i): FreshRecord => {
      const { partition, bytes } = records[i] as LogRecord;
      return { offset: first + i, partition, appendMs, push, bytes: bytes.length };
    });
    this.#deps.telemetry.count('metricstream_log_batches_total');
    this.#deps.telemetry.count('metricstream_log_records_total', items.length);
    this.#consumer.offer(fresh);
    this.#deps.clock.schedule(0, () => void this.#consumer.kick());
  }

  #consumed({ push, appendMs, offset }: FreshRecord): void {
    if (push === undefined) return;
    if (this.#state === 'open') {
      this.#deps.telemetry.observe('metricstream_pipeline_seconds', Math.max(0, this.#deps.clock.nowMs() - appendMs) / 1000);
    }
    if (push.pushId !== undefined) this.#forget(pushKeyOf(clientKey(push.tenant, push.client), push.pushId));
    // Later ones were counted when they were admitted.
    if (offset < this.#startEnd) this.#cardinality.admit(push.tenant, push.client, push.shape, appendMs);
  }

  #forget(pushKey: string | undefined): void {
    if (pushKey === undefined) return;
    const count = this.#pending.get(pushKey);
    if (count === undefined) return;
    if (count > 1) this.#pending.set(pushKey, count - 1);
    else this.#pending.delete(pushKey);
  }

  /** Log time has to move while windows are open: a tick for each partition that is silent. */
  #tick(partitions: readonly number[]): void {
    for (const partition of partitions) {
      // A tick that fails is missed by nobody: the next one follows.
      this.#commits.add({ partition, bytes: encodeTick() }, { push: undefined, pushKey: undefined }).catch(() => undefined);
    }
  }

  #sweep(nowMs: number): void {
    this.#limiter.sweep(nowMs);
    this.#cardinality.sweep(nowMs - LIMITS.seriesIdleMs);
  }

  /** Counts the admissions of the last second, which the log holds, so that a restart opens no gap in the limit. */
  #refillLimits(nowMs: number): void {
    const { log, shapes } = this.#deps;
    const sinceMs = nowMs - LIMITS.limitWindowMs;
    for (const [key, appendMs] of lastAdmissions(log, shapes, sinceMs)) this.#limiter.note(key, appendMs);
  }

  #gauges(): void {
    const { telemetry, log } = this.#deps;
    telemetry.gauge('metricstream_consumer_lag_records', () => log.end() - this.#consumer.position);
    telemetry.gauge('metricstream_head_bytes', () => this.#pipelines.reduce((sum, pipeline) => sum + pipeline.headBytes(), 0));
    telemetry.gauge('metricstream_clients', () => this.#pipelines.reduce((sum, pipeline) => sum + pipeline.clients.size, 0));
    telemetry.gauge('metricstream_log_safe_offset', () => this.#consumer.safeOffset);
    telemetry.gauge('metricstream_log_end_offset', () => log.end());
  }
}

function pushKeyOf(key: string, pushId: PushId): string {
  return `${key} ${pushId.boot} ${pushId.sequence}`;
}
