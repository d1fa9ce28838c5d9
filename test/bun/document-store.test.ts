/** The document-store contract on bun:sqlite; run by `bun test`. */

import { bunSqlDatabase } from '../../src/adapters/bun/sql-database.ts';
import { embeddedDocumentStore } from '../../src/adapters/embedded/document-store.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { describeDocumentStore } from '../contract/suites/document-store.ts';

describeDocumentStore('embedded on bun:sqlite', () => {
  const database = bunSqlDatabase(':memory:');
  openSchema(database, { partitions: 12, shards: 1 });
  return embeddedDocumentStore({ database });
});
