/** Writes samples as they come and windows as they close to a store that others read as well: in batches, in order per client, until it has them. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { clientKey } from '../model/partition.ts';
import { HOUR_MS } from '../model/window.ts';
import type { CheckpointLog } from '../ports/checkpoint-log.ts';
import type { CheckpointStore } from '../ports/checkpoint-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClientPoints, PointWriter, RefusedPoint } from '../ports/point-writer.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { PlacedClient, RawWrite, SampleBlock, WindowColumn, WindowWrite } from '../ports/time-series-store.ts';
import type { ClosedWindows, MergedSamples, WindowSink } from '../ports/window-sink.ts';
import { filterBlock, foldWindows, samplesIn } from './sample-block.ts';

export interface StoreWriterDependencies {
  readonly clock: Clock;
  readonly writer: PointWriter;
  readonly telemetry: Telemetry;
  /** Whether what this writes is still its own to write; while it may not, it waits. */
  mayWrite(): boolean;
  /** Keeps what can be neither read nor stored, for people to look at; resolves when that is durable. */
  deadLetter(letters: readonly DeadLetter[]): Promise<void>;
}

export interface DeadLetter {
  readonly reason: string;
  /** The record, or the point as text. */
  readonly bytes: Uint8Array;
}

/** What of one client waits: what comes later for the same time takes the place of what was there. */
interface Waiting {
  readonly tenant: string;
  readonly client: string;
  datacenter: string | undefined;
  environment: string | undefined;
  readonly samples: Map<number, SampleBlock>;
  readonly late: SampleBlock[];
  readonly minutes: Map<number, readonly WindowColumn[]>;
  readonly blocks: WindowWrite[];
  points: number;
}

/** One batch is under way at a time: points of one client never overtake each other. */
export class StoreWriter implements WindowSink {
  readonly #deps: StoreWriterDependencies;
  readonly #waiting = new Map<string, Waiting>();
  #letters: DeadLetter[] = [];
  #points = 0;
  /** Points of the batch that is under way. */
  #flying = 0;
  #flyingLetters = 0;
  #cancel: (() => void) | undefined;
  #settling: { readonly waitingMax: number; resolve(): void; reject(error: unknown): void }[] = [];
  #stopped = false;
  /** What the store said last, while it does not take what is written. */
  failed: unknown;

  constructor(deps: StoreWriterDependencies) {
    this.#deps = deps;
  }

  /** Points that the store has not confirmed. */
  get points(): number {
    return this.#points + this.#letters.length + this.#flying;
  }

  closed(windows: ClosedWindows): void {
    this.#deps.telemetry.count('metricstream_windows_closed_total', windows.columns.length);
    this.#minute(windows);
  }

  corrected(windows: ClosedWindows): void {
    this.#minute(windows);
  }

  #minute({ startMs, columns, ...client }: ClosedWindows): void {
    const waiting = this.#of(client);
    const before = waiting.minutes.get(startMs)?.length ?? 0;
    waiting.minutes.set(startMs, columns);
    this.#grown(waiting, columns.length - before);
  }

  merged({ blocks, ...client }: MergedSamples): void {
    const waiting = this.#of(client);
    let grown = 0;
    for (const block of blocks) {
      const ms = block.timesMs[0];
      if (ms === undefined) continue;
      // All that is known of this ms: the block before it is part of it.
      const before = waiting.samples.get(ms);
      waiting.samples.set(ms, block);
      grown += samplesIn(block) - (before === undefined ? 0 : samplesIn(before));
    }
    // Last: it may send what waits, and what is added to that afterwards nobody would send.
    this.#grown(waiting, grown);
  }

  /** Samples of minutes that were read back: of all others they were written as they came. */
  late(writes: readonly RawWrite[]): void {
    for (const write of writes) {
      const { toldFromMs = Number.NEGATIVE_INFINITY, block } = write;
      const late = filterBlock(block, (ms) => ms < toldFromMs);
      if (late.timesMs.length === 0) continue;
      const waiting = this.#of(write);
      waiting.late.push(late);
      this.#grown(waiting, samplesIn(late));
    }
  }

  /** Blocks of windows that go with a checkpoint: minutes of whole hours, and each hour with them. */
  bundled(writes: readonly WindowWrite[]): void {
    for (const write of writes) {
      const waiting = this.#of(write);
      waiting.blocks.push(write);
      this.#grown(
        waiting,
        write.columns.reduce((sum, { starts }) => sum + starts.length, 0),
      );
    }
  }

  /** A record that nobody can read. */
  poison(letter: DeadLetter): void {
    this.#letters.push(letter);
    this.#arm();
  }

  settled(waitingMax: number): Promise<void> | undefined {
    if (this.#isSettled(waitingMax) && !this.#stopped) return undefined;
    return new Promise((resolve, reject) => {
      if (this.#stopped) reject(stopped());
      else this.#settling.push({ waitingMax, resolve, reject });
      this.#flush();
    });
  }

  /** Nothing more is written; who waits is told so, and checkpoints nothing. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    for (const { reject } of this.#settling) reject(stopped());
    this.#settling = [];
  }

  #of({ tenant, client, datacenter, environment }: PlacedClient): Waiting {
    const key = clientKey(tenant, client);
    let waiting = this.#waiting.get(key);
    if (waiting === undefined) {
      waiting = {
        tenant,
        client,
        datacenter,
        environment,
        samples: new Map(),
        late: [],
        minutes: new Map(),
        blocks: [],
        points: 0,
      };
      this.#waiting.set(key, waiting);
    }
    waiting.datacenter = datacenter;
    waiting.environment = environment;
    return waiting;
  }

  #grown(waiting: Waiting, points: number): void {
    waiting.points += points;
    this.#points += points;
    if (this.#points >= LIMITS.storeBatchPointsMax) this.#flush();
    else this.#arm();
  }

  #arm(): void {
    this.#cancel ??= this.#deps.clock.schedule(LIMITS.storeLingerMs, () => this.#flush());
  }

  /** Starts a batch of what waits, unless one is under way: what waits then follows it. */
  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    // What waits then goes when the batch that is under way has ended.
    if (this.#flying > 0 || this.#stopped) return;
    const batch: ClientPoints[] = [];
    for (const [key, waiting] of this.#waiting) {
      this.#waiting.delete(key);
      if (waiting.points === 0) continue;
      this.#points -= waiting.points;
      this.#flying += waiting.points;
      batch.push(pointsOf(waiting));
      if (this.#flying >= LIMITS.storeBatchPointsMax) break;
    }
    const letters = this.#letters;
    this.#letters = [];
    this.#flying += letters.length;
    this.#flyingLetters = letters.length;
    if (this.#flying === 0) return;
    void this.#write(batch, letters).then(() => {
      this.#flying = 0;
      this.#flyingLetters = 0;
      this.#tellSettled();
      this.#flush();
    });
  }

  /** Tries until the store has it, or this is stopped. Never rejects. */
  async #write(batch: readonly ClientPoints[], letters: readonly DeadLetter[]): Promise<void> {
    const { clock, writer, telemetry, deadLetter, mayWrite } = this.#deps;
    for (let attempt = 0; !this.#stopped; attempt++) {
      const startedMs = clock.nowMs();
      try {
        if (!mayWrite()) throw new MetricStreamError('unavailable', 'It is not known whether this is still ours to write.');
        const { refused, refusedCount } = await writer.write(batch);
        if (refusedCount > 0) {
          telemetry.count('metricstream_store_points_refused_total', refusedCount);
          telemetry.log('error', 'the store refuses points for good', { points: refusedCount, reason: refused[0]?.reason });
        }
        const dead = [...letters, ...refused.map(letterOf)];
        if (dead.length > 0) await deadLetter(dead);
        telemetry.count('metricstream_store_points_total', this.#flying - letters.length);
        telemetry.observe('metricstream_store_write_seconds', (clock.nowMs() - startedMs) / 1000);
        this.failed = undefined;
        return;
      } catch (error) {
        this.failed = error;
        telemetry.count('metricstream_store_failures_total');
        telemetry.log('error', 'the store does not take what is written; it is tried again', { error: String(error) });
        const told = error instanceof MetricStreamError ? error.retryAfterMs : undefined;
        const backoffMs = Math.min(LIMITS.storeRetryMsMax, told ?? LIMITS.storeRetryMs * 2 ** Math.min(attempt, 10));
        await new Promise<void>((resolve) => void clock.schedule(backoffMs, resolve));
      }
    }
  }

  /** Letters are not in the heads: nobody could tell them again. */
  #isSettled(waitingMax: number): boolean {
    return this.points <= waitingMax && this.#letters.length === 0 && this.#flyingLetters === 0;
  }

  #tellSettled(): void {
    const settled = this.#settling.filter(({ waitingMax }) => this.#isSettled(waitingMax));
    if (settled.length === 0) return;
    this.#settling = this.#settling.filter((one) => !settled.includes(one));
    for (const { resolve } of settled) resolve();
  }
}

function letterOf({ reason, line }: RefusedPoint): DeadLetter {
  return { reason, bytes: new TextEncoder().encode(line) };
}

function stopped(): MetricStreamError {
  return new MetricStreamError('shutting_down', 'The store is no longer written to.');
}

function pointsOf({ tenant, client, datacenter, environment, samples, late, minutes, blocks }: Waiting): ClientPoints {
  const wholeHours = blocks.filter(({ resolution }) => resolution === '1m').flatMap(({ columns }) => columns);
  return {
    tenant,
    client,
    datacenter,
    environment,
    samples: [...samples.values(), ...late],
    minutes: [...minutes.values()].flat(),
    // The hours of a day come when it ends: each is written with its minutes already.
    hours: foldWindows(wholeHours, HOUR_MS),
    blocks,
  };
}

/**
 * Checkpoints of a partition whose samples and windows are points elsewhere: those first, then the checkpoint.
 * @param joined the generation of the group; one that began anew counts on from what was saved.
 */
export function pointsBeforeCheckpoints(writer: StoreWriter, checkpoints: CheckpointLog, joined: number): CheckpointStore {
  let generation = joined;
  return {
    async load(partition) {
      const saved = await checkpoints.load(partition);
      generation = Math.max(generation, (saved?.generation ?? -1) + 1);
      return saved?.checkpoint;
    },
    async commit(checkpoint, { raw, windows }) {
      writer.late(raw);
      writer.bundled(windows);
      await writer.settled(0);
      await checkpoints.save({ checkpoint, generation });
    },
  };
}
