/** The document-store contract in workerd, on the storage of a Durable Object. */
import { embeddedDocumentStore } from '../../src/adapters/embedded/document-store.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { describeDocumentStore } from '../contract/suites/document-store.ts';
import { emptyDatabase } from './borrowed-storage.ts';

describeDocumentStore('embedded on a Durable Object', () => {
  const database = emptyDatabase();
  openSchema(database, { partitions: 12, shards: 1 });
  return embeddedDocumentStore({ database });
});
