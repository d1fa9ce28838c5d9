/** What a shard does by the clock: ticks, checkpoints that are due, retention, and a look at the disk. */
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { MetricLog } from '../ports/metric-log.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TimeSeriesStore } from '../ports/time-series-store.ts';
import type { Consumer } from './consume.ts';
import type { Pace } from './pace.ts';
import type { Pipeline } from './pipeline.ts';

export interface Disk {
  /** Bytes free and in all on the file system of the data; undefined where that cannot be known. */
  space(): { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  /** Bytes that the database holds. */
  usedBytes(): number;
  /** Gives free space inside the database back, a bounded piece. */
  reclaim(): void;
}

export interface RetentionOptions {
  readonly rawMs: number;
  readonly minuteMs: number;
  readonly hourMs: number;
  readonly logMs: number;
  readonly logBytesMax: number;
}

/** Of a Durable Object: the log is kept until its samples are sealed, and a little more. */
export const OBJECT_RETENTION: RetentionOptions = {
  rawMs: LIMITS.rawRetentionMs,
  minuteMs: LIMITS.minuteRetentionMs,
  hourMs: LIMITS.hourRetentionMs,
  logMs: LIMITS.objectLogRetentionMs,
  logBytesMax: LIMITS.objectLogBytesMax,
};

export interface MaintenanceDependencies {
  readonly clock: Clock;
  readonly log: Pick<MetricLog, 'end' | 'trim'>;
  readonly store: TimeSeriesStore;
  readonly telemetry: Telemetry;
  readonly disk: Disk;
  readonly consumer: Consumer;
  readonly pipelines: readonly Pipeline[];
  readonly retention: RetentionOptions;
  readonly pace: Pace;
  tick(partitions: readonly number[]): void;
  sweep(nowMs: number): void;
}

/** The log may pass its size by this factor while what it holds is not sealed; then pushes are refused. */
const LOG_OVERFLOW = 1.25;

export class Maintenance {
  readonly #deps: MaintenanceDependencies;
  #cancel: (() => void) | undefined;
  #diskAtMs = 0;
  #retentionAtMs = 0;
  #sweptAtMs = 0;
  #running: Promise<void> | undefined;
  #diskFull = false;
  #logFull = false;
  /** The log's end when ticks were last appended. */
  #tickedEnd = -1;

  constructor(deps: MaintenanceDependencies) {
    this.#deps = deps;
    deps.telemetry.gauge('metricstream_store_bytes', () => deps.disk.usedBytes());
  }

  /** Pushes are refused while this holds: the disk is nearly full, or the log is and cannot be cut. */
  get full(): boolean {
    return this.#diskFull || this.#logFull;
  }

  /** @param timed whether rounds come by themselves. */
  start(timed: boolean): void {
    this.#look();
    if (timed) this.#arm();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    this.#cancel = this.#deps.clock.schedule(LIMITS.maintenanceIntervalMs, () => {
      void this.round().finally(() => {
        if (this.#cancel !== undefined) this.#arm();
      });
    });
  }

  /** When the next round has something to do, Unix ms: for a host that sleeps until then. */
  nextDueMs(): number {
    const { consumer, pipelines, pace, clock } = this.#deps;
    if (consumer.failed !== undefined) return clock.nowMs() + LIMITS.retryMs;
    const ticks = pipelines.map((pipeline) => pipeline.tickDueMs(pace.tickMs));
    return Math.min(consumer.nextDueMs(), this.#retentionAtMs + pace.retentionMs, ...ticks);
  }

  /** One round: on a server each second. Never rejects. */
  round(): Promise<void> {
    // The alarm, cron and a timer may come at once.
    this.#running ??= this.#round().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #round(): Promise<void> {
    const { clock, consumer, telemetry } = this.#deps;
    const nowMs = clock.nowMs();
    try {
      if (Math.abs(nowMs - this.#sweptAtMs) >= LIMITS.sweepIntervalMs) {
        this.#sweptAtMs = nowMs;
        this.#deps.sweep(nowMs);
      }
      this.#tick(nowMs);
      // A clock that was set back makes things due, too.
      if (Math.abs(nowMs - this.#diskAtMs) >= LIMITS.freeCheckIntervalMs) this.#look();
      await consumer.kick();
      if (Math.abs(nowMs - this.#retentionAtMs) >= this.#deps.pace.retentionMs) {
        this.#retentionAtMs = nowMs;
        await this.#retain(nowMs);
      }
    } catch (error) {
      telemetry.count('metricstream_maintenance_failures_total');
      telemetry.log('error', 'maintenance failed; it will try again', { error: String(error) });
    }
  }

  /** Partitions that hold open windows or unsealed samples, and that nobody has pushed to for a while. */
  #tick(nowMs: number): void {
    const { consumer, log } = this.#deps;
    // A consumer that has not met the last ticks yet would only find more of them.
    if (!consumer.caughtUp && consumer.position <= this.#tickedEnd) return;
    const silent = this.#deps.pipelines.filter((pipeline) => nowMs >= pipeline.tickDueMs(this.#deps.pace.tickMs));
    if (silent.length === 0) return;
    this.#tickedEnd = log.end();
    this.#deps.tick(silent.map((pipeline) => pipeline.partition));
  }

  #look(): void {
    const { clock, disk, telemetry } = this.#deps;
    this.#diskAtMs = clock.nowMs();
    const space = disk.space();
    if (space === undefined) return;
    const full = space.freeBytes < LIMITS.freeBytesMin || space.freeBytes < space.totalBytes * LIMITS.freeRatioMin;
    if (full !== this.#diskFull)
      telemetry.log(full ? 'error' : 'info', full ? 'the disk is nearly full; pushes are refused' : 'the disk has room again', {
        ...space,
      });
    this.#diskFull = full;
    if (full) this.#retentionAtMs = 0;
  }

  async #retain(nowMs: number): Promise<void> {
    const { store, log, consumer, retention, disk, telemetry, pipelines } = this.#deps;
    const unbundled = pipelines.map((pipeline) => pipeline.unbundledFrom());
    const cut = {
      // A block ends with its last sample: one on the hour belongs to the hour.
      rawBeforeMs: Math.min(nowMs - retention.rawMs, ...unbundled.map(({ hourMs }) => hourMs - 1)),
      minuteBeforeMs: Math.min(nowMs - retention.minuteMs, ...unbundled.map(({ dayMs }) => dayMs)),
      hourBeforeMs: nowMs - retention.hourMs,
    };
    const rows = await store.retain(cut, LIMITS.retentionRowsPerRun);
    const trimmed = log.trim(consumer.safeOffset, nowMs - retention.logMs, retention.logBytesMax);
    consumer.pressed = trimmed.bytes > retention.logBytesMax;
    this.#logFull = trimmed.bytes > retention.logBytesMax * LOG_OVERFLOW;
    // More is left: go on in the next round instead of the next minute.
    if (rows >= LIMITS.retentionRowsPerRun || trimmed.deleted >= LIMITS.retentionRowsPerRun || this.full) this.#retentionAtMs = 0;
    if (rows > 0 || trimmed.deleted > 0) disk.reclaim();
    telemetry.count('metricstream_retention_rows_total', rows + trimmed.deleted);
  }
}
