/** Collectors side by side: one that fails or hangs takes nothing from the others. */
import { expect, test } from 'vitest';
import type { Collector } from '../../src/agent/collectors/collector.ts';
import { Sampler } from '../../src/agent/sampler.ts';
import { manualClock } from './manual-clock.ts';

function sampler(collectors: Record<string, Collector>) {
  const clock = manualClock();
  const logged: unknown[] = [];
  const map = new Map(Object.entries(collectors));
  return {
    clock,
    logged,
    sampler: new Sampler({ collectors: map, timeoutMs: 500, clock, log: (...line) => void logged.push(line) }),
  };
}

const good: Collector = () => [{ name: 'cpu', value: 1 }];

test('readings come in the order of the collectors; those that are no number are left out', async () => {
  const odd: Collector = async () => [
    { name: 'a', value: Number.NaN },
    { name: 'b', value: Number.POSITIVE_INFINITY },
    { name: 'c', value: -0 },
  ];
  const { sampler: one } = sampler({ odd, good });
  expect((await one.sample()).map(({ name }) => name)).toEqual(['c', 'cpu']);
});

test('one that throws is counted, logged once, and the others are read', async () => {
  const { sampler: one, logged } = sampler({
    bad: () => {
      throw new Error('ENOENT');
    },
    rejecting: () => Promise.reject(new Error('EIO')),
    good,
  });
  for (let i = 0; i < 3; i++) expect(await one.sample()).toEqual([{ name: 'cpu', value: 1 }]);
  expect(Object.fromEntries(one.errors())).toEqual({ bad: 3, rejecting: 3 });
  expect(logged).toHaveLength(2);
});

test('one that hangs costs its timeout once, is not started again meanwhile, and is read again afterwards', async () => {
  let starts = 0;
  let release = (): void => {};
  const hanging: Collector = () => {
    starts += 1;
    return new Promise((resolve) => {
      release = () => resolve([{ name: 'disk_used', value: 2 }]);
    });
  };
  const { sampler: one, clock } = sampler({ hanging, good });
  const first = one.sample();
  await clock.advance(500);
  expect(await first).toEqual([{ name: 'cpu', value: 1 }]);
  expect(await one.sample()).toEqual([{ name: 'cpu', value: 1 }]);
  expect(starts).toBe(1);
  release();
  await clock.advance(0);
  const third = one.sample();
  release();
  expect(await third).toHaveLength(2);
  expect(clock.waiting()).toBe(0);
});
