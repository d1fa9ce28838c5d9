/** The consumer of a shard: takes records in order through their pipelines, in slices, and checkpoints as it goes. */
import { LIMITS } from '../model/limits.ts';
import { clientKey } from '../model/partition.ts';
import type { Push } from '../model/push.ts';
import type { CheckpointStore } from '../ports/checkpoint-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { MetricLog, StoredRecord } from '../ports/metric-log.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TimeSeriesStore } from '../ports/time-series-store.ts';
import { decodeRecord, type ShapeInterner } from '../protocols/log-record.ts';
import { type DecodedCheckpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import type { ClientState } from './client-state.ts';
import { dueClients, sealAgeMs } from './due.ts';
import type { Pace } from './pace.ts';
import type { Pipeline } from './pipeline.ts';
import { applySeal, planSeal, type SealPlan } from './seal.ts';
import type { SeenShape } from './seen-series.ts';

/** A record just appended, still decoded; a tick has no push. */
export interface FreshRecord {
  readonly offset: number;
  readonly partition: number;
  readonly appendMs: number;
  readonly push: Push | undefined;
  /** Of the client that pushed; empty for a tick. */
  readonly key: string;
  readonly bytes: number;
}

export interface ConsumerDependencies {
  readonly clock: Clock;
  readonly log: MetricLog;
  readonly store: TimeSeriesStore;
  readonly checkpoints: CheckpointStore;
  readonly telemetry: Telemetry;
  readonly shapes: ShapeInterner;
  readonly pipelines: readonly Pipeline[];
  /** Told of every record, in replay too, once it has been taken. */
  consumed(record: FreshRecord): void;
  /** The series of a client that hold a place: they go with its checkpoint. */
  seenOf(client: ClientState): readonly SeenShape[];
  /** Told of every client of a checkpoint, with the series that held a place then. */
  restored(client: ClientState, seen: readonly SeenShape[]): void;
  readonly headBytesMax: number;
  readonly pace: Pick<Pace, 'checkpointMs'>;
}

/** From this share of their bound on, heads are sealed earlier. */
const HEAD_PRESSURE = 2 / 3;
const NOTHING: DecodedCheckpoint = { logMs: 0, clients: [], seen: new Map(), idle: [] };
/** How often the consumer looks at the clock. */
const RECORDS_BETWEEN_LOOKS = 16;

export class Consumer {
  readonly #deps: ConsumerDependencies;
  /** The next offset to take. */
  #next = 0;
  #tail: FreshRecord[] = [];
  #tailBytes = 0;
  /** The offset that `offer` has to go on with: the one after all that was taken or is queued. */
  #expected = 0;
  #running: Promise<void> | undefined;
  /** Where the last partition ends its replay: before that no head is whole, and nothing is saved. */
  #replayUntil = 0;
  #turn = 0;
  #turnAtMs = 0;
  /** Per partition: the safe offset that is durable, and what was committed last. */
  readonly #safe: number[];
  readonly #committed: { position: number; logMs: number }[];
  /** Partitions that are saved by the checkpoints of others, up to this position. */
  #idleAt = new Map<number, number>();
  #headBytes = 0;
  /** Lost records before this offset have been told. */
  #lostTold = 0;
  failed: unknown;
  /** The log is past its size: partitions let go of it as soon as they can, silent ones too. */
  pressed = false;

  constructor(deps: ConsumerDependencies) {
    this.#deps = deps;
    this.#safe = deps.pipelines.map(() => 0);
    this.#committed = deps.pipelines.map(() => ({ position: 0, logMs: 0 }));
  }

  get position(): number {
    return this.#next;
  }

  get headBytes(): number {
    return this.#headBytes;
  }

  /** Everything before this may be deleted from the log. */
  get safeOffset(): number {
    return Math.min(...this.#safe);
  }

  get caughtUp(): boolean {
    return this.#next >= this.#deps.log.end();
  }

  /** Takes over the checkpoints; call once, before anything else. @throws corrupt_data | schema_newer */
  async restore(): Promise<void> {
    const { pipelines, checkpoints } = this.#deps;
    const loaded = await Promise.all(pipelines.map(({ partition }) => checkpoints.load(partition)));
    const states = loaded.map((saved) => (saved === undefined ? NOTHING : decodeCheckpoint(saved.state)));
    const idle = states.flatMap((state) => state.idle);
    for (const [i, pipeline] of pipelines.entries()) {
      const { logMs, clients, seen } = states[i] ?? NOTHING;
      let { position, safeOffset } = loaded[i] ?? { position: 0, safeOffset: 0 };
      for (const [partition, idleAt] of idle) {
        if (partition !== pipeline.partition || idleAt <= position) continue;
        this.#idleAt.set(partition, idleAt);
        position = idleAt;
        safeOffset = idleAt;
      }
      pipeline.restore(position, logMs, clients);
      for (const client of clients) this.#deps.restored(client, seen.get(client) ?? []);
      this.#replayUntil = Math.max(this.#replayUntil, position);
      this.#safe[pipeline.partition] = safeOffset;
      this.#committed[pipeline.partition] = { position, logMs };
    }
    this.#next = Math.min(this.#deps.log.end(), this.safeOffset);
    this.#expected = this.#next;
    this.#turnAtMs = this.#deps.clock.nowMs();
  }

  /** Hands over records straight from the commit, so that they need not be read back. Ignored when they do not follow on. */
  offer(records: readonly FreshRecord[]): void {
    const [first] = records;
    if (first === undefined) return;
    if (first.offset !== this.#expected || this.#tailBytes > LIMITS.tailBytesMax) return;
    for (const record of records) {
      this.#tail.push(record);
      this.#tailBytes += record.bytes;
    }
    this.#expected += records.length;
  }

  /** Starts a run unless one is under way. A failure is kept in `failed`, told, and tried again at the next kick. */
  kick(): Promise<void> {
    this.#running ??= this.#run()
      .then(() => {
        this.failed = undefined;
      })
      .catch((error: unknown) => {
        this.failed = error;
        this.#dropTail();
        this.#deps.telemetry.count('metricstream_consumer_failures_total');
        this.#deps.telemetry.log('error', 'the consumer stopped; it will try again', { error: String(error) });
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  #dropTail(): void {
    this.#tail = [];
    this.#tailBytes = 0;
    this.#expected = this.#next;
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    let sliceEndMs = clock.nowMs() + LIMITS.sliceMs;
    let taken = 0;
    for (;;) {
      const records = this.#take();
      if (records.length === 0) break;
      for (let i = 0; i < records.length; i++) {
        const record = records[i] as FreshRecord;
        const pending = this.#one(record);
        if (pending !== undefined) await pending;
        taken += 1;
        const look = i % RECORDS_BETWEEN_LOOKS === 0 && (taken >= LIMITS.sliceRecordsMax || clock.nowMs() >= sliceEndMs);
        if (look) {
          await this.#pause();
          sliceEndMs = clock.nowMs() + LIMITS.sliceMs;
          taken = 0;
        }
      }
      await this.#checkpointIfDue();
    }
    await this.#checkpointIfDue();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.clock.schedule(0, resolve);
    });
  }

  /** The records that follow, from memory where they are there, else from the log. */
  #take(): readonly FreshRecord[] {
    const [first] = this.#tail;
    if (first !== undefined && first.offset <= this.#next) {
      const records = this.#tail;
      this.#tail = [];
      this.#tailBytes = 0;
      return records;
    }
    const until = first?.offset ?? Number.POSITIVE_INFINITY;
    const stored = this.#deps.log.read(this.#next, LIMITS.readBatchBytesMax).filter((record) => record.offset < until);
    if (first === undefined) this.#expected = (stored[stored.length - 1]?.offset ?? this.#next - 1) + 1;
    this.#tellLost(stored);
    return stored.map(({ offset, partition, appendMs, bytes, lost }) => {
      const push = lost === true ? undefined : this.#decode(bytes, offset);
      const key = push === undefined ? '' : clientKey(push.tenant, push.client);
      return { offset, partition, appendMs, push, key, bytes: bytes.length };
    });
  }

  /** Counts and tells what is lost with damaged batches: how much, since whose it was is not known. */
  #tellLost(stored: readonly StoredRecord[]): void {
    // What a run that failed has told is not told again.
    const lost = stored.filter((record) => record.lost === true && record.offset >= this.#lostTold);
    // Of offsets that follow on, the distance to their place is the same.
    for (const run of Map.groupBy(lost, ({ offset }, place) => offset - place).values()) {
      const first = run[0]?.offset ?? 0;
      this.#lostTold = first + run.length;
      this.#deps.telemetry.count('metricstream_log_records_lost_total', run.length);
      this.#deps.telemetry.log('error', 'damaged records of the log are passed over', { first, last: this.#lostTold - 1 });
    }
  }

  /** A record that cannot be read is counted and passed over: the partition goes on. */
  #decode(bytes: Uint8Array, offset: number): Push | undefined {
    try {
      const entry = decodeRecord(bytes, this.#deps.shapes);
      return entry.type === 'push' ? entry.push : undefined;
    } catch (error) {
      this.#deps.telemetry.count('metricstream_poison_records_total');
      this.#deps.telemetry.log('error', 'a record cannot be read and is passed over', { offset, error: String(error) });
      return undefined;
    }
  }

  /** @returns a promise only when the store has to be read first. */
  #one(record: FreshRecord): Promise<void> | undefined {
    const pipeline = this.#deps.pipelines[record.partition];
    const safe = this.#safe[record.partition] as number;
    if (pipeline === undefined || record.offset < safe) {
      this.#next = record.offset + 1;
      return undefined;
    }
    if (record.offset >= pipeline.replayUntil) pipeline.advanceLog(record.appendMs);
    const { push } = record;
    const pending = push === undefined ? undefined : pipeline.prepare(record.key, push, record.offset);
    if (pending === undefined) {
      this.#finish(record, pipeline);
      return undefined;
    }
    return pending.then(() => this.#finish(record, pipeline));
  }

  #finish(record: FreshRecord, pipeline: Pipeline): void {
    if (record.push !== undefined) pipeline.apply(record.key, record.push, record.offset);
    this.#next = record.offset + 1;
    this.#deps.consumed(record);
  }

  /** When there is something to do, Unix ms: the next turn, where records wait or log time has moved; Infinity else. */
  nextDueMs(): number {
    // A kick is on its way for what was just appended; should it be lost with the process, the log still has it at the next turn.
    const active = this.#active();
    return this.caughtUp && active.length === 0 ? Number.POSITIVE_INFINITY : this.#turnAtMs + this.#gapMs(active);
  }

  /** Partitions of which there may be something to save. */
  #active(): Pipeline[] {
    const pressed = this.pressed || this.#headBytes > this.#deps.headBytesMax * HEAD_PRESSURE;
    return this.#deps.pipelines.filter((one) => pressed || this.#committed[one.partition]?.logMs !== one.logMs);
  }

  /** Between two turns of the active partitions. */
  #gapMs(active: readonly Pipeline[]): number {
    const { headBytesMax, pace } = this.#deps;
    const gapMs = pace.checkpointMs / Math.max(1, active.length);
    return gapMs * Math.min(1, Math.max(0, (1 - this.#headBytes / headBytesMax) * 4));
  }

  /** Partitions take turns, each once an interval; sooner when heads fill up. */
  async #checkpointIfDue(): Promise<void> {
    const { clock, headBytesMax } = this.#deps;
    const nowMs = clock.nowMs();
    const active = this.#active();
    if (Math.abs(nowMs - this.#turnAtMs) < this.#gapMs(active) || this.#next < this.#replayUntil) return;
    const pipeline = active.find(({ partition }) => partition > this.#turn) ?? active[0];
    this.#turnAtMs = nowMs;
    if (pipeline === undefined) return;
    this.#turn = pipeline.partition;
    await this.checkpoint(pipeline, this.pressed ? 0 : sealAgeMs(this.#headBytes / headBytesMax));
  }

  /** Seals the clients of a partition that are due and saves its state at the position reached. */
  async checkpoint(pipeline: Pipeline, sealAge: number): Promise<void> {
    this.#headBytes = this.#deps.pipelines.reduce((sum, one) => sum + one.headBytes(), 0);
    const last = this.#committed[pipeline.partition];
    pipeline.position = Math.max(pipeline.position, this.#next);
    pipeline.forgetSilent(this.#forgetMs());
    const due = dueClients(pipeline, sealAge);
    for (;;) {
      const plans = await this.#plan(pipeline, due);
      // A partition where nothing happened is saved only so often that a restart has little to read.
      const idle = plans.length === 0 && last?.logMs === pipeline.logMs;
      if (idle && pipeline.position - last.position < (this.pressed ? 1 : LIMITS.idleRecordsMax)) return;
      await this.#commit(pipeline, plans);
      if (due.length === 0) return;
      await this.#pause();
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
      const saved = this.#committed[one.partition];
      if (one !== own && saved?.logMs === one.logMs && saved.position < own.position && !one.holdsUnsealed())
        idleAt.set(one.partition, own.position);
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
      const plan = await planSeal(client, pipeline.position, this.#deps.store);
      plans.push(plan);
      samples += plan.samples;
    }
    return plans;
  }

  async #commit(pipeline: Pipeline, plans: readonly SealPlan[]): Promise<void> {
    const { checkpoints, telemetry, clock } = this.#deps;
    const startedMs = clock.nowMs();
    const sealed = new Map(plans.map((plan) => [plan.client, plan.after]));
    for (const { client } of plans) client.sealedAtMs = pipeline.logMs;
    let safeOffset = pipeline.position;
    for (const client of pipeline.clients.values()) {
      safeOffset = Math.min(safeOffset, client.head.safeOffset(sealed.get(client)?.sealedThroughMs));
    }
    const idleAt = this.#idleBeside(pipeline);
    const state = encodeCheckpoint(pipeline.logMs, pipeline.clients.values(), sealed, this.#deps.seenOf, [...idleAt]);
    const batch = { raw: plans.flatMap((plan) => plan.raw), windows: plans.flatMap((plan) => plan.windows) };
    await checkpoints.commit({ partition: pipeline.partition, position: pipeline.position, safeOffset, state }, batch);
    for (const plan of plans) applySeal(plan);
    this.#safe[pipeline.partition] = safeOffset;
    this.#committed[pipeline.partition] = { position: pipeline.position, logMs: pipeline.logMs };
    this.#idleAt = idleAt;
    for (const [partition, position] of idleAt) {
      this.#safe[partition] = position;
      this.#committed[partition] = { position, logMs: this.#committed[partition]?.logMs ?? 0 };
    }
    telemetry.count(
      'metricstream_samples_sealed_total',
      plans.reduce((sum, plan) => sum + plan.samples, 0),
    );
    telemetry.observe('metricstream_checkpoint_seconds', (clock.nowMs() - startedMs) / 1000);
  }

  /** Takes all that is left, seals what has closed and checkpoints every partition: before the process ends. */
  async drain(): Promise<void> {
    do await this.kick();
    while (!this.caughtUp && this.failed === undefined);
    const last = this.#checkpointAll();
    // Kicks that come later find a run under way.
    this.#running = last;
    await last;
  }

  async #checkpointAll(): Promise<void> {
    for (const pipeline of this.#deps.pipelines) await this.checkpoint(pipeline, 0);
  }
}
