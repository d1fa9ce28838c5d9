/** The server of the simulation: the real edge, shard and embedded adapters in a process that dies and starts again. */
import { zlibCompression } from '../../src/adapters/node/compression.ts';
import { zlibDecompression } from '../../src/adapters/node/decompression.ts';
import { decodeCheckpoint } from '../../src/consumers/checkpoint.ts';
import { SERVER_PACE } from '../../src/consumers/pace.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { clientKey, partitionOf } from '../../src/model/partition.ts';
import { RESOLUTION_MS } from '../../src/model/window.ts';
import type { CheckpointStore } from '../../src/ports/checkpoint-store.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { MetricLog, StoredRecord } from '../../src/ports/metric-log.ts';
import type { Telemetry, TelemetryReader } from '../../src/ports/telemetry.ts';
import type { ClosedWindows } from '../../src/ports/window-sink.ts';
import type { Fault, FaultCounts } from './faults.ts';
import type { Random } from './random.ts';
import { type Moment, SimulatedDisk, type Work } from './simulated-disk.ts';
import type { System } from './system.ts';
import { ProcessClock, type VirtualClock } from './virtual-clock.ts';

export interface ServerSettings {
  readonly partitions: number;
  readonly lingerMs: number;
  readonly headBytesMax: number;
  readonly seriesPerClientMax: number;
  readonly logMs: number;
  readonly logBytesMax: number;
  readonly compressFromBytes: number;
  readonly syncAheadFrom: number;
  readonly looksPerMs: number;
}

/** A bug that is put between the shard and what it depends on. */
export interface Sabotage {
  log?(log: MetricLog, clock: Clock): MetricLog;
  checkpoints?(store: CheckpointStore): CheckpointStore;
  /** Whether a commit reaches the disk. */
  syncs?(random: Random): boolean;
}

/** What the oracle is told. */
export interface ServerObserver {
  /** The offset after the last record known to be durable. */
  end(): number;
  durable(records: readonly StoredRecord[]): void;
  closed(windows: ClosedWindows, partition: number, position: number): void;
  /** The process died; the positions of the checkpoints that are durable, by partition. */
  died(positions: ReadonlyMap<number, number>): void;
  report(violation: string): void;
  trace(line: string): void;
}

export interface ServerOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly system: System;
  readonly secret: string;
  /** The keys that will be used: each is verified when a process starts, while time stands. */
  readonly keys: readonly string[];
  readonly settings: ServerSettings;
  readonly sabotage: Sabotage;
  readonly faults: FaultCounts;
  readonly observer: ServerObserver;
}

interface Process {
  readonly clock: ProcessClock;
  readonly gauges: Map<string, () => number>;
  shard: InstanceType<System['Shard']> | undefined;
  app: ReturnType<System['createApp']> | undefined;
  state: 'starting' | 'up' | 'dead';
}

/** What is to happen at a statement: the `skip`-th that matches from now on. */
export interface Doom {
  readonly kind: 'crash' | 'fail';
  readonly work: Work;
  readonly moment: Moment;
  skip: number;
}

const CRASHES: Readonly<Record<Work, Readonly<Record<Moment, Fault>>>> = {
  log: { before: 'crash_before_log_commit', inside: 'crash_before_log_sync', after: 'crash_after_log_commit' },
  checkpoint: {
    before: 'crash_inside_checkpoint',
    inside: 'crash_inside_checkpoint',
    after: 'crash_after_checkpoint_commit',
  },
  upkeep: { before: 'crash_in_upkeep', inside: 'crash_in_upkeep', after: 'crash_in_upkeep' },
  read: { before: 'crash_while_reading', inside: 'crash_while_reading', after: 'crash_while_reading' },
};

const STORED: readonly (readonly [fault: Fault, sql: string])[] = [
  ['crash_with_sealed_samples', 'SELECT 1 FROM raw_blocks LIMIT 1'],
  ['crash_with_bundled_hours', `SELECT 1 FROM window_blocks WHERE step_ms = ${RESOLUTION_MS['1m']} LIMIT 1`],
  ['crash_with_bundled_days', `SELECT 1 FROM window_blocks WHERE step_ms = ${RESOLUTION_MS['1h']} LIMIT 1`],
];

/** A sync takes up to so long. */
const SYNC_MS_MAX = 3;

const ROOMY = { freeBytes: 64 * LIMITS.freeBytesMin, totalBytes: 128 * LIMITS.freeBytesMin };
const FULL = { freeBytes: 0, totalBytes: 128 * LIMITS.freeBytesMin };

export class SimulatedServer {
  readonly disk: SimulatedDisk;
  /** Set by the scenario. */
  doom: Doom | undefined;
  diskFull = false;
  clockOffsetMs = 0;
  slack = 1;
  poisonChance = 0;
  starts = 0;
  /** How long the process stays away after the next crash, ms. */
  downMs = 1_000;
  readonly #options: ServerOptions;
  #process: Process | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    const { sabotage, random } = options;
    this.disk = new SimulatedDisk({
      fate: (work, moment) => this.#fate(work, moment),
      syncs: () => sabotage.syncs?.(random) ?? true,
    });
  }

  get up(): boolean {
    return this.#process?.state === 'up';
  }

  /** Answers as HTTP; undefined: nobody listens. A process that dies never answers. */
  handle(request: Request): Promise<Response> | undefined {
    const process = this.#process;
    if (process?.state !== 'up' || process.app === undefined) return undefined;
    return new Promise((resolve) => {
      void Promise.resolve(process.app?.fetch(request)).then((response) => {
        if (process.state !== 'dead' && response !== undefined) resolve(response);
      });
    });
  }

  /** A gauge of the running process; NaN where there is none. */
  gauge(name: string): number {
    return this.#process?.gauges.get(name)?.() ?? Number.NaN;
  }

  /** The offset after the last record that the consumer has taken; NaN while down. */
  position(): number {
    return this.gauge('metricstream_log_end_offset') - this.gauge('metricstream_consumer_lag_records');
  }

  applyClock(): void {
    const clock = this.#process?.clock;
    if (clock === undefined) return;
    clock.offsetMs = this.clockOffsetMs;
    clock.slack = this.slack;
  }

  /** Starts a process. The clock stands until it is up, or has died on the way. */
  start(): void {
    const { clock, settings } = this.#options;
    const process: Process = {
      clock: new ProcessClock(clock),
      gauges: new Map(),
      shard: undefined,
      app: undefined,
      state: 'starting',
    };
    process.clock.looksPerMs = settings.looksPerMs;
    this.#process = process;
    this.applyClock();
    clock.hold(this.#boot(process));
  }

  /** The process dies now. */
  crash(fault: Fault): void {
    const process = this.#process;
    if (process === undefined || process.state === 'dead') return;
    const { clock, faults, observer } = this.#options;
    observer.trace(`crash: ${fault}${process.state === 'starting' ? ' while starting' : ''}`);
    faults.count(process.state === 'starting' ? 'crash_while_starting' : fault);
    this.#kill(process);
    clock.schedule(this.downMs, () => this.start());
  }

  /** SIGTERM: finishes and starts again. */
  async restart(): Promise<void> {
    const process = this.#process;
    if (process?.state !== 'up') return;
    this.#options.faults.count('restart_by_signal');
    this.#options.observer.trace('SIGTERM');
    // A statement may fail here too: the process ends all the same.
    await process.shard?.stop().catch((error: unknown) => this.#options.observer.trace(`stopped badly: ${String(error)}`));
    if (process.state !== 'up') return;
    this.#kill(process);
    this.#options.clock.schedule(this.downMs, () => this.start());
  }

  /** The simulation is over. */
  end(): void {
    if (this.#process !== undefined) this.#process.state = 'dead';
    this.#process?.clock.kill();
    this.disk.close();
  }

  #kill(process: Process): void {
    process.state = 'dead';
    process.clock.kill();
    this.disk.lose();
    const { observer, faults } = this.#options;
    const created = this.disk.look("SELECT 1 FROM sqlite_master WHERE name = 'checkpoints'").length > 0;
    if (!created) {
      observer.died(new Map());
      return;
    }
    const saved = this.disk.look<{ partition: number; position: number }>(
      'SELECT partition, position FROM checkpoints WHERE part = 0',
    );
    for (const [fault, sql] of STORED) if (this.disk.look(sql).length > 0) faults.count(fault);
    observer.died(new Map(saved.map(({ partition, position }) => [partition, position])));
  }

  #fate(work: Work, moment: Moment): 'go' | 'crash' | 'fail' {
    const { doom } = this;
    if (doom === undefined || doom.work !== work || doom.moment !== moment) return 'go';
    if (doom.kind === 'fail' && this.#process?.state === 'starting') return 'go';
    if (doom.skip > 0) {
      doom.skip -= 1;
      return 'go';
    }
    this.doom = undefined;
    if (doom.kind === 'crash') {
      this.crash(CRASHES[work][moment]);
      return 'crash';
    }
    this.#options.observer.trace(`a statement fails: ${moment} ${work}`);
    const failed = moment === 'inside' ? 'log_sync_failed' : 'log_write_failed';
    this.#options.faults.count(work === 'log' ? failed : 'checkpoint_write_failed');
    return 'fail';
  }

  async #boot(process: Process): Promise<void> {
    const { observer, keys } = this.#options;
    try {
      this.#wire(process);
      await process.shard?.start();
      // Verified once, for real, while nothing else happens; from then on keys are remembered.
      const warm = keys.map((key) => {
        const request = { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'text/plain' } };
        return process.app?.fetch(new Request('http://server/metrics', request));
      });
      await Promise.all(warm);
    } catch (error) {
      if (process.state !== 'dead') observer.report(`the server does not start: ${String(error)}`);
    }
    if (process.state !== 'starting') return;
    process.state = 'up';
    this.starts += 1;
    observer.trace(`up, position ${this.position()}`);
  }

  #wire(process: Process): void {
    const { system, settings, sabotage, secret, random } = this.#options;
    const compression = zlibCompression();
    const database = this.disk.mount({
      alive: () => process.state !== 'dead',
      synced: (done) => void process.clock.schedule(random.whole(0, SYNC_MS_MAX), done),
    });
    system.openSchema(database, { partitions: settings.partitions, shards: 1 });
    const store = system.embeddedTimeSeriesStore({ database, compression });
    const checkpoints = system.embeddedCheckpointStore({ database, store });
    const { compressFromBytes, syncAheadFrom } = settings;
    const log = this.#watched(system.embeddedMetricLog({ database, compression, compressFromBytes, syncAheadFrom }));
    const telemetry = this.#telemetry(process);
    const shard = new system.Shard({
      clock: process.clock,
      log: sabotage.log?.(log, process.clock) ?? log,
      store,
      checkpoints: sabotage.checkpoints?.(checkpoints) ?? checkpoints,
      sink: { closed: (windows) => this.#closed(windows) },
      telemetry,
      shapes: system.shapeInterner(),
      disk: {
        space: () => (this.diskFull ? FULL : ROOMY),
        usedBytes: () => database.size().usedBytes,
        reclaim: () => database.reclaim(16),
      },
      partitions: settings.partitions,
      linger: () => settings.lingerMs,
      headBytesMax: settings.headBytesMax,
      tenantRequestsPerSecond: LIMITS.tenantRequestsPerSecond,
      cardinality: { ...LIMITS, seriesPerClientMax: settings.seriesPerClientMax },
      pace: SERVER_PACE,
      retention: {
        rawMs: LIMITS.rawRetentionMs,
        minuteMs: LIMITS.minuteRetentionMs,
        hourMs: LIMITS.hourRetentionMs,
        logMs: settings.logMs,
        logBytesMax: settings.logBytesMax,
      },
    });
    process.shard = shard;
    process.app = system.createApp({
      clock: process.clock,
      appender: shard,
      reader: shard.reader,
      live: shard.live,
      decompression: zlibDecompression(),
      keys: system.embeddedKeyRegistry({ database }),
      enrichments: system.embeddedEnrichmentRegistry({ database }),
      secrets: { current: secret },
      telemetry,
      random: random.next,
      ready: () => shard.ready(),
      sampleAgeMsMax: LIMITS.sampleAgeMsMax,
      tenantRequestsPerSecond: LIMITS.tenantRequestsPerSecond,
    });
  }

  #telemetry(process: Process): Telemetry & TelemetryReader {
    const { observer } = this.#options;
    return {
      count: () => {},
      observe: () => {},
      gauge: (name, read) => void process.gauges.set(name, read),
      log: (level, message, fields) => {
        if (process.state !== 'dead' && level !== 'debug') observer.trace(`${level}: ${message} ${JSON.stringify(fields ?? {})}`);
      },
      render: () => '',
    };
  }

  #closed(windows: ClosedWindows): void {
    const partition = partitionOf(clientKey(windows.tenant, windows.client), this.#options.settings.partitions);
    this.#options.observer.closed(windows, partition, this.position());
  }

  /** The log, with what becomes durable told to the oracle, and poison slipped in. */
  #watched(log: MetricLog): MetricLog {
    const { observer, random, faults } = this.#options;
    const known = observer.end();
    if (log.end() < known) observer.report(`the log ends at ${log.end()}; records up to ${known} were durable`);
    const tellDurable = (): void => {
      for (let rest: StoredRecord[]; ; observer.durable(rest)) {
        rest = log.read(observer.end(), LIMITS.readBatchBytesMax);
        if (rest.length === 0) return;
      }
    };
    tellDurable();
    return {
      ...log,
      append: async (records, appendMs) => {
        const poison = { partition: records[0]?.partition ?? 0, bytes: Uint8Array.of(1, 7, random.whole(0, 255)) };
        const slipped = random.chance(this.poisonChance) ? [poison] : [];
        const all = [...slipped, ...records];
        const first = await log.append(all, appendMs);
        faults.count('poison_record', slipped.length);
        // What could not be synced before has become durable with it.
        if (first > observer.end()) tellDurable();
        else observer.durable(all.map((record, i) => ({ ...record, offset: first + i, appendMs })));
        return first + slipped.length;
      },
      trim: (safeOffset, olderThanMs, bytesMax) => {
        const trimmed = log.trim(safeOffset, olderThanMs, bytesMax);
        faults.count('log_trimmed', trimmed.deleted);
        if (trimmed.deleted > 0) this.#checkTrim();
        return trimmed;
      },
    };
  }

  #checkTrim(): void {
    const { observer, settings } = this.#options;
    const [kept] = this.disk.look<{ first: number }>('SELECT MIN(first_offset) AS first FROM log_batches');
    const safe = Math.min(...this.#savedOffsets(settings.partitions));
    if (kept === undefined || kept.first > safe) observer.report(`the log was cut up to ${kept?.first}; ${safe} is needed`);
  }

  /** From where each partition would be read again: its own checkpoint says, or a later one of another that names it idle. */
  #savedOffsets(partitions: number): number[] {
    const rows = this.disk.look<{ partition: number; position: number; safe_offset: number; body: Uint8Array }>(
      'SELECT partition, position, safe_offset, body FROM checkpoints ORDER BY partition, part',
    );
    const saved = [...Map.groupBy(rows, ({ partition }) => partition)].map(([partition, parts]) => {
      const { position = 0, safe_offset: safeOffset = 0 } = parts[0] ?? {};
      return { partition, position, safeOffset, idle: decodeCheckpoint(Buffer.concat(parts.map(({ body }) => body))).idle };
    });
    return Array.from({ length: partitions }, (_, partition) => {
      const own = saved.find((one) => one.partition === partition) ?? { position: 0, safeOffset: 0 };
      const idle = saved.flatMap((one) => one.idle.filter(([idlePartition]) => idlePartition === partition));
      const idleAt = Math.max(0, ...idle.map(([, position]) => position));
      return idleAt > own.position ? idleAt : own.safeOffset;
    });
  }
}
