/** Lists of clients are expensive: one serves for the parts that follow, and for those who ask at the same time. */
import { beforeEach, expect, test } from 'vitest';
import { clientLister } from '../../../src/adapters/influxdb/clients.ts';
import { bucketNames } from '../../../src/adapters/influxdb/names.ts';
import { LIMITS } from '../../../src/model/limits.ts';

let nowMs: number;
let stored: Record<string, string[]>;
let asked: string[];
let failing: boolean;

beforeEach(() => {
  nowMs = 1_000;
  stored = { acme: ['b', 'a', 'c', 'B', 'd'] };
  asked = [];
  failing = false;
});

function lister() {
  const run = async (query: { toString(): string }, what: string) => {
    asked.push(what);
    await Promise.resolve();
    if (failing) throw new Error('down');
    const tenant = /r\.tenant == "([^"]*)"/.exec(String(query))?.[1] ?? '';
    const texts = stored[tenant] ?? [];
    return [texts, texts.slice(0, 2)].map((some) => ({
      result: '',
      tags: new Map(),
      timesMs: [],
      timesNs: [],
      numbers: [],
      texts: some,
    }));
  };
  return clientLister(run, bucketNames(''), { nowMs: () => nowMs, schedule: () => () => undefined });
}

test('parts that follow the first come from its list, for a while', async () => {
  const clients = lister();
  expect(await clients('acme', '', 2)).toEqual(['B', 'a']);
  stored.acme?.push('bb');
  expect(await clients('acme', 'a', 2)).toEqual(['b', 'c']);
  expect(await clients('acme', 'aa', 2)).toEqual(['b', 'c']);
  expect(asked).toHaveLength(1);
  nowMs += LIMITS.influxClientListMs;
  expect(await clients('acme', 'a', 2)).toEqual(['b', 'bb']);
  expect(await clients('acme', 'd', 2)).toEqual([]);
  expect(asked).toHaveLength(2);
});

test('a first part is listed anew: what was written before it was asked for is in it', async () => {
  const clients = lister();
  expect(await clients('acme', '', 1)).toEqual(['B']);
  stored.acme?.push('A');
  expect(await clients('acme', '', 1)).toEqual(['A']);
});

test('those who ask at once share a list, tenants do not', async () => {
  stored.other = ['z'];
  const clients = lister();
  const parts = await Promise.all([
    clients('acme', '', 1),
    clients('acme', '', 9),
    clients('acme', 'b', 1),
    clients('other', '', 9),
  ]);
  expect(parts).toEqual([['B'], ['B', 'a', 'b', 'c', 'd'], ['c'], ['z']]);
  expect(asked).toEqual(['for the clients of acme', 'for the clients of other']);
});

test('a list that failed serves nobody', async () => {
  const clients = lister();
  failing = true;
  await expect(clients('acme', '', 1)).rejects.toThrow('down');
  failing = false;
  expect(await clients('acme', 'c', 1)).toEqual(['d']);
});

test('lists of more tenants than are kept are made again', async () => {
  const clients = lister();
  for (let i = 0; i <= LIMITS.influxClientListsMax; i++) await clients(i === 0 ? 'acme' : `tenant-${i}`, '', 1);
  expect(await clients('acme', 'c', 1)).toEqual(['d']);
  expect(asked).toHaveLength(LIMITS.influxClientListsMax + 2);
});
