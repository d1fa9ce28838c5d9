/** The contracts of the embedded stores on bun:sqlite; run by `bun test`. */

import { bunSqlDatabase } from '../../src/adapters/bun/sql-database.ts';
import { embeddedEnrichmentRegistry } from '../../src/adapters/embedded/enrichment-registry.ts';
import { embeddedKeyRegistry } from '../../src/adapters/embedded/key-registry.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { describeBlockStore } from '../contract/suites/block-store.ts';
import { describeCheckpointStore } from '../contract/suites/checkpoint-store.ts';
import { embeddedStores } from '../contract/suites/embedded-stores.ts';
import { describeEnrichmentRegistry } from '../contract/suites/enrichment-registry.ts';
import { describeKeyRegistry } from '../contract/suites/key-registry.ts';
import { describeTimeSeriesStore } from '../contract/suites/time-series-store.ts';

describeTimeSeriesStore('embedded on bun:sqlite', () => embeddedStores(bunSqlDatabase(':memory:')));
describeBlockStore('embedded on bun:sqlite', () => embeddedStores(bunSqlDatabase(':memory:')));
describeCheckpointStore('embedded on bun:sqlite', () => embeddedStores(bunSqlDatabase(':memory:')));
describeKeyRegistry('embedded on bun:sqlite', () => {
  const database = bunSqlDatabase(':memory:');
  openSchema(database, { partitions: 12, shards: 1 });
  return embeddedKeyRegistry({ database });
});
describeEnrichmentRegistry('embedded on bun:sqlite', () => {
  const database = bunSqlDatabase(':memory:');
  openSchema(database, { partitions: 12, shards: 1 });
  const registry = embeddedEnrichmentRegistry({ database });
  return { one: registry, other: registry, later: async () => undefined };
});
