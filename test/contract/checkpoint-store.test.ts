/** The checkpoint-store contract in memory and in SQLite. */
import { memoryCheckpointStore } from '../../src/adapters/memory/checkpoint-store.ts';
import { memoryTimeSeriesStore } from '../../src/adapters/memory/time-series-store.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { describeCheckpointStore } from './suites/checkpoint-store.ts';
import { embeddedStores } from './suites/embedded-stores.ts';

describeCheckpointStore('memory', () => {
  const store = memoryTimeSeriesStore();
  return { store, checkpoints: memoryCheckpointStore({ store }) };
});
describeCheckpointStore('embedded on node:sqlite', () => embeddedStores(nodeSqlDatabase(':memory:')));
