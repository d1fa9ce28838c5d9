/** The contract of the checkpoint-log in SQLite; that of a compacted topic runs in test/services. */
import { embeddedCheckpointLog } from '../../src/adapters/embedded/checkpoint-log.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { checkpointLogContract } from './suites/checkpoint-log.ts';

checkpointLogContract('embedded on node:sqlite', async () => {
  const database = nodeSqlDatabase(':memory:');
  openSchema(database, { partitions: 2, shards: 1 });
  return { open: async () => embeddedCheckpointLog(database), close: async () => database.close() };
});
