/** A shard over the embedded log and store in memory, under a clock that the test moves; it can be stopped, or die, and start again. */
import { embeddedCheckpointStore } from '../../src/adapters/embedded/checkpoint-store.ts';
import { embeddedMetricLog } from '../../src/adapters/embedded/metric-log.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { embeddedTimeSeriesStore } from '../../src/adapters/embedded/time-series-store.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { zlibCompression } from '../../src/adapters/node/compression.ts';
import { SERVER_PACE } from '../../src/consumers/pace.ts';
import { Shard, type ShardDependencies } from '../../src/consumers/shard.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { Push } from '../../src/model/push.ts';
import type { Resolution } from '../../src/model/window.ts';
import type { CheckpointStore } from '../../src/ports/checkpoint-store.ts';
import type { MetricLog } from '../../src/ports/metric-log.ts';
import type { MetricReader } from '../../src/ports/metric-reader.ts';
import type { AppendOutcome, PushAppender } from '../../src/ports/push-appender.ts';
import type { SqlDatabase } from '../../src/ports/sql-database.ts';
import type { TimeSeriesStore } from '../../src/ports/time-series-store.ts';
import type { ClosedWindows } from '../../src/ports/window-sink.ts';
import { type ShapeInterner, shapeInterner } from '../../src/protocols/log-record.ts';
import { type ManualClock, manualClock, settle } from '../agent/manual-clock.ts';
import { labDatabase } from './lab-database.ts';
import { type PushFields, pushOf, type Sample, samplesIn, windowsIn } from './shapes.ts';

/** A whole day, so that minutes, hours and days begin where a test says. */
export const START_MS = Date.UTC(2026, 0, 5);
const ROOMY = { freeBytes: 1e12, totalBytes: 2e12 };

export interface Lab {
  readonly clock: ManualClock;
  readonly shapes: ShapeInterner;
  readonly log: MetricLog;
  readonly store: TimeSeriesStore;
  /** What the sink was told, in order, by all lives of the shard. */
  readonly closed: ClosedWindows[];
  shard: Shard;
  /** The tables, to damage them. */
  readonly database: SqlDatabase;
  /** What GET /metrics of the shard that runs would say of a metric without labels; undefined: nothing. */
  metric(name: string): number | undefined;
  disk: { freeBytes: number; totalBytes: number };
  /** Appends, and lets the commit and the consumer run. */
  push(samples: readonly Sample[], fields?: PushFields): Promise<AppendOutcome>;
  /** Stops as SIGTERM does, and starts again over the same database. */
  restart(): Promise<void>;
  /** Dies as SIGKILL does, and starts again. */
  crash(): Promise<void>;
  windows(client?: string, options?: Partial<WindowOptions>): Promise<Record<string, number | string>[]>;
  samples(client?: string, startMs?: number, endMs?: number): Promise<[string, number, number, number][]>;
}

export interface WindowOptions {
  readonly resolution: Resolution;
  readonly open: boolean;
  readonly startMs: number;
  readonly endMs: number;
}

export interface LabOptions
  extends Partial<
    Pick<
      ShardDependencies,
      'partitions' | 'linger' | 'headBytesMax' | 'cardinality' | 'tenantRequestsPerSecond' | 'retention' | 'pace' | 'judge'
    >
  > {
  readonly startMs?: number;
  /** Whether the shard wakes itself; else the test calls `round`. */
  readonly timed?: boolean;
  /** One that an earlier lab may have filled; by default a new one. */
  readonly database?: SqlDatabase;
  /** Wraps the store, the checkpoints and the log, to fail or to wait. */
  readonly storeWith?: (store: TimeSeriesStore) => TimeSeriesStore;
  readonly checkpointsWith?: (checkpoints: CheckpointStore) => CheckpointStore;
  readonly logWith?: (log: MetricLog) => MetricLog;
}

const FAR_MS = 400 * 86_400_000;
export const RETENTION = { rawMs: FAR_MS, minuteMs: FAR_MS, hourMs: FAR_MS, logMs: 86_400_000, logBytesMax: 1e9 };

export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const clock = manualClock(options.startMs ?? START_MS);
  const database = options.database ?? (await labDatabase.open());
  const compression = zlibCompression();
  openSchema(database, { partitions: options.partitions ?? 2, shards: 1 });
  const shapes = shapeInterner();
  const closed: ClosedWindows[] = [];
  const embedded = embeddedTimeSeriesStore({ database, compression });
  const store = options.storeWith?.(embedded) ?? embedded;
  const checkpoints = embeddedCheckpointStore({ database, store: embedded });
  const openLog = () =>
    embeddedMetricLog({ database, compression, compressFromBytes: LIMITS.compressFromBytes, syncAheadFrom: 2 });
  let life = 0;
  let telemetry = memoryTelemetry({ nowMs: clock.nowMs });

  const open = async (): Promise<Shard> => {
    life += 1;
    const own = life;
    telemetry = memoryTelemetry({ nowMs: clock.nowMs });
    const shard = new Shard({
      clock: {
        nowMs: clock.nowMs,
        // What a dead process had planned does not happen.
        schedule: (delayMs, task) => clock.schedule(delayMs, () => own === life && task()),
      },
      log: options.logWith?.(openLog()) ?? openLog(),
      store,
      checkpoints: options.checkpointsWith?.(checkpoints) ?? checkpoints,
      sink: { closed: (windows) => closed.push(windows) },
      telemetry,
      shapes: shapeInterner(),
      disk: { space: () => lab.disk, usedBytes: () => database.size().usedBytes, reclaim: () => undefined },
      partitions: 2,
      linger: () => 0,
      headBytesMax: LIMITS.headBytesMax,
      tenantRequestsPerSecond: LIMITS.tenantRequestsPerSecond,
      cardinality: LIMITS,
      retention: RETENTION,
      pace: SERVER_PACE,
      ...options,
    });
    await shard.start(options.timed ?? true);
    await clock.advance(0);
    return shard;
  };
  const lab = labOf({
    clock,
    database,
    render: () => telemetry.render(),
    shapes,
    store,
    closed,
    openLog,
    open,
    die: () => {
      life += 1;
    },
  });
  lab.shard = await open();
  return lab;
}

interface LabParts {
  readonly clock: ManualClock;
  readonly database: SqlDatabase;
  /** What the shard that runs says of itself. */
  render(): string;
  readonly shapes: ShapeInterner;
  readonly store: TimeSeriesStore;
  readonly closed: ClosedWindows[];
  openLog(): MetricLog;
  open(): Promise<Shard>;
  /** Ends the life of the shard that is there: what it planned does not happen. */
  die(): void;
}

function labOf(parts: LabParts): Lab {
  const { clock, database, shapes, closed, store, openLog, open } = parts;
  const lab: Lab = {
    clock,
    shapes,
    store,
    closed,
    get log() {
      return openLog();
    },
    database,
    metric: (name) => metricIn(parts.render(), name),
    disk: ROOMY,
    shard: undefined as unknown as Shard,
    ...dealings({ clock, shapes, appender: () => lab.shard, reader: () => lab.shard.reader }),
    async restart() {
      await finish(clock, lab.shard.stop());
      lab.shard = await open();
    },
    async crash() {
      parts.die();
      await settle();
      lab.shard = await open();
    },
  };
  return lab;
}

/** The value of a metric without labels. */
export function metricIn(text: string, name: string): number | undefined {
  const value = new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

export interface Dealt {
  readonly clock: ManualClock;
  readonly shapes: ShapeInterner;
  appender(): PushAppender;
  reader(): MetricReader;
}

/** What tests do with a shard, whatever it is made of. */
export function dealings({ clock, shapes, appender, reader }: Dealt): Pick<Lab, 'push' | 'windows' | 'samples'> {
  return {
    async push(samples, fields = {}) {
      const push: Push = pushOf(shapes, samples, { arrivalMs: clock.nowMs(), ...fields });
      const outcome = await finish(clock, appender().append(push, 1e6));
      await clock.advance(0);
      return outcome;
    },
    async windows(client = 'web-1', { resolution = '1m', open: withOpen = true, startMs = 0, endMs = FAR_MS * 200 } = {}) {
      const query = { tenant: 'default', client, metric: undefined, labels: {}, startMs, endMs, resolution, open: withOpen };
      const answers = await finish(clock, collect(reader().windows(query)));
      return windowsIn(answers.flatMap(({ columns }) => columns));
    },
    async samples(client = 'web-1', startMs = 0, endMs = FAR_MS * 200) {
      const query = { tenant: 'default', client, metric: undefined, labels: {}, startMs, endMs };
      const answers = await finish(clock, collect(reader().samples(query)));
      return answers.flatMap(({ block }) => samplesIn(block));
    },
  };
}

/** Lets a promise finish that waits for the clock's tasks of now. */
export async function finish<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let done = false;
  const watched = promise.finally(() => {
    done = true;
  });
  watched.catch(() => undefined);
  while (!done) await clock.advance(0);
  return watched;
}

/** All that a reader gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
