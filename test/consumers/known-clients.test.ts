/** Who is new to a store elsewhere: it is asked of few, and never wrong of one that it holds. */
import { expect, test } from 'vitest';
import { memoryTimeSeriesStore } from '../../src/adapters/memory/time-series-store.ts';
import { knownClients } from '../../src/consumers/known-clients.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { batch, rawWrite } from '../contract/suites/stored.ts';

function open() {
  const stored = memoryTimeSeriesStore();
  const asked: string[] = [];
  const clock = manualClock();
  let fails = false;
  const store = knownClients(
    {
      ...stored,
      async clients(tenant, after, max) {
        asked.push(`clients after ${after}`);
        if (fails) throw new Error('away');
        return stored.clients(tenant, after, max);
      },
      async lastSampleMs(tenant, client) {
        asked.push(client);
        return stored.lastSampleMs(tenant, client);
      },
    },
    clock,
  );
  return { stored, store, asked, clock, fail: (now: boolean) => (fails = now) };
}

test('a new fleet costs one list, and a client that is stored is asked about', async () => {
  const { stored, store, asked } = open();
  stored.write(
    batch(
      rawWrite('web-1', 1, [
        [1_000, 5, undefined],
        [2_000, 6, undefined],
      ]),
    ),
  );
  expect(await store.lastSampleMs('acme', 'web-1')).toBe(2_000);
  for (let i = 0; i < 100; i++) expect(await store.lastSampleMs('acme', `new-${i}`)).toBeUndefined();
  expect(asked).toEqual(['clients after ', 'clients after web-1', 'web-1']);
});

test('the list is made anew after a while, for each tenant by itself, and one that failed is not kept', async () => {
  const { stored, store, asked, clock, fail } = open();
  fail(true);
  await expect(store.lastSampleMs('acme', 'web-1')).rejects.toThrow('away');
  fail(false);
  expect(await store.lastSampleMs('acme', 'web-1')).toBeUndefined();
  expect(await store.lastSampleMs('other', 'web-1')).toBeUndefined();
  stored.write(batch(rawWrite('web-1', 1, [[1_000, 5, undefined]])));
  await clock.advance(LIMITS.knownClientsMs);
  expect(await store.lastSampleMs('acme', 'web-1')).toBe(1_000);
  expect(asked.filter((one) => one === 'clients after ').length).toBe(4);
});
