/** One partition of a log elsewhere, while it is this process's: its records windowed, its state saved, its silence ticked. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Push } from '../model/push.ts';
import type { JudgeFactory } from '../ports/alert-judge.ts';
import type { CheckpointLog } from '../ports/checkpoint-log.ts';
import type { Clock } from '../ports/clock.ts';
import type { PartitionLog, PartitionReader } from '../ports/partition-log.ts';
import type { PointWriter } from '../ports/point-writer.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TimeSeriesStore } from '../ports/time-series-store.ts';
import type { TransitionSink } from '../ports/transition-sink.ts';
import type { ShapeInterner } from '../protocols/log-record.ts';
import type { ClientState } from './client-state.ts';
import { Consumer } from './consume.ts';
import { Courier } from './courier.ts';
import { judgingOf } from './judging.ts';
import { type Disk, Maintenance, type RetentionOptions } from './maintenance.ts';
import type { Pace } from './pace.ts';
import { Pipeline } from './pipeline.ts';
import { type DeadLetter, pointsBeforeCheckpoints, StoreWriter } from './store-writer.ts';

export interface OwnedPartitionDependencies {
  readonly clock: Clock;
  readonly log: PartitionLog;
  readonly store: TimeSeriesStore;
  readonly writer: PointWriter;
  readonly checkpoints: CheckpointLog;
  readonly telemetry: Telemetry;
  readonly shapes: ShapeInterner;
  /** Of this partition alone. */
  readonly headBytesMax: number;
  readonly pace: Pace;
  /** Alert rules; left out: none. */
  readonly judge?: JudgeFactory | undefined;
  readonly transitions?: TransitionSink | undefined;
  seen(client: ClientState, push: Push): void;
  /** Whether the partition is still this process's, as far as it can know. */
  mayWrite(): boolean;
  /** Keeps letters of the partition; resolves when they are durable. */
  deadLetter(partition: number, letters: readonly DeadLetter[]): Promise<void>;
  /** Appends a tick to the partition, so that log time goes on there. */
  tick(partition: number): void;
}

/** The broker keeps the log and lets go of it by age, and the store does the same. */
const NO_RETENTION: RetentionOptions = {
  rawMs: Number.POSITIVE_INFINITY,
  minuteMs: Number.POSITIVE_INFINITY,
  hourMs: Number.POSITIVE_INFINITY,
  logMs: Number.POSITIVE_INFINITY,
  logBytesMax: Number.POSITIVE_INFINITY,
};
const NO_DISK: Disk = { space: () => undefined, usedBytes: () => 0, reclaim: () => undefined };

export class OwnedPartition {
  readonly pipeline: Pipeline;
  readonly #deps: OwnedPartitionDependencies;
  readonly #writer: StoreWriter;
  readonly #generation: number;
  #reader: PartitionReader | undefined;
  #consumer: Consumer | undefined;
  #maintenance: Maintenance | undefined;
  /** The end when it was taken over: until then heads are not what they were. */
  #startEnd = Number.POSITIVE_INFINITY;
  #stopped = false;

  /** @param generation of the group when it was given to this process. */
  constructor(partition: number, generation: number, deps: OwnedPartitionDependencies) {
    this.#generation = generation;
    const { store, telemetry } = deps;
    this.#deps = deps;
    this.#writer = new StoreWriter({ ...deps, deadLetter: (letters) => deps.deadLetter(partition, letters) });
    this.pipeline = new Pipeline(partition, {
      store,
      sink: this.#writer,
      telemetry,
      judging: judgingOf(deps, partition),
      seen: (client, push) => deps.seen(client, push),
    });
  }

  /**
   * Takes over where the last owner stopped.
   * @param timed whether it goes on by itself; else its host calls `round`, and `settled` after it.
   * @throws what the log or the checkpoints throw: nothing was taken over, try again.
   */
  async start(timed = true): Promise<void> {
    const { partition } = this.pipeline;
    const log = await this.#deps.log.open(partition, () => void this.#consumer?.kick());
    this.#reader = log;
    const consumer = new Consumer({
      ...this.#deps,
      checkpoints: pointsBeforeCheckpoints(this.#writer, this.#deps.checkpoints, this.#generation),
      sink: this.#writer,
      log,
      pipelines: [this.pipeline],
      courier: new Courier(this.#deps.transitions, this.#deps.telemetry),
      consumed: () => undefined,
      poison: (bytes, reason) => this.#writer.poison({ reason, bytes: bytes.slice() }),
      seenOf: () => [],
      restored: () => undefined,
    });
    await consumer.restore();
    if (this.#stopped) return;
    this.#startEnd = log.end();
    this.#consumer = consumer;
    this.#maintenance = new Maintenance({
      ...this.#deps,
      log: { end: () => log.end(), trim: () => ({ deleted: 0, bytes: 0 }) },
      disk: NO_DISK,
      consumer,
      pipelines: [this.pipeline],
      retention: NO_RETENTION,
      tick: () => this.#deps.tick(partition),
      sweep: () => undefined,
    });
    if (timed) void consumer.kick();
    this.#maintenance.start(timed);
  }

  /** Takes what is there, and does what is due by the clock. Never rejects. */
  async round(): Promise<void> {
    await this.#maintenance?.round();
  }

  /** When `round` has something to do, Unix ms. */
  nextDueMs(): number {
    return this.#maintenance?.nextDueMs() ?? Number.POSITIVE_INFINITY;
  }

  /** Resolves when the store has confirmed all that was told. */
  async settled(): Promise<void> {
    await this.#writer.settled(0);
  }

  /** The offset of the next record to be taken. */
  get position(): number {
    return this.#consumer?.position ?? 0;
  }

  /** Whether its heads hold again what they held for the last owner. */
  get replayed(): boolean {
    return this.position >= this.#startEnd;
  }

  /** Why it does not go on; undefined while it does. */
  get failed(): unknown {
    return this.#consumer?.failed ?? this.#writer.failed;
  }

  /** Points that the store has not confirmed. */
  get waitingPoints(): number {
    return this.#writer.points;
  }

  /** Records that are in the partition and have not been taken. */
  get lag(): number {
    return (this.#reader?.end() ?? 0) - this.position;
  }

  /** Tells the sink soon everything again that the heads hold: an owner before this one may have written late. */
  retell(): void {
    this.#consumer?.retell();
  }

  /**
   * Stops. @param save takes what is there and saves, as far as ownerStopMs allow: only while it is still this process's. Nothing is sealed, since
   * the store has all of it: whoever comes next refills the heads from the log.
   */
  async stop(save: boolean): Promise<void> {
    this.#stopped = true;
    this.#maintenance?.stop();
    // What waits is another's to write now.
    if (!save) this.#writer.stop();
    try {
      if (save) await Promise.race([this.#saveAll(), this.#giveUp()]);
    } catch (error) {
      // What is not saved is consumed again by whoever comes next.
      this.#deps.telemetry.log('warn', 'a partition could not be saved as it was given up', { error: String(error) });
    } finally {
      this.#writer.stop();
      this.#reader?.close();
    }
  }

  async #saveAll(): Promise<void> {
    await this.#consumer?.drain(Number.POSITIVE_INFINITY);
    // Of a client that this checkpoint is the first to know, the store is told only now.
    await this.settled();
  }

  #giveUp(): Promise<never> {
    const late = new MetricStreamError('shutting_down', 'There was no time to take all that is there.');
    return new Promise((_, reject) => void this.#deps.clock.schedule(LIMITS.ownerStopMs, () => reject(late)));
  }
}
