/** Canaries: each channel is proved as often as it asks, and what does not arrive is counted and seen. */
import { expect, test } from 'vitest';
import { canaryState, putCanaries } from '../../../src/alerts/canary.ts';
import type { OpenChannel } from '../../../src/ports/notifier.ts';
import { channelOf } from '../notifiers/pages.ts';
import { BUSY, DELIVERED, deliveryLab, type Lab, REFUSED } from './lab.ts';

const EVERY_MS = 600_000;

function withCanaries(): { readonly lab: Lab; tick(): number | undefined; missed(): number; count(outcome: string): number } {
  const lab = deliveryLab();
  const canaried: OpenChannel = { ...channelOf('webhook', {}), id: 'a', canaryEveryMs: EVERY_MS };
  lab.channels.set('a', canaried);
  const deliver = lab.open();
  deliver.start();
  return {
    lab,
    tick() {
      const channels = [...lab.channels.values()].map((channel) => ({ tenant: 'acme', channel }));
      const { added, nextMs } = putCanaries(lab, channels, lab.clock.nowMs());
      deliver.added(added);
      return nextMs;
    },
    missed: () => canaryState(lab.store, 'acme', 'a')?.missed ?? 0,
    count(outcome) {
      const family = lab.telemetry.families().find(({ name }) => name === 'metricstream_canaries_total');
      const samples = family?.type === 'counter' ? family.samples : [];
      return samples.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
    },
  };
}

test('a canary goes out each interval, to the channels that ask for it, and its arrival is seen', async () => {
  const { lab, tick, missed, count } = withCanaries();
  const startMs = lab.clock.nowMs();
  for (let minute = 0; minute < 30; minute++) {
    expect(tick()).toBe(startMs + (Math.floor(minute / 10) + 1) * EVERY_MS);
    await lab.clock.advance(60_000);
  }
  expect(lab.tried.length).toBe(3);
  expect(new Set(lab.tried).size).toBe(3);
  expect(canaryState(lab.store, 'acme', 'a')).toEqual({
    everyMs: EVERY_MS,
    deliveredMs: startMs + 2 * EVERY_MS,
    missed: 0,
    detail: 'ok',
  });
  expect(canaryState(lab.store, 'acme', 'b')).toBeUndefined();
  expect([missed(), count('delivered'), count('missed')]).toEqual([0, 3, 0]);
  // It is about no incident: nobody who keeps incidents is told.
  expect(lab.told).toEqual([]);
});

test.each([
  ['is busy', BUSY],
  ['refuses', REFUSED],
])('of a channel that %s canaries are missed, counted, and not heaped up', async (_what, outcome) => {
  const { lab, tick, missed, count } = withCanaries();
  lab.answer = () => outcome;
  for (let minute = 0; minute < 45; minute++) {
    tick();
    await lab.clock.advance(60_000);
  }
  expect(missed()).toBeGreaterThanOrEqual(3);
  expect(count('missed')).toBe(missed());
  expect(lab.waiting().length).toBeLessThanOrEqual(1);
  expect(lab.store.list({ tenant: 'acme', kind: 'outbox_dead', max: 10 })).toEqual([]);
  expect(canaryState(lab.store, 'acme', 'a')?.detail).toContain(outcome.kind === 'retry' ? 'busy' : 'no');
  lab.answer = () => DELIVERED;
  for (let minute = 0; minute < 15; minute++) {
    tick();
    await lab.clock.advance(60_000);
  }
  expect(missed()).toBe(0);
});

test('a channel that is switched off has no canary, and an interval below the least is the least', async () => {
  const { lab, tick } = withCanaries();
  lab.channels.set('a', { ...channelOf('webhook', {}), id: 'a', canaryEveryMs: EVERY_MS, enabled: false });
  expect(tick()).toBeUndefined();
  lab.channels.set('a', { ...channelOf('webhook', {}), id: 'a', canaryEveryMs: 1 });
  for (let second = 0; second < 120; second++) {
    tick();
    await lab.clock.advance(1_000);
  }
  expect(lab.tried.length).toBe(2);
});
