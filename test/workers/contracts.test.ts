/** The contracts of the ports in workerd, on the storage of a Durable Object. */
import { embeddedCheckpointLog } from '../../src/adapters/embedded/checkpoint-log.ts';
import { embeddedEnrichmentRegistry } from '../../src/adapters/embedded/enrichment-registry.ts';
import { embeddedKeyRegistry } from '../../src/adapters/embedded/key-registry.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { zlibCompression } from '../../src/adapters/node/compression.ts';
import { describeBlockStore } from '../contract/suites/block-store.ts';
import { checkpointLogContract } from '../contract/suites/checkpoint-log.ts';
import { describeCheckpointStore } from '../contract/suites/checkpoint-store.ts';
import { describeCompression } from '../contract/suites/compression.ts';
import { embeddedLog, embeddedStores } from '../contract/suites/embedded-stores.ts';
import { describeEnrichmentRegistry } from '../contract/suites/enrichment-registry.ts';
import { describeKeyRegistry } from '../contract/suites/key-registry.ts';
import { damagedLogContract, metricLogContract } from '../contract/suites/metric-log.ts';
import { describeSqlDatabase } from '../contract/suites/sql-database.ts';
import { describeTimeSeriesStore } from '../contract/suites/time-series-store.ts';
import { emptyDatabase } from './borrowed-storage.ts';

describeSqlDatabase('a Durable Object', emptyDatabase);
describeCompression('node:zlib of workerd', () => zlibCompression());
describeTimeSeriesStore('embedded on a Durable Object', () => embeddedStores(emptyDatabase()));
describeBlockStore('embedded on a Durable Object', () => embeddedStores(emptyDatabase()));
describeCheckpointStore('embedded on a Durable Object', () => embeddedStores(emptyDatabase()));
checkpointLogContract('embedded on a Durable Object', async () => {
  const database = emptyDatabase();
  openSchema(database, { partitions: 2, shards: 1 });
  return { open: async () => embeddedCheckpointLog(database), close: async () => undefined };
});
describeKeyRegistry('embedded on a Durable Object', () => {
  const database = emptyDatabase();
  openSchema(database, { partitions: 12, shards: 1 });
  return embeddedKeyRegistry({ database });
});
describeEnrichmentRegistry('embedded on a Durable Object', () => {
  const database = emptyDatabase();
  openSchema(database, { partitions: 12, shards: 1 });
  const registry = embeddedEnrichmentRegistry({ database });
  return { one: registry, other: registry, later: async () => undefined };
});

for (const compressFromBytes of [0, 300, Number.POSITIVE_INFINITY]) {
  const name = `embedded on a Durable Object, compressing from ${compressFromBytes} bytes,`;
  const open = () => embeddedLog(emptyDatabase(), compressFromBytes);
  metricLogContract(name, open);
  damagedLogContract(name, open);
}
