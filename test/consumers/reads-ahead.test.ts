/** A query over many clients: how many are read at once, and that they are begun together, so that a store elsewhere is asked in one go. */
import { expect, test } from 'vitest';
import { memoryTimeSeriesStore } from '../../src/adapters/memory/time-series-store.ts';
import { metricReader } from '../../src/consumers/reader.ts';
import type { TimeSeriesStore, WindowColumn } from '../../src/ports/time-series-store.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { START_MS } from './lab.ts';
import { seriesOf } from './shapes.ts';

const NAMES = Array.from({ length: 21 }, (_, i) => `web-${String(i).padStart(2, '0')}`);

function aWindow(): WindowColumn {
  const [series] = seriesOf(['cpu']);
  if (series === undefined) throw new Error('no series');
  const one = Float64Array.of(1);
  const numbers = { count: one, sum: one, min: one, max: one, first: one, last: one, increase: one, revision: one };
  return { series, starts: Float64Array.of(START_MS), ...numbers };
}

test('clients are read ahead, begun by halves, and told in order', async () => {
  const clock = manualClock(START_MS);
  /** Which clients were begun without anything else being done between. */
  const bursts: string[][] = [];
  let inTurn: string[] | undefined;
  let underWay = 0;
  let most = 0;
  const store: TimeSeriesStore = {
    ...memoryTimeSeriesStore(),
    clients: async (_tenant, after) => (after === '' ? NAMES : []),
    async readWindows({ client }) {
      underWay += 1;
      most = Math.max(most, underWay);
      if (inTurn === undefined) {
        inTurn = [];
        bursts.push(inTurn);
        clock.schedule(0, () => {
          inTurn = undefined;
        });
      }
      inTurn.push(client);
      await new Promise<void>((resolve) => void clock.schedule(10, resolve));
      underWay -= 1;
      return [{ blockStartMs: START_MS, columns: [aWindow()] }];
    },
  };
  const reader = metricReader({
    clock,
    store,
    pipelines: () => [],
    allHere: () => false,
    pipelineOf: () => undefined,
    readsAhead: 8,
    replayed: () => true,
  });
  const range = { client: undefined, metric: undefined, labels: {}, startMs: START_MS, endMs: START_MS + 60_000 };
  const told: string[] = [];
  const reading = (async () => {
    for await (const { client } of reader.windows({ tenant: 'default', ...range, resolution: '1m', open: true }))
      told.push(client);
  })();
  await clock.advance(1_000);
  await reading;
  expect(told).toEqual(NAMES);
  expect(most).toBe(8);
  expect(bursts.map((burst) => burst.length)).toEqual([8, 4, 4, 4, 1]);
});
