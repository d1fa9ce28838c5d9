/** The time-series-store contract in memory and in SQLite. */
import { memoryTimeSeriesStore } from '../../src/adapters/memory/time-series-store.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { embeddedStores } from './suites/embedded-stores.ts';
import { describeTimeSeriesStore } from './suites/time-series-store.ts';

describeTimeSeriesStore('memory', () => {
  const store = memoryTimeSeriesStore();
  return { store, write: (batch) => store.write(batch) };
});
describeTimeSeriesStore('embedded on node:sqlite', () => embeddedStores(nodeSqlDatabase(':memory:')));
