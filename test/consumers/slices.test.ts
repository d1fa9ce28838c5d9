/** However much there is to do at once, the loop comes round: a server's heartbeat in its group waits for one slice of work, never for all of it. */
import { expect, test } from 'vitest';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { Consumer, type ConsumerDependencies } from '../../src/consumers/consume.ts';
import { Judging } from '../../src/consumers/judging.ts';
import { SERVER_PACE } from '../../src/consumers/pace.ts';
import { Pipeline } from '../../src/consumers/pipeline.ts';
import { planSeal } from '../../src/consumers/seal.ts';
import { ALERT_LIMITS } from '../../src/model/alert-limits.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { clientKey } from '../../src/model/partition.ts';
import type { CheckpointRecord } from '../../src/ports/checkpoint-store.ts';
import type { StoredRecord } from '../../src/ports/metric-log.ts';
import type { TimeSeriesStore } from '../../src/ports/time-series-store.ts';
import type { WindowSink } from '../../src/ports/window-sink.ts';
import { ByteWriter } from '../../src/protocols/bytes.ts';
import { encodePush, encodeTick, shapeInterner } from '../../src/protocols/log-record.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { START_MS } from './lab.ts';
import { openPartitionedLab } from './partitioned-lab.ts';
import { inOneGo, pushOf } from './shapes.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

const emptyStore: TimeSeriesStore = {
  lastSampleMs: async () => undefined,
  clients: async () => [],
  readSamples: async () => [],
  readWindows: async () => [],
  retain: async () => 0,
};

/** What a log holds: pushes of one sample of one host at these times. */
function pushesAt(timesMs: readonly number[], appendMs: number): StoredRecord[] {
  const shapes = shapeInterner();
  const writer = new ByteWriter(256);
  return timesMs.map((ms, offset) => {
    const push = pushOf(shapes, [['cpu', ms, offset]], { pushId: { boot: 'b', sequence: offset, previous: undefined } });
    return { offset, partition: 0, appendMs, bytes: encodePush(push, writer).slice() };
  });
}

function every(ms: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => START_MS + i * ms);
}

/** How much was done, and the most of it in one turn of the loop. */
class Done {
  count = 0;
  most = 0;
  #inTurn = 0;

  readonly one = (): void => {
    this.count += 1;
    this.#inTurn += 1;
    this.most = Math.max(this.most, this.#inTurn);
  };

  turn(): void {
    this.#inTurn = 0;
  }
}

interface OneConsumer {
  readonly records: readonly StoredRecord[];
  readonly done: Done;
  readonly sink?: WindowSink;
  readonly judging?: Judging;
  readonly saved?: CheckpointRecord | undefined;
  readonly poison?: ConsumerDependencies['poison'];
}

/** A consumer of a log elsewhere that takes all that is there and checkpoints once. @returns its checkpoint. */
async function consume({ records, done, saved, poison, judging, ...own }: OneConsumer): Promise<CheckpointRecord | undefined> {
  const clock = manualClock(START_MS + HOUR_MS);
  const sink = own.sink ?? { closed: () => undefined };
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs });
  let kept = saved;
  const consumer = new Consumer({
    clock: {
      nowMs: clock.nowMs,
      schedule: (delayMs, task) =>
        clock.schedule(delayMs, () => {
          done.turn();
          task();
        }),
    },
    store: emptyStore,
    telemetry,
    sink,
    pipelines: [new Pipeline(0, { store: emptyStore, sink, telemetry, judging, seen: () => undefined })],
    headBytesMax: LIMITS.headBytesMax,
    pace: SERVER_PACE,
    shapes: shapeInterner(),
    log: { end: () => records.length, read: async (offset) => records.slice(offset) },
    checkpoints: {
      load: async () => saved,
      commit: async (checkpoint) => {
        kept = checkpoint;
      },
    },
    consumed: () => undefined,
    seenOf: () => [],
    restored: () => undefined,
    poison,
  });
  await consumer.restore();
  void consumer.kick();
  await clock.advance(2 * LIMITS.checkpointIntervalMs);
  void consumer.kick();
  await clock.advance(SECOND_MS);
  expect(consumer.failed).toBeUndefined();
  return kept;
}

function telling(done: Done): WindowSink {
  return { closed: done.one, corrected: done.one, merged: ({ blocks }) => blocks.forEach(done.one) };
}

test('what was kept back of a new host is told in slices, all of it', async () => {
  const done = new Done();
  await consume({ records: pushesAt(every(20, 3_000), START_MS), done, sink: telling(done) });
  expect(done.count).toBeGreaterThanOrEqual(3_000);
  expect(done.most).toBeLessThanOrEqual(LIMITS.sliceRecordsMax);
});

test('what heads were refilled with is told again in slices, all of it', async () => {
  const records = pushesAt(every(20, 3_000), START_MS);
  const saved = await consume({ records, done: new Done() });
  const done = new Done();
  const tick = { offset: 3_000, partition: 0, appendMs: START_MS + SECOND_MS, bytes: encodeTick() };
  await consume({ records: [...records, tick], done, sink: telling(done), saved });
  expect(done.count).toBeGreaterThanOrEqual(3_000);
  expect(done.most).toBeLessThanOrEqual(LIMITS.sliceRecordsMax);
});

test('what waits for a store that is slow stays within its bound while heads are told to it', async () => {
  const waiting: number[] = [];
  const lab = await openPartitionedLab({
    writerWith: (writer) => ({
      async write(points) {
        waiting.push(lab.metric('metricstream_store_points_waiting') ?? 0);
        await new Promise<void>((resolve) => void lab.clock.schedule(SECOND_MS, resolve));
        return writer.write(points);
      },
    }),
  });
  const names = Array.from({ length: 500 }, (_, i) => `metric_${i}`);
  const pushes = (3 * LIMITS.sinkPointsWaitingMax) / names.length;
  for (let i = 0; i < pushes; i++) await lab.push(names.map((name) => [name, START_MS + i, i] as const));
  await lab.clock.advance(4 * LIMITS.checkpointIntervalMs);
  const blocks = await lab.store.readSamples({ tenant: 'default', client: 'web-1', startMs: 0, endMs: 4e13, want: undefined });
  expect(blocks.flatMap(({ columns }) => columns.flatMap(({ values }) => [...values])).length).toBe(pushes * names.length);
  expect(Math.max(...waiting)).toBeLessThanOrEqual(LIMITS.sinkPointsWaitingMax + names.length);
});

test('records that come in megabytes are read in slices', async () => {
  const done = new Done();
  const bytes = Uint8Array.of(9, 9, 9);
  const records = every(1, 5_000).map((appendMs, offset) => ({ offset, partition: 0, appendMs, bytes }));
  await consume({ records, done, poison: done.one });
  expect(done.count).toBe(5_000);
  expect(done.most).toBeLessThanOrEqual(LIMITS.sliceRecordsMax);
});

test('minutes that a host brings late are judged again in slices, all of them', async () => {
  const done = new Done();
  const nothing = (): void => undefined;
  const judge = {
    corrected: done.one,
    closed: nothing,
    sampled: nothing,
    scanned: () => false,
    controlled: nothing,
    take: () => [],
    snapshot: () => new Uint8Array(0),
    restore: nothing,
  };
  const days = pushesAt(every(MINUTE_MS, 1_400), START_MS + 24 * HOUR_MS);
  const tick = { offset: 1_400, partition: 0, appendMs: START_MS + 24 * HOUR_MS + ALERT_LIMITS.alertScanMs, bytes: encodeTick() };
  await consume({ records: [...days, tick], done, judging: new Judging(judge, LIMITS.tickIntervalMs) });
  expect(done.count).toBe(1_400);
  expect(done.most).toBeLessThanOrEqual(LIMITS.sliceRecordsMax);
});

test('a day of one host is sealed an hour at a time', async () => {
  const telemetry = memoryTelemetry({ nowMs: () => START_MS });
  const pipeline = new Pipeline(0, { store: emptyStore, sink: { closed: () => undefined }, telemetry, seen: () => undefined });
  const shapes = shapeInterner();
  for (const [offset, ms] of every(10 * MINUTE_MS, 24 * 6).entries()) {
    inOneGo(pipeline.advanceLog(START_MS + 25 * HOUR_MS));
    const push = pushOf(shapes, [['cpu', ms, 1]]);
    await pipeline.prepare(clientKey('default', 'web-1'), push, offset);
    pipeline.apply(clientKey('default', 'web-1'), push, offset);
  }
  let pauses = 0;
  for (const client of pipeline.clients.values()) {
    const { windows } = await planSeal(client, 24 * 6, emptyStore, async () => {
      pauses += 1;
    });
    expect(windows.filter(({ resolution }) => resolution === '1m')).toHaveLength(24);
  }
  expect(pauses).toBe(23);
});
