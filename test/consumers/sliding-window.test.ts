/** Rate limits: never more than the limit in any second, and nobody waits for longer than a second for a place. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BucketWindow, SlidingWindow } from '../../src/consumers/sliding-window.ts';

const START_MS = 1_767_225_600_000;
/** Steps between requests: bursts, edges of buckets and of the second, pauses. */
const steps = fc.array(fc.oneof(fc.constantFrom(0, 1, 9, 10, 11, 990, 991, 999, 1000, 1001), fc.nat(120)), {
  maxLength: 200,
  size: 'max',
});
const limit = fc.integer({ min: 1, max: 8 });

/** The most admissions in any half-open second. */
function mostInASecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
}

/** Asks at each time; gives the times that were admitted. */
function admitted(gaps: readonly number[], ask: (nowMs: number) => number): number[] {
  let nowMs = START_MS;
  return gaps.flatMap((gap) => {
    nowMs += gap;
    return ask(nowMs) === 0 ? [nowMs] : [];
  });
}

describe('a sliding window', () => {
  test('admits at most the limit in any second, and whenever there is room', () => {
    fc.assert(
      fc.property(steps, limit, (gaps, most) => {
        const window = new SlidingWindow();
        const model: number[] = [];
        const times = admitted(gaps, (nowMs) => {
          const waitMs = window.take(most, nowMs);
          const room = model.filter((at) => at > nowMs - 1000).length < most;
          expect(waitMs === 0).toBe(room);
          if (waitMs === 0) model.push(nowMs);
          return waitMs;
        });
        expect(mostInASecond(times)).toBeLessThanOrEqual(most);
      }),
    );
  });

  test('says exactly how long to wait: then there is room, a ms before there was none', () => {
    fc.assert(
      fc.property(steps, limit, (gaps, most) => {
        const window = new SlidingWindow();
        let nowMs = START_MS;
        for (const gap of gaps) {
          nowMs += gap;
          const waitMs = window.take(most, nowMs);
          if (waitMs === 0) continue;
          expect(waitMs).toBeLessThanOrEqual(1000);
          if (waitMs > 1) expect(window.take(most, nowMs + waitMs - 1)).toBe(1);
          nowMs += waitMs;
          expect(window.take(most, nowMs)).toBe(0);
        }
      }),
    );
  });

  test('counts what was admitted before a restart', () => {
    fc.assert(
      fc.property(steps, limit, fc.nat(200), (gaps, most, cut) => {
        const before = new SlidingWindow();
        const times = admitted(gaps.slice(0, cut), (nowMs) => before.take(most, nowMs));
        const restartMs = START_MS + gaps.slice(0, cut).reduce((sum, gap) => sum + gap, 0);
        const after = new SlidingWindow();
        for (const at of times) if (at > restartMs - 1000) after.note(at);
        const more = admitted([restartMs - START_MS, ...gaps.slice(cut)], (nowMs) => after.take(most, nowMs));
        expect(mostInASecond([...times, ...more])).toBeLessThanOrEqual(most);
      }),
    );
  });

  test('goes on admitting when the clock is set back: a wait is never longer than a second', () => {
    const window = new SlidingWindow();
    expect(window.take(1, START_MS)).toBe(0);
    const back = START_MS - 3_600_000;
    expect(window.take(1, back)).toBeGreaterThan(0);
    expect(window.take(1, back + 1000)).toBe(0);
    expect(window.take(1, back + 1999)).toBe(1);
    expect(window.take(1, back + 2000)).toBe(0);
  });

  test('goes on admitting when the log was written by a clock that was ahead', () => {
    const window = new SlidingWindow();
    window.note(START_MS + 3_600_000);
    expect(window.take(1, START_MS)).toBeGreaterThan(0);
    expect(window.take(1, START_MS + 1000)).toBe(0);
  });
});

describe('a bucket window', () => {
  test('admits at most the limit in any second', () => {
    fc.assert(
      fc.property(steps, limit, (gaps, most) => {
        const window = new BucketWindow();
        expect(mostInASecond(admitted(gaps, (nowMs) => window.take(most, nowMs)))).toBeLessThanOrEqual(most);
      }),
      { numRuns: 500 },
    );
  });

  test('does so where a burst ends one bucket and another begins the same bucket a second later', () => {
    const window = new BucketWindow();
    expect(window.take(1, START_MS + 9)).toBe(0);
    expect(window.take(1, START_MS + 1000)).toBeGreaterThan(0);
    expect(window.take(1, START_MS + 1010)).toBe(0);
  });

  test('gives a place back after little more than a second, whatever the clock did', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5_000, max: 5_000 }), { maxLength: 20 }), limit, (jumps, most) => {
        const window = new BucketWindow();
        let nowMs = START_MS;
        for (const jump of jumps) {
          nowMs += jump;
          for (let i = 0; i <= most; i++) window.take(most, nowMs);
        }
        expect(window.take(most, nowMs + 1010)).toBe(0);
      }),
    );
  });
});
