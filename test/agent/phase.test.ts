/** When agents sample. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { everyInterval, phaseMs, untilPhaseMs } from '../../src/agent/phase.ts';
import { manualClock } from './manual-clock.ts';

const INTERVAL_MS = 10_000;

test('ten thousand clients spread over the interval: no tenth of it has more than 1.1 times its share', () => {
  const tenths = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const tenth = Math.floor((phaseMs(`web-${i}`, INTERVAL_MS) * 10) / INTERVAL_MS);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  expect(Math.max(...tenths)).toBeLessThan(1_100);
});

test('the next tick is on the phase and within one interval, at any time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -8.64e15, max: 8.64e15 }),
      fc.integer({ min: 1, max: 3_600_000 }),
      fc.nat(),
      (now, interval, some) => {
        const phase = some % interval;
        const delay = untilPhaseMs(now, phase, interval);
        expect(delay).toBeGreaterThan(0);
        expect(delay).toBeLessThanOrEqual(interval);
        expect((BigInt(now) + BigInt(delay) - BigInt(phase)) % BigInt(interval)).toBe(0n);
      },
    ),
  );
});

describe('everyInterval', () => {
  function ticks() {
    const clock = manualClock();
    const at: number[] = [];
    const phases: number[] = [];
    const cancel = everyInterval(clock, 'web-1', INTERVAL_MS, () => {
      at.push(clock.elapsedMs());
      phases.push(clock.nowMs() % INTERVAL_MS);
    });
    return { clock, at, phases, cancel };
  }

  test('runs once an interval, each time at the phase', async () => {
    const { clock, at, phases } = ticks();
    await clock.advance(100_000);
    expect(at).toHaveLength(10);
    expect(new Set(phases)).toEqual(new Set([phaseMs('web-1', INTERVAL_MS)]));
  });

  test('a step of the clock costs one odd gap of half to one and a half intervals, and the phase is found again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -1e12, max: 1e12 }), { minLength: 1, maxLength: 8 }), async (steps) => {
        const { clock, at, phases } = ticks();
        for (const step of steps) {
          await clock.advance(25_000);
          clock.step(step);
        }
        await clock.advance(50_000);
        const gaps = at.slice(1).map((ms, index) => ms - (at[index] ?? 0));
        expect(Math.min(...gaps)).toBeGreaterThanOrEqual(INTERVAL_MS / 2);
        expect(Math.max(...gaps)).toBeLessThanOrEqual(1.5 * INTERVAL_MS);
        const phase = (((phases.at(-1) ?? 0) % INTERVAL_MS) + INTERVAL_MS) % INTERVAL_MS;
        expect(phase).toBe(phaseMs('web-1', INTERVAL_MS));
      }),
    );
  });

  test('after six minutes of suspend there is one tick, not thirty-six', async () => {
    const { clock, at } = ticks();
    await clock.advance(20_000);
    const before = at.length;
    clock.step(360_000);
    await clock.advance(INTERVAL_MS);
    expect(at.length - before).toBe(1);
  });

  test('ends when it is cancelled', async () => {
    const { clock, cancel } = ticks();
    cancel();
    expect(clock.waiting()).toBe(0);
  });
});
