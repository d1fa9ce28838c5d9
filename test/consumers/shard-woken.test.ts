/** A shard that does not wake itself: its host calls it when something is due, and nothing is left undone. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/model/window.ts';
import { finish, type Lab, openLab, RETENTION, START_MS } from './lab.ts';

const PACE = { checkpointMs: 5 * MINUTE_MS, tickMs: MINUTE_MS, retentionMs: HOUR_MS, liveMs: 2_000, commitRecords: 8 };

/** Sleeps until something is due, does it, and so on. @returns how often it woke. */
async function sleepUntil(lab: Lab, untilMs: number): Promise<number> {
  let woken = 0;
  for (let dueMs = lab.shard.nextDueMs(); dueMs < untilMs; dueMs = lab.shard.nextDueMs()) {
    await lab.clock.advance(Math.max(0, dueMs - lab.clock.nowMs()));
    await finish(lab.clock, lab.shard.round());
    await lab.clock.advance(0);
    woken += 1;
    if (woken > 10_000) throw new Error('It wakes without end.');
  }
  await lab.clock.advance(untilMs - lab.clock.nowMs());
  return woken;
}

describe('a shard that is woken only when something is due', () => {
  test('closes, seals, bundles and keeps what came, and then sleeps but for retention', async () => {
    const lab = await openLab({ timed: false, pace: PACE });
    for (let i = 0; i < 30; i++) {
      await lab.push([['cpu', lab.clock.nowMs(), i]]);
      await sleepUntil(lab, lab.clock.nowMs() + 10_000);
    }
    const pushedMs = lab.clock.nowMs();
    await sleepUntil(lab, pushedMs + LIMITS.windowCloseLagMs + 2 * MINUTE_MS);
    expect(lab.closed.map(({ startMs }) => (startMs - START_MS) / MINUTE_MS)).toEqual([0, 1, 2, 3, 4]);
    await sleepUntil(lab, START_MS + 2 * DAY_MS);
    const range = { tenant: 'default', client: 'web-1', startMs: START_MS, endMs: START_MS + DAY_MS, want: undefined };
    expect((await lab.store.readWindows(range, '1m')).length).toBe(1);
    expect((await lab.store.readWindows(range, '1h')).length).toBe(1);
    const woken = await sleepUntil(lab, START_MS + 3 * DAY_MS);
    expect(woken).toBe(DAY_MS / PACE.retentionMs);
    expect((await lab.samples()).length).toBe(30);
  });

  test('shows the same windows as one that wakes itself', async () => {
    const shown: unknown[] = [];
    for (const timed of [true, false]) {
      const lab = await openLab({ timed, pace: PACE });
      for (let i = 0; i < 100; i++) {
        const ms = lab.clock.nowMs();
        await lab.push([
          ['cpu', ms, i],
          ['load1', ms - (i % 7) * 3 * MINUTE_MS, i],
        ]);
        if (timed) await lab.clock.advance(10_000);
        else await sleepUntil(lab, ms + 10_000);
      }
      if (timed) await lab.clock.advance(HOUR_MS);
      else await sleepUntil(lab, lab.clock.nowMs() + HOUR_MS);
      shown.push(await lab.windows());
    }
    expect(shown[1]).toEqual(shown[0]);
  });

  test('goes on after a crash with what is owed', async () => {
    const lab = await openLab({ timed: false, pace: PACE });
    await lab.push([['cpu', START_MS, 1]]);
    await lab.crash();
    expect(lab.shard.nextDueMs()).toBeLessThanOrEqual(START_MS + PACE.tickMs);
    await sleepUntil(lab, START_MS + HOUR_MS);
    expect(lab.closed.length).toBe(1);
  });

  test('runs retention', async () => {
    const lab = await openLab({ timed: false, pace: PACE, retention: { ...RETENTION, rawMs: DAY_MS } });
    await lab.push([['cpu', START_MS, 1]]);
    await sleepUntil(lab, START_MS + 3 * DAY_MS);
    expect(await lab.samples()).toEqual([]);
  });
});
