/** The key-registry contract in memory and in SQLite. */
import { expect, test } from 'vitest';
import { embeddedKeyRegistry } from '../../src/adapters/embedded/key-registry.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { kafkaKeyRegistry } from '../../src/adapters/kafka/key-registry.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryPartitionLog } from '../../src/adapters/memory/partition-log.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { memoryTopicProducer } from '../../src/adapters/memory/topic-producer.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
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

/** Of servers that share a topic, each with what it knows itself. */
function sharing() {
  const producer = memoryTopicProducer({ topics: { revocations: 1 } });
  const log = memoryPartitionLog({ producer, topic: 'revocations' });
  const telling = {
    ...producer,
    send: (record: Parameters<typeof producer.send>[0]) => producer.send(record).finally(log.arrived),
  };
  const telemetry = memoryTelemetry({ nowMs: () => 0 });
  const clock = systemClock();
  const open = () =>
    kafkaKeyRegistry({ local: memoryKeyRegistry(), log, producer: telling, topic: 'revocations', telemetry, clock });
  return { open, producer };
}

describeKeyRegistry('a topic', () => sharing().open());

test('a topic: what one server revokes all others refuse, those too that start later, whatever else lies in the topic', async () => {
  const { open, producer } = sharing();
  const [one, two] = [await open(), await open()];
  await producer.send({
    topic: 'revocations',
    partition: 0,
    key: undefined,
    value: Uint8Array.of(1),
    headers: [],
    timestampMs: 0,
  });
  await one.revoke('acme', 'acme.one', 1000);
  await expect.poll(() => two.isRevoked('acme.one')).toBe(true);
  const three = await open();
  await expect.poll(() => three.isRevoked('acme.one')).toBe(true);
  expect(await three.revokedSince(1000)).toEqual([{ tenant: 'acme', keyId: 'acme.one', revokedMs: 1000, expiresMs: undefined }]);
});

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
