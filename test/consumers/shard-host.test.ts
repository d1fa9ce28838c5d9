/** A shard host and its one alarm: set when something is due, again when it was lost, and not again while it stands. */
import { expect, test } from 'vitest';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { ShardHost } from '../../src/consumers/shard-host.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { finish, openLab, START_MS } from './lab.ts';

test('an alarm that stands is not set again by cron; one that was lost, or was missed, is', async () => {
  const lab = await openLab({ timed: false });
  const { clock, shard } = lab;
  let alarmMs: number | null = null;
  let set = 0;
  const host = new ShardHost({
    shard,
    clock,
    telemetry: memoryTelemetry({ nowMs: clock.nowMs }),
    alarm: {
      get: async () => alarmMs,
      async set(atMs) {
        alarmMs = atMs;
        set += 1;
      },
    },
    keys: memoryKeyRegistry(),
    shapes: shapeInterner(),
    register: async () => [],
  });
  const cron = () => finish(clock, host.wake());
  await lab.push([['cpu', START_MS, 1]]);
  await cron();
  expect([set, alarmMs]).toEqual([1, expect.any(Number)]);
  await cron();
  expect(set).toBe(1);
  alarmMs = null;
  await cron();
  expect([set, alarmMs]).toEqual([2, expect.any(Number)]);
  alarmMs = clock.nowMs() - 60_000;
  await cron();
  expect(set).toBe(3);
  expect(alarmMs).toBeGreaterThan(clock.nowMs());
});
