/** What the database of a Durable Object makes of a host that cannot be had here: one whose object is full. */
import { expect, test } from 'vitest';
import { durableObjectSqlDatabase, type ObjectStorage } from '../../../src/adapters/durable-objects/sql-database.ts';

/** @param text of the error that every statement ends with. */
function failingStorage(text: string): ObjectStorage {
  const exec = (): never => {
    throw new Error(text);
  };
  return { sql: { exec, databaseSize: 0 }, transactionSync: (body) => body() };
}

test('an object that is full is storage_full with a time to come back, in a transaction too', () => {
  const database = durableObjectSqlDatabase({ storage: failingStorage('database or disk is full: SQLITE_FULL') });
  const full = expect.objectContaining({ code: 'storage_full', retryAfterMs: expect.any(Number) });
  expect(() => database.exec('INSERT')).toThrow(full);
  expect(() => database.transaction(() => database.exec('INSERT'))).toThrow(full);
});

test('any other failure is what the host says', () => {
  const text = 'UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)';
  const database = durableObjectSqlDatabase({ storage: failingStorage(text) });
  expect(() => database.exec('INSERT')).toThrow(text);
  expect(() => database.exec('INSERT')).toThrow(expect.not.objectContaining({ code: expect.anything() }));
});
