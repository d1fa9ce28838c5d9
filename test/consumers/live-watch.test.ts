/** A shard tells control what changed: while someone watches, at most every two seconds, and nothing otherwise. */
import { describe, expect, test } from 'vitest';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { LiveWatch } from '../../src/consumers/live-watch.ts';
import { OBJECT_PACE } from '../../src/consumers/pace.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { LiveCall } from '../../src/ports/shard-service.ts';
import { settle } from '../agent/manual-clock.ts';
import { openLab, START_MS } from './lab.ts';

const INTERVAL_MS = LIMITS.objectLiveIntervalMs;
const WATCH_MS = LIMITS.objectLiveWatchMs;

async function openWatch(answer: (call: LiveCall) => Promise<number> = async () => 1) {
  const lab = await openLab({ pace: OBJECT_PACE });
  const calls: LiveCall[] = [];
  const telemetry = memoryTelemetry({ nowMs: lab.clock.nowMs, write: () => undefined });
  const tell = (call: LiveCall): Promise<number> => {
    calls.push(call);
    return answer(call);
  };
  const watch = new LiveWatch({ clock: lab.clock, feed: lab.shard.live, telemetry, tell });
  const told = (): string[] => calls.splice(0).map(({ tenant, clients }) => `${tenant}: ${clients.map((one) => one.client)}`);
  const push = (client: string, tenant = 'default') => lab.push([['cpu', START_MS, 1]], { client, tenant });
  const later = async (ms: number): Promise<void> => {
    await lab.clock.advance(ms);
    await settle();
  };
  return { watch, calls, told, push, later, clock: lab.clock };
}

const all = (...tenants: string[]) => tenants.map((tenant) => ({ tenant }));

describe('a shard that is watched', () => {
  test('tells the clients that changed in one call an interval, of the watched tenants and clients', async () => {
    const { watch, told, push, later } = await openWatch();
    watch.watch({
      watched: [...all('default'), { tenant: 'other', client: 'b' }, { tenant: 'other', client: 'c' }],
      forMs: WATCH_MS,
    });
    for (const tenant of ['default', 'other', 'third']) {
      for (const client of ['a', 'b', 'a']) await push(client, tenant);
    }
    await later(INTERVAL_MS - 1);
    expect(told()).toEqual([]);
    await later(1);
    expect(told()).toEqual(['default: a,b', 'other: b']);
    await later(10 * INTERVAL_MS);
    expect(told()).toEqual([]);
  });

  test('says nothing before, after the time that it was told, or after it was told to stop; then no timer is left', async () => {
    const { watch, told, push, later, clock } = await openWatch();
    await push('a');
    await later(INTERVAL_MS);
    watch.watch({ watched: all('default'), forMs: WATCH_MS });
    await later(WATCH_MS - INTERVAL_MS);
    expect(told()).toEqual([]);
    await push('a');
    await later(INTERVAL_MS);
    expect(told()).toEqual([]);
    watch.watch({ watched: all('default'), forMs: WATCH_MS });
    await push('a');
    await later(INTERVAL_MS);
    expect(told()).toEqual(['default: a']);
    watch.watch({ watched: [], forMs: 0 });
    const before = clock.waiting();
    await push('a');
    await later(INTERVAL_MS);
    expect(told()).toEqual([]);
    expect(clock.waiting()).toBeLessThanOrEqual(before);
  });

  test('takes no watch for longer than the bound, whatever a newer control says', async () => {
    const { watch, told, push, later } = await openWatch();
    watch.watch({ watched: all('default'), forMs: 100 * WATCH_MS });
    await later(WATCH_MS);
    await push('a');
    await later(INTERVAL_MS);
    expect(told()).toEqual([]);
  });

  test('stops at the answer that nobody listens, unless it was told since that someone does', async () => {
    const answers: ((listening: number) => void)[] = [];
    const { watch, told, push, later } = await openWatch(() => new Promise((resolve) => answers.push(resolve)));
    const change = async (): Promise<string[]> => {
      await push('a');
      await later(INTERVAL_MS);
      return told();
    };
    watch.watch({ watched: all('default'), forMs: WATCH_MS });
    expect(await change()).toEqual(['default: a']);
    watch.watch({ watched: all('default'), forMs: WATCH_MS });
    answers.shift()?.(0);
    expect(await change()).toEqual(['default: a']);
    answers.shift()?.(0);
    expect(await change()).toEqual([]);
  });

  test('goes on after a call that fails or is not answered', async () => {
    let first = true;
    const { watch, told, push, later } = await openWatch(() => {
      if (!first) return new Promise(() => undefined);
      first = false;
      return Promise.reject(new Error('moved'));
    });
    watch.watch({ watched: all('default'), forMs: WATCH_MS });
    for (let i = 0; i < 2; i++) {
      await push('a');
      await later(INTERVAL_MS);
      expect(told()).toEqual(['default: a']);
    }
    await push('b');
    await later(INTERVAL_MS);
    expect(told()).toEqual([]);
    await later(LIMITS.objectLiveAnswerMs - INTERVAL_MS);
    expect(told()).toEqual(['default: b']);
  });

  test('tells many clients in calls of a bounded size, one after the other, and holds a bounded number of them', async () => {
    const answers: (() => void)[] = [];
    const { watch, calls, push, later } = await openWatch(() => new Promise((resolve) => answers.push(() => resolve(1))));
    watch.watch({ watched: all('default'), forMs: WATCH_MS });
    for (let i = 0; i <= LIMITS.objectLiveClientsMax; i++) await push(`host-${i}`);
    await later(INTERVAL_MS);
    expect(calls.map(({ clients }) => clients.length)).toEqual([LIMITS.objectLiveClientsMax]);
    answers.shift()?.();
    await settle();
    expect(calls.map(({ clients }) => clients.length)).toEqual([LIMITS.objectLiveClientsMax, 1]);
  });
});
