/** Hosts that fall silent: who is missed, when, and who is not. */
import { describe, expect, test } from 'vitest';
import { OBJECT_PACE } from '../../../src/consumers/pace.ts';
import type { Transition } from '../../../src/model/alert.ts';
import { finish, START_MS } from '../../consumers/lab.ts';
import { type JudgedLab, openJudged } from './fleet.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Pushes every 10 s, for so many minutes. */
async function alive(lab: JudgedLab, client: string, minutes: number, cpu = 20): Promise<void> {
  for (let left = minutes * 6; left > 0; left--) {
    await once(lab, client, cpu);
    await lab.clock.advance(10 * SECOND_MS);
  }
}

const sequences = new WeakMap<JudgedLab, Map<string, number>>();

async function once(lab: JudgedLab, client: string, cpu: number): Promise<void> {
  const own = sequences.get(lab) ?? new Map<string, number>();
  sequences.set(lab, own);
  const sequence = own.get(client) ?? 0;
  own.set(client, sequence + 1);
  await lab.push([['cpu', lab.clock.nowMs(), cpu]], { client, pushId: { boot: 'b', sequence, previous: undefined } });
}

const told = (lab: JudgedLab, name?: string): string[] =>
  [...lab.kept.values()]
    .filter(({ rule, amended }) => !amended && (name === undefined || rule === name))
    .map(({ client, rule, to, reason }) => [client, rule, to, reason].filter((word) => word !== undefined).join(' '));

const find = (lab: JudgedLab, to: string, rule = 'HostSilent'): Transition | undefined =>
  [...lab.kept.values()].find((one) => one.to === to && one.rule === rule);

const since = (ms: number | undefined): number => ((ms ?? 0) - START_MS) / SECOND_MS;

const retire = (lab: JudgedLab, client: string) =>
  finish(lab.clock, lab.shard.control({ kind: 'retired', tenant: 'default', client }));

/** As a host sleeps until something is due. */
async function wakeFor(lab: JudgedLab, ms: number): Promise<void> {
  const endMs = lab.clock.nowMs() + ms;
  while (lab.clock.nowMs() < endMs) {
    await finish(lab.clock, lab.shard.round());
    const dueMs = Math.min(endMs, Math.max(lab.clock.nowMs() + SECOND_MS, lab.shard.nextDueMs()));
    await lab.clock.advance(dueMs - lab.clock.nowMs());
  }
}

describe('a host that stops', () => {
  test('is missed after five minutes of log time, which ticks keep going where nobody else pushes, and heard of when it is back', async () => {
    const lab = await openJudged({ partitions: 1 });
    await alive(lab, 'web-1', 2);
    await lab.clock.advance(10 * MINUTE_MS);
    const fired = find(lab, 'firing');
    // Its last push came at 110 s.
    expect(since(fired?.onsetMs)).toBe(110);
    expect(since(fired?.atMs)).toBeGreaterThan(110 + 300);
    expect(since(fired?.atMs)).toBeLessThanOrEqual(110 + 300 + 30);
    expect(told(lab)).toEqual(['web-1 HostSilent firing']);
    const end = lab.log.end();
    await lab.clock.advance(30 * MINUTE_MS);
    await alive(lab, 'web-1', 1);
    expect(told(lab)).toEqual(['web-1 HostSilent firing', 'web-1 HostSilent resolved']);
    expect(find(lab, 'resolved')?.onsetMs).toBe(fired?.onsetMs);
    // Once it was told, and its minutes sealed, nothing waits: the log rests.
    expect(lab.log.end() - end).toBeLessThan(50);
  });

  test('is missed at the pace of a Durable Object, which sleeps between ticks a minute apart', async () => {
    const lab = await openJudged({ partitions: 1, pace: OBJECT_PACE, timed: false });
    for (let i = 0; i < 12; i++) {
      await lab.push([['cpu', lab.clock.nowMs(), 20]]);
      await wakeFor(lab, 10 * SECOND_MS);
    }
    await wakeFor(lab, 10 * MINUTE_MS);
    const fired = find(lab, 'firing');
    expect(since(fired?.atMs)).toBeGreaterThan(110 + 300);
    expect(since(fired?.atMs)).toBeLessThanOrEqual(110 + 300 + 70);
    expect(told(lab)).toEqual(['web-1 HostSilent firing']);
  });

  test('leaves its other alerts unknown, not resolved; they go on where they stand when it is back', async () => {
    const lab = await openJudged({ partitions: 1 });
    await alive(lab, 'web-1', 7, 97);
    await lab.clock.advance(15 * MINUTE_MS);
    const states = ['pending', 'firing', 'unknown no_data'].map((state) => `web-1 HighCpu ${state}`);
    expect(told(lab, 'HighCpu')).toEqual(states);
    await alive(lab, 'web-1', 3, 97);
    expect(told(lab, 'HighCpu')).toEqual([...states, 'web-1 HighCpu firing']);
    await alive(lab, 'web-1', 3, 20);
    expect(told(lab, 'HighCpu')).toEqual([...states, 'web-1 HighCpu firing', 'web-1 HighCpu resolved']);
    expect(new Set([...lab.kept.values()].filter(({ rule }) => rule === 'HighCpu').map(({ onsetMs }) => onsetMs)).size).toBe(1);
  });

  test('in the middle of a minute does not resolve what burns by the part of it that came', async () => {
    const lab = await openJudged({ partitions: 1 });
    await alive(lab, 'web-1', 7, 97);
    await once(lab, 'web-1', 3);
    await lab.clock.advance(15 * MINUTE_MS);
    expect(told(lab, 'HighCpu')).toEqual(['pending', 'firing', 'unknown no_data'].map((state) => `web-1 HighCpu ${state}`));
  });

  test('and was pending takes nothing with it into the time when it is back', async () => {
    const lab = await openJudged({ partitions: 1 });
    await alive(lab, 'web-1', 4, 97);
    await lab.clock.advance(20 * MINUTE_MS);
    await alive(lab, 'web-1', 3, 97);
    expect(told(lab, 'HighCpu')).toEqual(['pending', 'inactive no_data', 'pending'].map((state) => `web-1 HighCpu ${state}`));
  });
});

describe('our own outage', () => {
  test.each([
    ['killed', false],
    ['stopped', true],
  ])('makes nobody look silent: the server was %s', async (_how, stops) => {
    const lab = await openJudged({ partitions: 1 });
    await alive(lab, 'web-1', 4);
    if (stops) await finish(lab.clock, lab.shard.stop());
    lab.clock.step(30 * MINUTE_MS);
    await lab.crash();
    await lab.clock.advance(4 * MINUTE_MS);
    await alive(lab, 'web-1', 3);
    expect(told(lab)).toEqual([]);
  });

  test('again and again makes nobody look silent either', async () => {
    const lab = await openJudged({ partitions: 1 });
    await alive(lab, 'web-1', 4);
    for (let i = 0; i < 10; i++) {
      lab.clock.step(MINUTE_MS);
      await lab.crash();
      await lab.clock.advance(MINUTE_MS);
    }
    await alive(lab, 'web-1', 3);
    expect(told(lab)).toEqual([]);
  });

  test('delays what is said of a host that died, and takes nothing back of one that was missed before', async () => {
    const lab = await openJudged({ partitions: 1 });
    await alive(lab, 'dead', 1);
    await alive(lab, 'dies', 6);
    expect(told(lab)).toEqual(['dead HostSilent firing']);
    lab.clock.step(30 * MINUTE_MS);
    await lab.crash();
    await lab.clock.advance(4 * MINUTE_MS);
    expect(told(lab)).toEqual(['dead HostSilent firing']);
    await lab.clock.advance(2 * MINUTE_MS);
    expect(told(lab)).toEqual(['dead HostSilent firing', 'dies HostSilent firing']);
  });
});

describe('a retired host', () => {
  test('is not missed, its alerts end, and what it sent last begins none; a push brings it back', async () => {
    const lab = await openJudged({ partitions: 1 });
    await alive(lab, 'web-1', 8, 97);
    await retire(lab, 'web-1');
    await lab.clock.advance(MINUTE_MS / 2);
    const ended = ['web-1 HighCpu pending', 'web-1 HighCpu firing', 'web-1 HighCpu resolved retired'];
    expect(told(lab)).toEqual(ended);
    await lab.clock.advance(20 * MINUTE_MS);
    expect(told(lab)).toEqual(ended);
    await lab.crash();
    await lab.clock.advance(20 * MINUTE_MS);
    expect(told(lab)).toEqual(ended);
    await alive(lab, 'web-1', 7, 97);
    const again = [...ended, 'web-1 HighCpu pending', 'web-1 HighCpu firing'];
    expect(told(lab)).toEqual(again);
    await lab.clock.advance(10 * MINUTE_MS);
    expect(told(lab)).toEqual([...again, 'web-1 HostSilent firing', 'web-1 HighCpu unknown no_data']);
    await retire(lab, 'web-1');
    await lab.clock.advance(SECOND_MS);
    expect(told(lab).slice(-2).sort()).toEqual(['web-1 HighCpu resolved retired', 'web-1 HostSilent resolved retired']);
  });
});
