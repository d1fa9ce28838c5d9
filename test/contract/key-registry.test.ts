/** The key-registry contract in memory and in SQLite. */
import { expect, test } from 'vitest';
import { embeddedKeyRegistry } from '../../src/adapters/embedded/key-registry.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { SqlDatabase } from '../../src/ports/sql-database.ts';
import { describeKeyRegistry } from './suites/key-registry.ts';

function emptyDatabase(): SqlDatabase {
  const database = nodeSqlDatabase(':memory:');
  openSchema(database, { partitions: 12, shards: 1 });
  return database;
}

describeKeyRegistry('memory', () => memoryKeyRegistry());
describeKeyRegistry('embedded on node:sqlite', () => embeddedKeyRegistry({ database: emptyDatabase() }));

test('embedded: a revocation is there for the next to open the database', async () => {
  const database = emptyDatabase();
  await embeddedKeyRegistry({ database }).revoke('acme', 'acme.one', 1000);
  await embeddedKeyRegistry({ database }).revoke('acme', 'acme.session', 1000, 2000);
  const registry = embeddedKeyRegistry({ database });
  expect(['acme.one', 'acme.session'].map(registry.isRevoked)).toEqual([true, true]);
  await registry.revoke('acme', 'acme.three', 2000 + LIMITS.revocationMarginMs);
  expect(embeddedKeyRegistry({ database }).isRevoked('acme.session')).toBe(false);
  expect(embeddedKeyRegistry({ database }).isRevoked('acme.one')).toBe(true);
  expect(embeddedKeyRegistry({ database }).isRevoked('acme.two')).toBe(false);
});

test('embedded: beyond the bound another revocation is refused, one that is there already is not', async () => {
  const database = emptyDatabase();
  database.transaction(() => {
    for (let key = 0; key < LIMITS.revocationsMax; key++) {
      database.exec('INSERT INTO revoked_keys VALUES (?, ?, ?, NULL)', 'acme', `acme.${key}`, 1000);
    }
  });
  const registry = embeddedKeyRegistry({ database });
  await expect(registry.revoke('acme', 'acme.new', 2000)).rejects.toMatchObject({ code: 'unavailable' });
  await registry.revoke('acme', 'acme.7', 2000);
  expect(registry.isRevoked('acme.new')).toBe(false);
});
