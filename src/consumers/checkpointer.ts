/** Saves the state of partitions, one after the other, together with what they let go of. */
import { LIMITS } from '../model/limits.ts';
import type { CheckpointStore } from '../ports/checkpoint-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TimeSeriesStore } from '../ports/time-series-store.ts';
import type { WindowSink } from '../ports/window-sink.ts';
import { type DecodedCheckpoint, decodeCheckpoint, encodeCheckpoint, NO_ALERTS } from './checkpoint.ts';
import type { ClientState } from './client-state.ts';
import type { Courier } from './courier.ts';
import { dueClients, sealAgeMs } from './due.ts';
import type { Pace } from './pace.ts';
import type { Pipeline } from './pipeline.ts';
import { applySeal, planSeal, type SealPlan } from './seal.ts';
import type { SeenShape } from './seen-series.ts';
import type { Slices } from './slices.ts';

export interface CheckpointerDependencies {
  readonly clock: Clock;
  readonly store: TimeSeriesStore;
  readonly checkpoints: CheckpointStore;
  readonly sink: WindowSink;
  readonly telemetry: Telemetry;
  readonly pipelines: readonly Pipeline[];
  /** Left out: there are no alerts. */
  readonly courier?: Courier | undefined;
  /** The series of a client that hold a place: they go with its checkpoint. */
  seenOf(client: ClientState): readonly SeenShape[];
  /** Told of every client of a checkpoint, with the series that held a place then. */
  restored(client: ClientState, seen: readonly SeenShape[]): void;
  readonly headBytesMax: number;
  readonly pace: Pick<Pace, 'checkpointMs'>;
}

/** From this share of their bound on, heads are sealed earlier. */
const HEAD_PRESSURE = 2 / 3;
const NO_BATCH = { raw: [], windows: [] };
const NOTHING: DecodedCheckpoint = { logMs: 0, clients: [], seen: new Map(), idle: [], alerts: NO_ALERTS };

/** A partition, and what of it is durable. */
interface Saved {
  readonly pipeline: Pipeline;
  /** Everything before this offset may be deleted from the log. */
  safeOffset: number;
  position: number;
  logMs: number;
}

export class Checkpointer {
  readonly #deps: CheckpointerDependencies;
  readonly #slices: Slices;
  /** By partition. */
  readonly #saved: Saved[] = [];
  /** Partitions that are saved by the checkpoints of others, up to this position. */
  #idleAt = new Map<number, number>();
  /** Where the last partition ends its replay: before that no head is whole, and nothing is saved. */
  #replayUntil = 0;
  /** Heads were refilled, and the sink has been told what they hold: the last owner may not have come to that. */
  #retold = false;
  /** The sink is to be told again what the heads hold, at the next turn. */
  retells = false;
  #turn = 0;
  #turnAtMs = 0;
  #headBytes = 0;
  /** The log is past its size: partitions let go of it as soon as they can, silent ones too. */
  pressed = false;

  constructor(deps: CheckpointerDependencies, slices: Slices) {
    this.#deps = deps;
    this.#slices = slices;
    for (const pipeline of deps.pipelines) this.#saved[pipeline.partition] = { pipeline, safeOffset: 0, position: 0, logMs: 0 };
  }

  get headBytes(): number {
    return this.#headBytes;
  }

  /** Everything before this may be deleted from the log. */
  get safeOffset(): number {
    return this.#deps.pipelines.reduce(
      (least, { partition }) => Math.min(least, this.safeOffsetOf(partition)),
      Number.POSITIVE_INFINITY,
    );
  }

  /** The same of one partition; Infinity of one that is none of these. */
  safeOffsetOf(partition: number): number {
    return this.#saved[partition]?.safeOffset ?? Number.POSITIVE_INFINITY;
  }

  pipelineOf(partition: number): Pipeline | undefined {
    return this.#saved[partition]?.pipeline;
  }

  /** Takes over the checkpoints; call once, before anything else. @throws corrupt_data | schema_newer */
  async restore(): Promise<void> {
    const { pipelines, checkpoints, clock } = this.#deps;
    const loaded = await Promise.all(pipelines.map(({ partition }) => checkpoints.load(partition)));
    const states = loaded.map((saved) => (saved === undefined ? NOTHING : decodeCheckpoint(saved.state)));
    const idle = states.flatMap((state) => state.idle);
    for (const [i, pipeline] of pipelines.entries()) {
      const { logMs, clients, seen, alerts } = states[i] ?? NOTHING;
      let { position, safeOffset } = loaded[i] ?? { position: 0, safeOffset: 0 };
      for (const [partition, idleAt] of idle) {
        if (partition !== pipeline.partition || idleAt <= position) continue;
        this.#idleAt.set(partition, idleAt);
        position = idleAt;
        safeOffset = idleAt;
      }
      pipeline.restore(position, logMs, clients, alerts);
      for (const client of clients) this.#deps.restored(client, seen.get(client) ?? []);
      this.#replayUntil = Math.max(this.#replayUntil, position);
      this.#saved[pipeline.partition] = { pipeline, safeOffset, position, logMs };
    }
    this.#turnAtMs = clock.nowMs();
  }

  /** Partitions of which there may be something to save. */
  active(): Pipeline[] {
    const pressed = this.pressed || this.#headBytes > this.#deps.headBytesMax * HEAD_PRESSURE;
    return this.#deps.pipelines.filter((one) => pressed || this.#saved[one.partition]?.logMs !== one.logMs);
  }

  /** When the next turn comes, Unix ms. */
  nextTurnMs(active = this.active()): number {
    return this.#turnAtMs + this.#gapMs(active);
  }

  /** Between two turns of the active partitions. */
  #gapMs(active: readonly Pipeline[]): number {
    const { headBytesMax, pace } = this.#deps;
    const gapMs = pace.checkpointMs / Math.max(1, active.length);
    return gapMs * Math.min(1, Math.max(0, (1 - this.#headBytes / headBytesMax) * 4));
  }

  /** Partitions take turns, each once an interval; sooner when heads fill up. @param next the next offset to be taken. */
  async turn(next: number): Promise<void> {
    const { clock, headBytesMax } = this.#deps;
    if (next < this.#replayUntil) return;
    if (this.retells) await this.#retell();
    const nowMs = clock.nowMs();
    const active = this.active();
    if (Math.abs(nowMs - this.#turnAtMs) < this.#gapMs(active)) return;
    const pipeline = active.find(({ partition }) => partition > this.#turn) ?? active[0];
    this.#turnAtMs = nowMs;
    if (pipeline === undefined) return;
    this.#turn = pipeline.partition;
    await this.#save(pipeline, next, this.pressed ? 0 : sealAgeMs(this.#headBytes / headBytesMax));
  }

  /** Saves every partition. @param sealAge seals clients that were last sealed so long ago, ms: 0 all, Infinity none. */
  async saveAll(next: number, sealAge: number): Promise<void> {
    for (const pipeline of this.#deps.pipelines) await this.#save(pipeline, next, sealAge);
  }

  /** Seals the clients of a partition that are due and saves its state at the position reached. */
  async #save(pipeline: Pipeline, next: number, sealAge: number): Promise<void> {
    if (!this.#retold) await this.#retell();
    this.#headBytes = this.#deps.pipelines.reduce((sum, one) => sum + one.headBytes(), 0);
    const last = this.#saved[pipeline.partition];
    pipeline.position = Math.max(pipeline.position, next);
    pipeline.forgetSilent(this.#forgetMs());
    const due = dueClients(pipeline, sealAge);
    for (;;) {
      const plans = await this.#plan(pipeline, due);
      // A partition where nothing happened is saved only so often that a restart has little to read.
      const idle = plans.length === 0 && last?.logMs === pipeline.logMs;
      if (idle && pipeline.position - last.position < (this.pressed ? 1 : LIMITS.idleRecordsMax)) return;
      await this.#commit(pipeline, plans);
      if (due.length === 0) return;
      await this.#slices.pause();
    }
  }

  async #retell(): Promise<void> {
    for (const one of this.#deps.pipelines) await this.#tell(one.retell());
    this.#retold = true;
    this.retells = false;
  }

  /** Has the sink told of one thing after the other, and of no more at once than memory has room for. */
  async #tell(steps: Iterable<void>): Promise<void> {
    for (const _step of steps) {
      const crowded = this.#deps.sink.settled?.(LIMITS.sinkPointsWaitingMax);
      if (crowded !== undefined) await crowded;
      const over = this.#slices.step();
      if (over !== undefined) await over;
    }
  }

  /**
   * Partitions of which nothing has happened since they were saved, and nothing waits to be sealed: this checkpoint is theirs too.
   * What earlier ones said so of stays said, until a partition has a checkpoint of its own again: this one may replace them.
   */
  #idleBeside(own: Pipeline): Map<number, number> {
    const idleAt = new Map(this.#idleAt);
    idleAt.delete(own.partition);
    for (const one of this.#deps.pipelines) {
      const saved = this.#saved[one.partition];
      // Log time can stand still while something is told.
      const isIdle = saved?.logMs === one.logMs && saved.position >= one.controlledUntil;
      if (one !== own && isIdle && saved.position < own.position && !one.holdsUnsealed()) idleAt.set(one.partition, own.position);
    }
    return idleAt;
  }

  /** The more clients memory keeps, the sooner those that are silent are forgotten. */
  #forgetMs(): number {
    const clients = this.#deps.pipelines.reduce((sum, one) => sum + one.clients.size, 0);
    return clients > LIMITS.clientStatesCrowded ? LIMITS.seriesIdleMs : LIMITS.clientForgetMs;
  }

  /** Plans seals until the batch is large enough; takes them from `due`. */
  async #plan(pipeline: Pipeline, due: ClientState[]): Promise<SealPlan[]> {
    const plans: SealPlan[] = [];
    let samples = 0;
    while (due.length > 0 && samples < LIMITS.sealSamplesPerCommit) {
      const client = due.pop();
      if (client === undefined) break;
      const plan = await planSeal(client, pipeline.position, this.#deps.store, () => this.#slices.pause());
      plans.push(plan);
      samples += plan.samples;
    }
    return plans;
  }

  async #commit(pipeline: Pipeline, plans: readonly SealPlan[]): Promise<void> {
    const { checkpoints, telemetry, clock, sink } = this.#deps;
    const startedMs = clock.nowMs();
    const { partition, position, logMs } = pipeline;
    const sealed = new Map(plans.map((plan) => [plan.client, plan.after]));
    for (const { client } of plans) client.sealedAtMs = logMs;
    const idleAt = this.#idleBeside(pipeline);
    const alerts = pipeline.judging?.at();
    const stateWith = (after: typeof sealed) => {
      let safeOffset = position;
      for (const client of pipeline.clients.values())
        safeOffset = Math.min(safeOffset, client.head.safeOffset(after.get(client)?.sealedThroughMs));
      const state = encodeCheckpoint(logMs, pipeline.clients.values(), after, this.#deps.seenOf, [...idleAt], alerts);
      return { partition, position, safeOffset, state };
    };
    const batch = { raw: plans.flatMap((plan) => plan.raw), windows: plans.flatMap((plan) => plan.windows) };
    // What was decided before this position must not depend on being decided again.
    await this.#deps.courier?.settled();
    // What is sealed leaves the heads, from which alone it could be told again; of the rest only so much may wait that memory has room.
    await sink.settled?.(plans.length > 0 ? 0 : LIMITS.sinkPointsWaitingMax);
    // A store that is not written in one go with the checkpoint must never be ahead of it in minutes that are read back: first they are saved unsealed.
    if (sink.merged !== undefined && plans.some(({ late }) => late)) await checkpoints.commit(stateWith(new Map()), NO_BATCH);
    const checkpoint = stateWith(sealed);
    const { safeOffset } = checkpoint;
    await checkpoints.commit(checkpoint, batch);
    for (const plan of plans) applySeal(plan);
    this.#saved[partition] = { pipeline, safeOffset, position, logMs };
    this.#idleAt = idleAt;
    for (const [idle, at] of idleAt) {
      const saved = this.#saved[idle];
      if (saved !== undefined) Object.assign(saved, { safeOffset: at, position: at });
    }
    telemetry.count(
      'metricstream_samples_sealed_total',
      plans.reduce((sum, plan) => sum + plan.samples, 0),
    );
    telemetry.observe('metricstream_checkpoint_seconds', (clock.nowMs() - startedMs) / 1000);
    await this.#tell(pipeline.saved());
  }
}
