/** The production profile in memory, under a clock that the test moves: an edge, a partitioned log, owners of partitions, a store of points. */
import { memoryCheckpointLog } from '../../src/adapters/memory/checkpoint-log.ts';
import { type MemoryPartitionLog, memoryPartitionLog } from '../../src/adapters/memory/partition-log.ts';
import { memoryPointStore } from '../../src/adapters/memory/point-store.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { memoryTopicProducer } from '../../src/adapters/memory/topic-producer.ts';
import { LogAppender } from '../../src/consumers/log-appender.ts';
import { SERVER_PACE } from '../../src/consumers/pace.ts';
import { PartitionOwner } from '../../src/consumers/partition-owner.ts';
import type { DeadLetter } from '../../src/consumers/store-writer.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { PartitionGroup } from '../../src/ports/partition-group.ts';
import type { PointWriter } from '../../src/ports/point-writer.ts';
import type { TopicProducer } from '../../src/ports/topic-producer.ts';
import { encodeTick, type ShapeInterner, shapeInterner } from '../../src/protocols/log-record.ts';
import { type ManualClock, manualClock, settle } from '../agent/manual-clock.ts';
import { dealings, finish, type Lab, metricIn, START_MS } from './lab.ts';

const TOPIC = 'metrics-raw';
const PARTITIONS = 2;
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);

export interface PartitionedLab extends Pick<Lab, 'clock' | 'shapes' | 'push' | 'windows' | 'samples' | 'crash' | 'restart'> {
  readonly shard: { readonly reader: PartitionOwner['reader'] };
  readonly owner: PartitionOwner;
  /** A process beside the owner that consumes nothing. */
  edge(): PartitionOwner;
  readonly store: ReturnType<typeof memoryPointStore>;
  /** What could be neither read nor stored. */
  readonly letters: string[];
  /** Appends bytes that are no record. */
  garbage(partition: number): Promise<void>;
  metric(name: string): number | undefined;
}

export interface PartitionedLabOptions {
  readonly startMs?: number;
  /** Wraps the store, to fail or to wait. */
  readonly writerWith?: (writer: PointWriter) => PointWriter;
}

/** A group of one, that gives all partitions, with a generation for each life. */
function groupOf(generation: number): PartitionGroup {
  return {
    join: async (assigned) => assigned(ALL, generation),
    holds: () => true,
    takeoverMs: LIMITS.sessionTimeoutMs,
    leave: async () => undefined,
  };
}

interface Broker {
  readonly log: MemoryPartitionLog;
  readonly producer: TopicProducer;
  send(partition: number, value: Uint8Array): Promise<number>;
}

/** As with LogAppendTime: the broker's clock, which never falls. */
function brokerOf(clock: ManualClock): Broker {
  const topics = memoryTopicProducer({ topics: { [TOPIC]: PARTITIONS } });
  const log = memoryPartitionLog({ producer: topics, topic: TOPIC });
  let stampMs = 0;
  const producer: TopicProducer = {
    async send(record) {
      stampMs = Math.max(stampMs, clock.nowMs());
      const offset = await topics.send({ ...record, timestampMs: stampMs });
      clock.schedule(0, log.arrived);
      return offset;
    },
    close: topics.close,
  };
  return {
    log,
    producer,
    send: (partition, value) =>
      producer.send({ topic: TOPIC, partition, key: undefined, value, headers: [], timestampMs: undefined }),
  };
}

function appenderOf(clock: ManualClock, { producer }: Broker, shapes: ShapeInterner): LogAppender {
  return new LogAppender({
    clock,
    producer,
    topic: TOPIC,
    partitions: PARTITIONS,
    shapes,
    telemetry: memoryTelemetry({ nowMs: clock.nowMs }),
    cardinality: LIMITS,
    tenantRequestsPerSecond: LIMITS.tenantRequestsPerSecond,
    limiter: undefined,
  });
}

/** Owners of all partitions, one after the other, over the same log, store and checkpoints. */
class Owners {
  readonly store = memoryPointStore();
  readonly letters: string[] = [];
  telemetry;
  readonly #clock: ManualClock;
  readonly #broker: Broker;
  readonly #writer: PointWriter;
  readonly #checkpoints = memoryCheckpointLog();
  #life = 0;

  constructor(clock: ManualClock, broker: Broker, options: PartitionedLabOptions) {
    this.#clock = clock;
    this.#broker = broker;
    this.#writer = options.writerWith?.(this.store) ?? this.store;
    this.telemetry = memoryTelemetry({ nowMs: clock.nowMs });
  }

  /** Dies as SIGKILL does: nothing that it had begun comes to its end. */
  die(): void {
    this.#life += 1;
  }

  /** What lies outside of a process: the same for all. */
  #shared() {
    return {
      log: this.#broker.log,
      store: this.store,
      checkpointsElsewhere: this.#checkpoints,
      shapes: shapeInterner(),
      partitions: PARTITIONS,
      headBytesMax: LIMITS.headBytesMax,
      pace: SERVER_PACE,
      tick: (partition: number) => void this.#broker.send(partition, encodeTick()),
      deadLetter: async (_partition: number, dead: readonly DeadLetter[]) =>
        void this.letters.push(...dead.map(({ reason }) => reason)),
    };
  }

  /** It owns nothing, and reads what others wrote. */
  edge(): PartitionOwner {
    const clock = this.#clock;
    return new PartitionOwner({
      ...this.#shared(),
      clock,
      group: groupOf(0),
      writer: this.store,
      checkpoints: this.#checkpoints,
      telemetry: memoryTelemetry({ nowMs: clock.nowMs }),
      consumes: false,
    });
  }

  async next(): Promise<PartitionOwner> {
    const clock = this.#clock;
    this.#life += 1;
    const own = this.#life;
    const alive = (): boolean => own === this.#life;
    const whileAlive = <T>(act: () => Promise<T>): Promise<T> => (alive() ? act() : new Promise(() => undefined));
    this.telemetry = memoryTelemetry({ nowMs: clock.nowMs });
    const owner = new PartitionOwner({
      ...this.#shared(),
      clock: { nowMs: clock.nowMs, schedule: (delayMs, task) => clock.schedule(delayMs, () => alive() && task()) },
      group: groupOf(own),
      writer: { write: (batch) => whileAlive(() => this.#writer.write(batch)) },
      checkpoints: {
        load: (partition) => this.#checkpoints.load(partition),
        save: (saved) => whileAlive(() => this.#checkpoints.save(saved)),
      },
      telemetry: this.telemetry,
      consumes: true,
    });
    await owner.start();
    await clock.advance(0);
    return owner;
  }
}

export async function openPartitionedLab(options: PartitionedLabOptions = {}): Promise<PartitionedLab> {
  const clock = manualClock(options.startMs ?? START_MS);
  const shapes = shapeInterner();
  const broker = brokerOf(clock);
  const appender = appenderOf(clock, broker, shapes);
  const owners = new Owners(clock, broker, options);
  let owner = await owners.next();
  return {
    clock,
    shapes,
    store: owners.store,
    letters: owners.letters,
    get owner() {
      return owner;
    },
    get shard() {
      return owner;
    },
    edge: () => owners.edge(),
    ...dealings({ clock, shapes, appender: () => appender, reader: () => owner.reader }),
    metric: (name) => metricIn(owners.telemetry.render(), name),
    async garbage(partition) {
      await broker.send(partition, Uint8Array.of(9, 9, 9));
      await clock.advance(0);
    },
    async restart() {
      await finish(clock, owner.stop());
      owner = await owners.next();
    },
    async crash() {
      owners.die();
      await settle();
      owner = await owners.next();
    },
  };
}
