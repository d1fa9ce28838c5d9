/** A shard: takes pushes for its partitions, logs them, and runs the consumer that windows and seals them. */
import type { AlertControl } from '../model/alert.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { partitionOf } from '../model/partition.ts';
import type { Push, PushId } from '../model/push.ts';
import type { JudgeFactory } from '../ports/alert-judge.ts';
import type { CheckpointStore } from '../ports/checkpoint-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveFeed } from '../ports/live-feed.ts';
import type { MetricLog } from '../ports/metric-log.ts';
import type { MetricReader } from '../ports/metric-reader.ts';
import type { AppendOutcome, PushAppender } from '../ports/push-appender.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TimeSeriesStore } from '../ports/time-series-store.ts';
import type { TransitionSink } from '../ports/transition-sink.ts';
import type { WindowSink } from '../ports/window-sink.ts';
import { ByteWriter } from '../protocols/bytes.ts';
import { encodePush, type ShapeInterner } from '../protocols/log-record.ts';
import { admitSeries, lastAdmissions } from './admit.ts';
import { GroupCommit, type Linger } from './append.ts';
import type { CardinalityLimits } from './cardinality.ts';
import { Consumer, type FreshRecord } from './consume.ts';
import { Courier } from './courier.ts';
import { type ClientIntake, Intake } from './intake.ts';
import { judgingOf } from './judging.ts';
import { liveHub } from './live.ts';
import { type Disk, Maintenance, type RetentionOptions } from './maintenance.ts';
import type { Pace } from './pace.ts';
import { PendingControl, PendingPush, PendingTick } from './pending.ts';
import { Pipeline } from './pipeline.ts';
import { metricReader } from './reader.ts';
import { type SeenShape, seenShapes } from './seen-series.ts';

export interface ShardDependencies {
  readonly clock: Clock;
  readonly log: MetricLog;
  readonly store: TimeSeriesStore;
  readonly checkpoints: CheckpointStore;
  readonly sink: WindowSink;
  /** Alert rules; left out: none. */
  readonly judge?: JudgeFactory | undefined;
  readonly transitions?: TransitionSink | undefined;
  readonly telemetry: Telemetry;
  readonly shapes: ShapeInterner;
  readonly disk: Disk;
  readonly partitions: number;
  readonly linger: Linger;
  readonly headBytesMax: number;
  readonly tenantRequestsPerSecond: number;
  readonly cardinality: CardinalityLimits;
  readonly retention: RetentionOptions;
  readonly pace: Pace;
}

/** Heads may pass their bound by this factor before pushes are refused: sealing needs time to catch up. */
const HEAD_OVERLOAD = 1.5;

export class Shard implements PushAppender {
  readonly reader: MetricReader;
  readonly live: LiveFeed;
  readonly #deps: ShardDependencies;
  readonly #pipelines: readonly Pipeline[];
  readonly #consumer: Consumer;
  readonly #commits: GroupCommit<PendingPush | PendingTick | PendingControl>;
  readonly #maintenance: Maintenance;
  readonly #intake: Intake;
  readonly #writer = new ByteWriter(4096);
  #state: 'starting' | 'open' | 'closed' = 'starting';
  /** The log's end at the start: until the consumer is there, heads are not what they were. */
  #startEnd = 0;

  constructor(deps: ShardDependencies) {
    const { clock, log, store, telemetry, sink } = deps;
    this.#deps = deps;
    const live = liveHub(clock, deps.pace.liveMs);
    this.live = live;
    this.#pipelines = Array.from({ length: deps.partitions }, (_, partition) => {
      const judging = judgingOf(deps, partition);
      return new Pipeline(partition, { store, sink, telemetry, judging, seen: (state, push) => live.seen(state, push) });
    });
    this.#consumer = new Consumer({
      ...deps,
      pipelines: this.#pipelines,
      courier: new Courier(deps.transitions, telemetry),
      consumed: (record) => this.#consumed(record),
      seenOf: ({ tenant, client }) => seenShapes(this.#intake.find(tenant, client)?.series),
      restored: ({ tenant, client }, seen) => this.#restored(tenant, client, seen),
    });
    this.#commits = new GroupCommit({
      clock,
      log,
      linger: deps.linger,
      enough: deps.pace.commitRecords,
      committed: (batch, first, appendMs) => this.#committed(batch, first, appendMs),
    });
    this.#intake = new Intake({
      limits: deps.cardinality,
      partitions: deps.partitions,
      keeps: ({ partition, key }) => this.#pipelines[partition]?.clients.has(key) ?? false,
    });
    this.reader = metricReader({
      clock,
      store,
      pipelines: () => this.#pipelines,
      allHere: () => true,
      readsAhead: 1,
      pipelineOf: (key) => this.#pipelines[partitionOf(key, deps.partitions)],
      replayed: () => this.#replayed(),
    });
    this.#maintenance = new Maintenance({
      ...deps,
      consumer: this.#consumer,
      pipelines: this.#pipelines,
      tick: (partitions) => this.#tick(partitions),
      sweep: (nowMs) => this.#intake.sweep(nowMs - LIMITS.seriesIdleMs),
    });
    this.#gauges();
  }

  /**
   * Takes over what is stored, then takes pushes; the consumer catches up behind that.
   * @param timed whether the shard wakes itself each second; else its host calls `round` at `nextDueMs`.
   */
  async start(timed = true): Promise<void> {
    this.#startEnd = this.#deps.log.end();
    await this.#consumer.restore();
    const stampMs = this.#deps.log.read(this.#startEnd - 1, 1)[0]?.appendMs ?? 0;
    this.#commits.startAt(stampMs);
    this.#refillLimits(Math.max(this.#deps.clock.nowMs(), stampMs));
    this.#state = 'open';
    void this.#consumer.kick();
    this.#maintenance.start(timed);
  }

  /** When `round` has something to do, Unix ms. */
  nextDueMs(): number {
    return this.#maintenance.nextDueMs();
  }

  /** Takes what is in the log: a read after this sees every push that was answered before. Never rejects. */
  catchUp(): Promise<void> {
    return this.#consumer.kick();
  }

  /** Does what is due by the clock. Never rejects. */
  async round(): Promise<void> {
    await this.#maintenance.round();
    // Ticks are not answered, and need not linger.
    await this.#commits.flush();
    await this.#consumer.kick();
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

  append(push: Push, requestsPerSecond: number): Promise<AppendOutcome> {
    const refused = this.#refusal();
    if (refused !== undefined) return Promise.resolve(refused);
    const nowMs = this.#deps.clock.nowMs();
    const client = this.#intake.enter(push.tenant, push.client);
    if (client === undefined) return Promise.resolve({ kind: 'crowded' });
    const waitMs =
      client.rate.take(requestsPerSecond, nowMs) || client.tenant.rate.take(this.#deps.tenantRequestsPerSecond, nowMs);
    if (waitMs > 0) return Promise.resolve({ kind: 'limited', retryAfterMs: waitMs });
    return new Promise((resolve, reject) => {
      const admitted = admitSeries(push, client, this.#deps.shapes, nowMs);
      const bytes = encodePush(admitted.push, this.#writer);
      if (bytes.length > LIMITS.recordBytesMax)
        throw new MetricStreamError('body_too_large', `A record holds at most ${LIMITS.recordBytesMax} bytes.`);
      const { pushId } = push;
      const duplicate = pushId !== undefined && this.#knows(client, pushId);
      if (pushId !== undefined) client.sent(pushId);
      this.#commits.add(new PendingPush({ admitted, client, bytes, duplicate, startedMs: nowMs, resolve, reject }));
    });
  }

  /** Finishes what waits, seals and checkpoints. Pushes get `shutting_down` from here on. */
  async stop(): Promise<void> {
    this.#state = 'closed';
    this.#maintenance.stop();
    await this.#commits.flush();
    await this.#consumer.drain();
  }

  /** Tells the alert rules of partitions, of all of them by default; resolves when that is durable. @throws shutting_down, or what the log throws: tell it again. */
  async control(
    control: AlertControl,
    partitions: readonly number[] = this.#pipelines.map(({ partition }) => partition),
  ): Promise<void> {
    if (this.#state !== 'open') throw new MetricStreamError('shutting_down');
    const told = partitions.map((partition) => {
      const done = Promise.withResolvers<void>();
      this.#commits.add(new PendingControl(partition, control, done));
      return done.promise;
    });
    await Promise.all(told);
  }

  #refusal(): AppendOutcome | undefined {
    if (this.#state !== 'open') return { kind: 'refused', code: 'shutting_down', retryAfterMs: LIMITS.retryMs };
    if (this.#maintenance.full) return { kind: 'refused', code: 'storage_full', retryAfterMs: LIMITS.freeCheckIntervalMs };
    const crowded =
      this.#commits.bytes > LIMITS.appendQueueBytesMax || this.#consumer.headBytes > this.#deps.headBytesMax * HEAD_OVERLOAD;
    return crowded ? { kind: 'refused', code: 'overloaded', retryAfterMs: LIMITS.retryMs } : undefined;
  }

  #knows(client: ClientIntake, pushId: PushId): boolean {
    if (client.isInFlight(pushId)) return true;
    return this.#pipelines[client.partition]?.clients.get(client.key)?.ledger.knows(pushId) ?? false;
  }

  #committed(batch: readonly (PendingPush | PendingTick | PendingControl)[], first: number, appendMs: number): void {
    const { telemetry, clock } = this.#deps;
    const nowMs = clock.nowMs();
    const fresh = batch.map((one, i): FreshRecord => {
      const { partition, bytes } = one.record;
      if (one.startedMs !== undefined) telemetry.observe('metricstream_append_seconds', (nowMs - one.startedMs) / 1000);
      return { offset: first + i, partition, appendMs, push: one.push, control: one.control, key: one.key, bytes: bytes.length };
    });
    telemetry.count('metricstream_log_batches_total');
    telemetry.count('metricstream_log_records_total', batch.length);
    this.#consumer.offer(fresh);
    clock.schedule(0, this.#kick);
  }

  readonly #kick = (): void => void this.#consumer.kick();

  #consumed({ push, appendMs, offset }: FreshRecord): void {
    if (push === undefined) return;
    if (this.#state === 'open') {
      this.#deps.telemetry.observe('metricstream_pipeline_seconds', Math.max(0, this.#deps.clock.nowMs() - appendMs) / 1000);
    }
    // Later ones were counted when they were admitted.
    if (offset < this.#startEnd) this.#intake.meet(push.tenant, push.client, true).admit(push.shape, appendMs);
    else if (push.pushId !== undefined) this.#intake.find(push.tenant, push.client)?.settled(push.pushId);
  }

  /** The series that a client had before the start hold their places again. */
  #restored(tenant: string, client: string, seen: readonly SeenShape[]): void {
    const known = this.#intake.meet(tenant, client, true);
    for (const { shape, seenMs } of seen) known.admit(this.#deps.shapes.internBytes(shape), seenMs);
  }

  /** Log time has to move while windows are open: a tick for each partition that is silent. */
  #tick(partitions: readonly number[]): void {
    for (const partition of partitions) this.#commits.add(new PendingTick(partition));
  }

  /** Counts the admissions of the last second, which the log holds, so that a restart opens no gap in the limit. */
  #refillLimits(nowMs: number): void {
    const { log, shapes } = this.#deps;
    const sinceMs = nowMs - LIMITS.limitWindowMs;
    for (const [push, appendMs] of lastAdmissions(log, shapes, sinceMs)) {
      const client = this.#intake.meet(push.tenant, push.client, true);
      client.rate.note(appendMs);
      client.tenant.rate.note(appendMs);
    }
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
