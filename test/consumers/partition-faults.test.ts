/** What faults of real processes found wrong in owners of partitions and their consumers. */
import { expect, test } from 'vitest';
import { memoryPointStore } from '../../src/adapters/memory/point-store.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { Consumer } from '../../src/consumers/consume.ts';
import { SERVER_PACE } from '../../src/consumers/pace.ts';
import { Pipeline } from '../../src/consumers/pipeline.ts';
import { MetricStreamError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { StoredRecord } from '../../src/ports/metric-log.ts';
import { encodeTick, shapeInterner } from '../../src/protocols/log-record.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { finish, START_MS } from './lab.ts';
import { openPartitionedLab } from './partitioned-lab.ts';
import { samplesIn } from './shapes.ts';

test('an owner that ends in order before its first checkpoint leaves in the store what it took', async () => {
  const lab = await openPartitionedLab();
  await lab.push([['cpu', START_MS, 1]]);
  await finish(lab.clock, lab.owner.stop());
  const range = { tenant: 'default', client: 'web-1', startMs: 0, endMs: 4e13, want: undefined };
  expect((await lab.store.readSamples(range)).flatMap(samplesIn)).toEqual([['cpu', START_MS, 0, 1]]);
});

test('an owner whose store refuses it tells what an operator has to know, and nothing more', async () => {
  const refuse = async (): Promise<never> => {
    throw new MetricStreamError('misconfigured', 'the token for https://user@host is no good');
  };
  const lab = await openPartitionedLab({ writerWith: () => ({ write: refuse }) });
  await lab.push([['cpu', START_MS, 1]]);
  await lab.clock.advance(2 * LIMITS.checkpointIntervalMs);
  expect(lab.owner.ready()).toEqual({ ready: false, reason: expect.stringMatching(/^partition \d fails: misconfigured$/) });
});

test('a consumer that goes on after a failure says so, though it never comes to the end of its log', async () => {
  const clock = manualClock(START_MS);
  const store = memoryPointStore();
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs });
  const sink = { closed: () => undefined, corrected: () => undefined };
  const pipeline = new Pipeline(0, { store, sink, telemetry, seen: () => undefined });
  let isBroken = true;
  const consumer = new Consumer({
    clock,
    store,
    telemetry,
    sink,
    pipelines: [pipeline],
    headBytesMax: LIMITS.headBytesMax,
    pace: SERVER_PACE,
    shapes: shapeInterner(),
    log: {
      end: () => Number.MAX_SAFE_INTEGER,
      // There is always one more a second later.
      read: (offset): Promise<StoredRecord[]> =>
        new Promise((resolve) => {
          const record = { offset, partition: 0, appendMs: clock.nowMs(), bytes: encodeTick() };
          clock.schedule(1_000, () => resolve([record]));
        }),
    },
    checkpoints: {
      load: async () => undefined,
      async commit() {
        if (isBroken) throw new MetricStreamError('unavailable');
      },
    },
    consumed: () => undefined,
    seenOf: () => [],
    restored: () => undefined,
  });
  await consumer.restore();
  void consumer.kick();
  await clock.advance(2 * LIMITS.checkpointIntervalMs);
  expect(consumer.failed).toBeDefined();
  isBroken = false;
  void consumer.kick();
  await clock.advance(2 * LIMITS.checkpointIntervalMs);
  expect(consumer.failed).toBeUndefined();
});
