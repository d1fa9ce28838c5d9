/** A shard whose log and store are elsewhere: what it answers, whatever becomes of its lives and of the services, and that a run of it ends. */
import { describe, expect, test } from 'vitest';
import { memoryCheckpointLog } from '../../src/adapters/memory/checkpoint-log.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryPartitionLog } from '../../src/adapters/memory/partition-log.ts';
import { memoryPointStore } from '../../src/adapters/memory/point-store.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { memoryTopicProducer } from '../../src/adapters/memory/topic-producer.ts';
import { FedShard } from '../../src/consumers/fed-shard.ts';
import { FED_PACE } from '../../src/consumers/pace.ts';
import { runBudget } from '../../src/consumers/run-budget.ts';
import { MetricStreamError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { clientKey, partitionOf } from '../../src/model/partition.ts';
import type { PartitionLog } from '../../src/ports/partition-log.ts';
import type { PointWriter } from '../../src/ports/point-writer.ts';
import { ByteWriter } from '../../src/protocols/bytes.ts';
import { encodePush, shapeInterner } from '../../src/protocols/log-record.ts';
import { CALL_VERSION } from '../../src/protocols/shard-reply.ts';
import { type ManualClock, manualClock } from '../agent/manual-clock.ts';
import { metricIn, START_MS } from './lab.ts';
import { pushOf, windowsIn } from './shapes.ts';

const TOPIC = 'metrics-raw';
const PARTITIONS = 4;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const CLIENTS = Array.from({ length: 12 }, (_, i) => `web-${i}`);

interface LabOptions {
  /** Wraps the writer of points, to fail or to hang. */
  readonly writerWith?: (writer: PointWriter) => PointWriter;
  readonly logWith?: (log: PartitionLog) => PartitionLog;
}

/** Moves time on until it is settled. @returns how long that took, ms. */
async function passed(clock: ManualClock, work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const startedMs = clock.nowMs();
  const ended = work.finally(() => {
    isDone = true;
  });
  ended.catch(() => undefined);
  for (let waits = 0; !isDone; waits++) await clock.advance(waits < 50 ? 0 : 20);
  await ended;
  return clock.nowMs() - startedMs;
}

const MINUTES = {
  tenant: 'default',
  client: undefined,
  metric: undefined,
  labels: {},
  startMs: 0,
  endMs: START_MS * 2,
  resolution: '1m',
  open: true,
} as const;

function openLab({ writerWith = (writer) => writer, logWith = (log) => log }: LabOptions = {}) {
  const clock = manualClock(START_MS);
  const topics = memoryTopicProducer({ topics: { [TOPIC]: PARTITIONS } });
  const store = memoryPointStore();
  const checkpoints = [0, 1].map(() => memoryCheckpointLog());
  const alarms: (number | null)[] = [null, null];
  const registered: number[] = [];
  let telemetry = memoryTelemetry({ nowMs: clock.nowMs });
  const send = (partition: number, value: Uint8Array): Promise<number> =>
    topics.send({ topic: TOPIC, partition, key: undefined, value, headers: [], timestampMs: clock.nowMs() });

  /** A new life of one of two shards: nothing of the one before is in its memory. */
  const start = (place: 0 | 1): FedShard => {
    telemetry = memoryTelemetry({ nowMs: clock.nowMs });
    return new FedShard({
      clock,
      log: logWith(memoryPartitionLog({ producer: topics, topic: TOPIC })),
      look: async () => undefined,
      store,
      writer: writerWith(store),
      checkpoints: checkpoints[place] ?? memoryCheckpointLog(),
      telemetry,
      shapes: shapeInterner(),
      pace: FED_PACE,
      partitions: PARTITIONS,
      own: [0, 1, 2, 3].filter((partition) => partition % 2 === place),
      headBytesMax: LIMITS.objectHeadBytesMax,
      budget: runBudget(clock),
      alarm: { get: async () => alarms[place] ?? null, set: async (atMs) => void alarms.splice(place, 1, atMs) },
      keys: memoryKeyRegistry(),
      async register() {
        registered.push(place);
        return [];
      },
      send: async (partition, record) => void (await send(partition, record)),
      deadLetter: async () => undefined,
    });
  };

  const passing = (work: Promise<unknown>): Promise<number> => passed(clock, work);
  return {
    clock,
    alarms,
    registered,
    store,
    start,
    passing,
    metric: (name: string) => metricIn(telemetry.render(), name),
    records: () => [0, 1, 2, 3].reduce((sum, partition) => sum + topics.records(TOPIC, partition).length, 0),
    async push(client: string, ms: number, value: number) {
      const push = pushOf(shapeInterner(), [['cpu', ms, value]], { client, arrivalMs: clock.nowMs() });
      await send(partitionOf(clientKey('default', client), PARTITIONS), encodePush(push, new ByteWriter(256)));
    },
    /** What a shard tells of the minutes of its clients. */
    async minutes(shard: FedShard) {
      const reading = shard.readWindows({ version: CALL_VERSION, query: MINUTES });
      await passing(reading);
      const { items } = await reading;
      return items.map(({ client, columns }) => [client, windowsIn(columns).map(({ count, sum }) => [count, sum])]);
    },
  };
}

type Lab = ReturnType<typeof openLab>;

async function pushAll(lab: Lab, times = 3, from = 0): Promise<void> {
  for (let i = from; i < from + times; i++) for (const client of CLIENTS) await lab.push(client, START_MS + i, i + 1);
}

const ANSWER = [3, 6];

describe('a shard that is fed', () => {
  test('answers with all that was in the log when it was asked, each shard of its own clients', async () => {
    const lab = openLab();
    const shards = [lab.start(0), lab.start(1)];
    await pushAll(lab);
    const told = await Promise.all(shards.map((shard) => lab.minutes(shard)));
    expect(
      told
        .flat()
        .map(([client]) => client)
        .sort(),
    ).toEqual([...CLIENTS].sort());
    for (const [, windows] of told.flat()) expect(windows).toEqual([ANSWER]);
    expect(told.every((own) => own.length > 0)).toBe(true);
    await lab.push('web-0', START_MS + 3, 10);
    const again = (await Promise.all(shards.map((shard) => lab.minutes(shard)))).flat();
    expect(again.find(([client]) => client === 'web-0')?.[1]).toEqual([[4, 16]]);
  });

  test('answers the same in a new life, before and after its minutes have closed and its heads were sealed', async () => {
    const lab = openLab();
    const first = lab.start(0);
    await pushAll(lab);
    const expected = await lab.minutes(first);
    expect(await lab.minutes(lab.start(0))).toEqual(expected);
    const second = lab.start(0);
    for (let i = 0; i < 30; i++) {
      await lab.clock.advance(MINUTE_MS);
      await lab.passing(second.wake());
    }
    expect(lab.metric('metricstream_samples_sealed_total')).toBeGreaterThan(0);
    expect(await lab.minutes(second)).toEqual(expected);
    expect(await lab.minutes(lab.start(0))).toEqual(expected);
    const stored = await Promise.all(
      expected.map(async ([client]) => {
        const range = { tenant: 'default', client: String(client), startMs: 0, endMs: START_MS * 2, want: undefined };
        const blocks = await lab.store.readWindows(range, '1m');
        return [client, windowsIn(blocks.flatMap(({ columns }) => columns)).map(({ count, sum }) => [count, sum])];
      }),
    );
    expect(stored).toEqual(expected);
  });

  test('leaves nothing under way between its runs, and moves log time on with ticks while windows are open', async () => {
    const lab = openLab();
    const shard = lab.start(0);
    await pushAll(lab);
    const before = lab.records();
    await lab.passing(shard.wake());
    expect(lab.clock.waiting()).toBe(0);
    await lab.clock.advance(2 * MINUTE_MS);
    await lab.passing(shard.wake());
    expect(lab.records()).toBeGreaterThan(before);
    expect(lab.clock.waiting()).toBe(0);
  });

  test('is woken again soon where it found something, and by cron alone where it holds nothing', async () => {
    const lab = openLab();
    const shard = lab.start(0);
    await lab.passing(shard.start());
    await pushAll(lab, 1);
    await lab.passing(shard.wake());
    expect(lab.alarms[0]).toBe(lab.clock.nowMs() + LIMITS.fedPollMs);
    expect(lab.registered).toEqual([0]);
    await lab.passing(shard.wake());
    expect(lab.registered).toEqual([0]);
  });

  test('looks soon, and counts what they have counted, when edges tell it of something; and takes no push', async () => {
    const lab = openLab();
    const shard = lab.start(0);
    const counts = [['metricstream_pushes_total', 3, { outcome: 'accepted' }] as const];
    expect(await shard.append({ counts })).toMatchObject({ kind: 'refused', code: 'shutting_down' });
    expect(lab.alarms[0]).toBe(lab.clock.nowMs() + LIMITS.wakeGapMs);
    expect(lab.metric('metricstream_pushes_total\\{outcome="accepted"\\}')).toBe(3);
  });
});

describe('a run ends, and nothing is lost, where', () => {
  const FAILING: readonly (readonly [string, (writer: PointWriter) => PointWriter['write']])[] = [
    ['the store cannot be reached', () => () => Promise.reject(new MetricStreamError('unavailable', 'down'))],
    ['the store hangs', () => () => new Promise(() => undefined)],
  ];

  test.each(FAILING)('%s', async (_, failing) => {
    let isFailing = false;
    const lab = openLab({
      writerWith: (writer) => ({ write: (points) => (isFailing ? failing(writer)(points) : writer.write(points)) }),
    });
    const shard = lab.start(0);
    await pushAll(lab);
    await lab.passing(shard.wake());
    // Samples of a client go to the store once a checkpoint holds it.
    await lab.clock.advance(FED_PACE.checkpointMs);
    await lab.passing(shard.wake());
    isFailing = true;
    await pushAll(lab, 3, 3);
    expect(await lab.passing(shard.wake())).toBeLessThanOrEqual(LIMITS.fedRunMs + SECOND_MS);
    expect(lab.metric('metricstream_consumer_failures_total')).toBe(1);
    await expect(lab.minutes(shard)).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: LIMITS.retryMs });
    isFailing = false;
    for (const [, windows] of await lab.minutes(shard)) expect(windows).toEqual([[6, 21]]);
  });

  test('the log cannot be reached', async () => {
    let isFailing = true;
    const lab = openLab({
      logWith: (log) => ({
        ...log,
        open: (...given) => (isFailing ? Promise.reject(new MetricStreamError('unavailable', 'down')) : log.open(...given)),
      }),
    });
    const shard = lab.start(0);
    await pushAll(lab);
    expect(await lab.passing(shard.wake())).toBeLessThanOrEqual(LIMITS.fedRunMs);
    await expect(lab.minutes(shard)).rejects.toMatchObject({ code: 'unavailable' });
    isFailing = false;
    for (const [, windows] of await lab.minutes(shard)) expect(windows).toEqual([ANSWER]);
  });

  test('the log holds more than one run may read: the next goes on, and until then no answer is half', async () => {
    const lab = openLab({
      logWith: (log) => ({
        ...log,
        async open(partition, arrived) {
          const reader = await log.open(partition, arrived);
          // One record a request, each of which counts.
          return { ...reader, read: (from, bytesMax) => (bytesMax === 0 ? [] : reader.read(from, 1)) };
        },
      }),
    });
    const shard = lab.start(0);
    await pushAll(lab, 30);
    const outcomes: string[] = [];
    for (let i = 0; i < 100 && outcomes.at(-1) !== 'whole'; i++) {
      const told = await lab.minutes(shard).catch((error: MetricStreamError) => error.code);
      outcomes.push(typeof told === 'string' ? told : 'whole');
      if (typeof told !== 'string') for (const [, windows] of told) expect(windows).toEqual([[30, 465]]);
    }
    expect(new Set(outcomes)).toEqual(new Set(['unavailable', 'whole']));
    expect(outcomes.at(-1)).toBe('whole');
  });
});
