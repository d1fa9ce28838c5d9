/** The enrichment-registry contract in memory, in SQLite, through a topic and through control; and what only one of them promises. */
import { describe, expect, test } from 'vitest';
import { remoteEnrichmentRegistry } from '../../src/adapters/durable-objects/enrichment-registry.ts';
import { embeddedEnrichmentRegistry } from '../../src/adapters/embedded/enrichment-registry.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { kafkaEnrichmentRegistry } from '../../src/adapters/kafka/enrichment-registry.ts';
import { memoryEnrichmentRegistry } from '../../src/adapters/memory/enrichment-registry.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryPartitionLog } from '../../src/adapters/memory/partition-log.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { memoryTopicProducer } from '../../src/adapters/memory/topic-producer.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { Control } from '../../src/consumers/control.ts';
import { MetricStreamError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { EnrichmentRegistry } from '../../src/ports/enrichment-registry.ts';
import type { EnrichmentKeeper } from '../../src/ports/shard-service.ts';
import { reply } from '../../src/protocols/shard-reply.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { describeEnrichmentRegistry, type EnrichmentsUnderTest } from './suites/enrichment-registry.ts';

const RACK = '{"web-1":{"tags":{"rack":"r7"}}}';

function alone(registry: EnrichmentRegistry): EnrichmentsUnderTest {
  return { one: registry, other: registry, later: async () => undefined };
}

function emptyDatabase() {
  const database = nodeSqlDatabase(':memory:');
  openSchema(database, { partitions: 12, shards: 1 });
  return database;
}

describeEnrichmentRegistry('memory', () => alone(memoryEnrichmentRegistry()));
describeEnrichmentRegistry('embedded on node:sqlite', () => alone(embeddedEnrichmentRegistry({ database: emptyDatabase() })));

/** Of servers that share a topic. */
function sharing() {
  const producer = memoryTopicProducer({ topics: { enrichments: 1 } });
  const log = memoryPartitionLog({ producer, topic: 'enrichments' });
  const clock = manualClock();
  const logLines: string[] = [];
  const telling = {
    ...producer,
    send: (record: Parameters<typeof producer.send>[0]) => producer.send(record).finally(log.arrived),
  };
  const open = () =>
    kafkaEnrichmentRegistry({
      log,
      producer: telling,
      topic: 'enrichments',
      clock,
      telemetry: memoryTelemetry({ nowMs: () => 0, write: (line) => logLines.push(line) }),
    });
  const write = (value: string) =>
    producer.send({
      topic: 'enrichments',
      partition: 0,
      key: undefined,
      value: new TextEncoder().encode(value),
      headers: [],
      timestampMs: 0,
    });
  return { open, producer, log, clock, write, logLines };
}

describeEnrichmentRegistry('a topic', async () => {
  const { open } = sharing();
  return { one: await open(), other: await open(), later: () => new Promise((resolve) => setTimeout(resolve, 0)) };
});

/** Control, as edges reach it: a message is a copy, both ways. */
function controlled(): EnrichmentKeeper {
  const clock = manualClock();
  const control = new Control({
    clock,
    keys: memoryKeyRegistry(),
    enrichments: embeddedEnrichmentRegistry({ database: emptyDatabase() }),
    registry: { names: () => [], add: () => undefined },
    telemetry: memoryTelemetry({ nowMs: clock.nowMs }),
    live: { revoked: () => undefined, started: async () => undefined },
    shard: () => expect.fail('no shard is asked'),
  });
  return {
    enrichments: async (call) => structuredClone(await reply(() => control.enrichments(structuredClone(call)))),
  };
}

describeEnrichmentRegistry('control', () => {
  const service = controlled();
  let nowMs = 1_000_000;
  const [one, other] = [1, 2].map(() => remoteEnrichmentRegistry({ control: () => service })) as [
    EnrichmentRegistry,
    EnrichmentRegistry,
  ];
  const later = async (): Promise<void> => {
    nowMs += LIMITS.enrichmentMs;
    for (const registry of [one, other]) await registry.refresh?.(nowMs);
  };
  return { one, other, later };
});

test('embedded: a table is there for the next to open the database, and versions go on', async () => {
  const database = emptyDatabase();
  await embeddedEnrichmentRegistry({ database }).replace({ tenant: 'acme', version: 0, text: RACK });
  const reopened = embeddedEnrichmentRegistry({ database });
  expect(reopened.find('acme', 'web-1')?.tags).toEqual([['rack', 'r7']]);
  const beta = await reopened.replace({ tenant: 'beta', version: 0, text: RACK });
  expect(beta?.version).toBe(2);
  expect(reopened.since(1)).toEqual([beta]);
});

describe('a topic', () => {
  test('one that starts later knows all tables before it is there, whatever else lies in the topic', async () => {
    const { open, write, logLines } = sharing();
    const one = await open();
    await write('no JSON');
    await write('{"tenant":"acme","version":7}\n{"web 1":{}}');
    await one.replace({ tenant: 'acme', version: 0, text: RACK });
    const late = await open();
    expect(late.find('acme', 'web-1')?.tags).toEqual([['rack', 'r7']]);
    expect(logLines).toHaveLength(4);
  });

  test('after compaction, which keeps the last record of a tenant, who starts knows the change that counted', async () => {
    const { open, producer } = sharing();
    const [one, other] = [await open(), await open()];
    const outcomes = await Promise.all([
      one.replace({ tenant: 'acme', version: 0, text: RACK }),
      other.replace({ tenant: 'acme', version: 0, text: '{"web-2":{}}' }),
    ]);
    expect(outcomes.map((outcome) => outcome?.text)).toEqual([RACK, undefined]);
    const compacted = sharing();
    const last = producer.records('enrichments', 0).at(-1) ?? expect.fail('nothing was written');
    await compacted.producer.send({ ...last, topic: 'enrichments' });
    expect((await (await compacted.open()).read('acme')).text).toBe(RACK);
  });

  test('a change that does not come back in time is unavailable: nobody knows whether it counts', async () => {
    const { open, log, clock } = sharing();
    const one = await open();
    await log.close();
    const changing = one.replace({ tenant: 'acme', version: 0, text: RACK });
    const refused = expect(changing).rejects.toMatchObject({ code: 'unavailable' });
    await clock.advance(LIMITS.appendTimeoutMs);
    await refused;
  });
});

describe('an edge, apart from control', () => {
  const START_MS = 1_000_000;

  test('asks control at its first push, and again when what it knows is older than its time; meanwhile it waits for nobody', async () => {
    const service = controlled();
    let asked = 0;
    const counting: EnrichmentKeeper = {
      ...service,
      enrichments: (call) => {
        asked += 1;
        return service.enrichments(call);
      },
    };
    const edge = remoteEnrichmentRegistry({ control: () => counting });
    await edge.refresh?.(START_MS);
    expect(asked).toBe(1);
    expect(edge.refresh?.(START_MS + LIMITS.enrichmentRefreshMs - 1)).toBeUndefined();
    const asking = edge.refresh?.(START_MS + LIMITS.enrichmentRefreshMs);
    expect(edge.refresh?.(START_MS + LIMITS.enrichmentRefreshMs + 1)).toBeUndefined();
    await asking;
    expect(asked).toBe(2);
  });

  test('goes on with what it knows while control cannot be reached, for a while, and takes no push before it knows', async () => {
    const service = controlled();
    await service.enrichments({ version: 1, sinceVersion: 0, replacing: { tenant: 'acme', version: 0, text: RACK } });
    let isAway = true;
    const flaky: EnrichmentKeeper = {
      ...service,
      enrichments: (call) => (isAway ? Promise.reject(new Error('gone')) : service.enrichments(call)),
    };
    const edge = remoteEnrichmentRegistry({ control: () => flaky });
    await expect(edge.refresh?.(START_MS)).rejects.toMatchObject({ code: 'unavailable' });
    isAway = false;
    await edge.refresh?.(START_MS);
    isAway = true;
    await edge.refresh?.(START_MS + LIMITS.enrichmentStaleMs);
    expect(edge.find('acme', 'web-1')).toBeDefined();
    await expect(edge.refresh?.(START_MS + LIMITS.enrichmentStaleMs + LIMITS.enrichmentRefreshMs)).rejects.toBeInstanceOf(
      MetricStreamError,
    );
  });

  test('adds nothing while control is of a version that knows no tables', async () => {
    const old = {
      enrichments: () => Promise.reject(new TypeError('The RPC receiver does not implement the method')),
    } as unknown as EnrichmentKeeper;
    const edge = remoteEnrichmentRegistry({ control: () => old });
    await edge.refresh?.(START_MS);
    expect(edge.find('acme', 'web-1')).toBeUndefined();
  });
});
