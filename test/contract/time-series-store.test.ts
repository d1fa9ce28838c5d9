/** The time-series-store contract in memory and in SQLite. */
import { memoryTimeSeriesStore } from '../../src/adapters/memory/time-series-store.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { describeBlockStore } from './suites/block-store.ts';
import { embeddedStores } from './suites/embedded-stores.ts';
import type { WritableStore } from './suites/stored.ts';
import { describeTimeSeriesStore } from './suites/time-series-store.ts';

const STORES: Readonly<Record<string, () => WritableStore>> = {
  memory: () => {
    const store = memoryTimeSeriesStore();
    return { store, write: (batch) => store.write(batch) };
  },
  'embedded on node:sqlite': () => embeddedStores(nodeSqlDatabase(':memory:')),
};

for (const [name, create] of Object.entries(STORES)) {
  describeTimeSeriesStore(name, create);
  describeBlockStore(name, create);
}
