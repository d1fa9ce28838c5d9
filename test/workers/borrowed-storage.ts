/** Durable Objects that lend their storage: to a test that runs inside one, and to the lives of one that comes and goes. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { durableObjectSqlDatabase, type ObjectStorage } from '../../src/adapters/durable-objects/sql-database.ts';
import type { SqlDatabase } from '../../src/ports/sql-database.ts';
import type { LenderObject } from './lender-object.ts';

let current: ObjectStorage | undefined;

/** For `aroundEach`: storage can only be used by code that runs inside its object. */
export async function inObject(runTest: () => Promise<void>): Promise<void> {
  await runInDurableObject(lender(env.LENDER.newUniqueId()), async (_, { storage }) => {
    current = storage;
    await runTest();
  });
}

/** A way to an object: one is of no use any more once the object has been aborted. */
export function lender(id: DurableObjectId): DurableObjectStub<LenderObject> {
  return env.LENDER.get(id);
}

/** The database of the object that the test runs in, emptied: it has only one, so a second call ends the use of the first. */
export function emptyDatabase(): SqlDatabase {
  if (current === undefined) throw new Error('This test does not run inside an object.');
  const database = durableObjectSqlDatabase({ storage: current });
  const tables = database.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf*'");
  for (const { name } of tables) database.exec(`DROP TABLE ${name}`);
  return database;
}
