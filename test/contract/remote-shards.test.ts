/** The contracts of push-appender and metric-reader on three shards that are reached by messages, and what becomes of failures on the way. */
import { describe, expect, test } from 'vitest';
import { remoteKeyRegistry } from '../../src/adapters/durable-objects/key-registry.ts';
import { remoteMetricReader } from '../../src/adapters/durable-objects/metric-reader.ts';
import { remotePushAppender } from '../../src/adapters/durable-objects/push-appender.ts';
import { embeddedShardRegistry } from '../../src/adapters/embedded/shard-registry.ts';
import { memoryEnrichmentRegistry } from '../../src/adapters/memory/enrichment-registry.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { Control } from '../../src/consumers/control.ts';
import { ShardHost } from '../../src/consumers/shard-host.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { Revocation } from '../../src/ports/key-registry.ts';
import type { Reply, ShardKeeper, ShardReader, ShardWriter } from '../../src/ports/shard-service.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { CALL_VERSION, reply } from '../../src/protocols/shard-reply.ts';
import { type ManualClock, manualClock } from '../agent/manual-clock.ts';
import { earlierShard } from '../consumers/earlier-shard.ts';
import { type Lab, openLab } from '../consumers/lab.ts';
import { pushOf } from '../consumers/shapes.ts';
import { CONTRACT_START_MS, describeMetricReader, describePushAppender, type PortsUnderTest } from './suites/shard-ports.ts';

const PARTITIONS = 12;

function hostOf(lab: Lab, keys = memoryKeyRegistry()): ShardHost {
  return new ShardHost({
    shard: lab.shard,
    clock: lab.clock,
    telemetry: memoryTelemetry({ nowMs: lab.clock.nowMs }),
    alarm: { get: async () => null, set: async () => undefined },
    keys,
    shapes: shapeInterner(),
    register: async () => [],
  });
}

/** A message is a copy, both ways. */
function carried<C, T>(work: (call: C) => Promise<T>): (call: C) => Promise<Reply<T>> {
  return async (call) => structuredClone(await reply(() => work(structuredClone(call))));
}

function serviceOf(host: ShardHost): ShardReader & ShardWriter & Pick<ShardKeeper, 'revoke'> {
  return {
    append: carried((call) => host.append(call)),
    appendAll: carried((call) => host.appendAll(call)),
    readWindows: carried((call) => host.readWindows(call)),
    readSamples: carried((call) => host.readSamples(call)),
    readClients: carried((call) => host.readClients(call)),
    readMetrics: carried((call) => host.readMetrics(call)),
    revoke: carried((call) => host.revoke(call)),
  };
}

async function threeShards(seriesPerClientMax: number) {
  const cardinality = { ...LIMITS, seriesPerClientMax };
  const open = () => openLab({ startMs: CONTRACT_START_MS, partitions: PARTITIONS, cardinality });
  const labs = [await open(), await open(), await open()] as const;
  const services = labs.map((lab) => serviceOf(hostOf(lab)));
  const shardOf = (partition: number) => services[partition % services.length] as (typeof services)[number];
  const edge = () =>
    remotePushAppender({ clock: labs[0].clock, partitions: PARTITIONS, shards: labs.length, shardOf, counts: () => [] });
  return {
    labs,
    edge,
    appender: edge(),
    reader: remoteMetricReader({ partitions: PARTITIONS, shardOf, shards: () => services }),
  };
}

const shards: PortsUnderTest = {
  name: 'three shards in other objects',
  async create(seriesPerClientMax) {
    const { labs, appender, reader } = await threeShards(seriesPerClientMax);
    const [{ clock, shard }] = labs;
    const advance = async (ms: number): Promise<void> => {
      for (const lab of labs) await lab.clock.advance(ms);
    };
    return { appender, reader, live: shard.live, nowMs: clock.nowMs, advance };
  },
};

describePushAppender(shards);
describeMetricReader(shards);

/** Control, as an edge reaches it. */
function controlled(clock: ManualClock, told: Revocation[] = []) {
  const control = new Control({
    live: { revoked: () => undefined, started: async () => undefined },
    clock,
    keys: memoryKeyRegistry(),
    enrichments: memoryEnrichmentRegistry(),
    registry: { names: () => ['shard-0'], add: () => undefined },
    telemetry: memoryTelemetry({ nowMs: clock.nowMs }),
    shard: () => ({
      revoke: carried(async ({ revocation }) => {
        told.push(revocation);
        return null;
      }),
      wake: carried(async () => null),
      telemetry: carried(async () => []),
      watch: carried(async () => null),
    }),
  });
  return {
    revoke: carried(({ revocation }: { revocation: Revocation }) => control.revoke(revocation)),
    revokedSince: carried(({ sinceMs }: { sinceMs: number }) => control.revokedSince(sinceMs)),
  };
}

describe('revocations', () => {
  test('of one edge are known to another within their time, and told to every shard', async () => {
    const clock = manualClock(CONTRACT_START_MS);
    const told: Revocation[] = [];
    const service = controlled(clock, told);
    const [one, other] = [remoteKeyRegistry({ control: () => service }), remoteKeyRegistry({ control: () => service })];
    await other.refresh?.(clock.nowMs());
    await one.revoke('acme', 'acme.key', clock.nowMs());
    expect([one.isRevoked('acme.key'), other.isRevoked('acme.key')]).toEqual([true, false]);
    expect(told).toMatchObject([{ keyId: 'acme.key' }]);
    await clock.advance(LIMITS.revocationMs);
    await other.refresh?.(clock.nowMs());
    expect(other.isRevoked('acme.key')).toBe(true);
  });

  test('are judged by what was known last while control cannot be reached, for a while, and then not at all', async () => {
    const clock = manualClock(CONTRACT_START_MS);
    const service = controlled(clock);
    let reachable = true;
    const failing = {
      ...service,
      revokedSince: (call: { sinceMs: number; version: number }) =>
        reachable ? service.revokedSince(call) : Promise.reject(new Error('gone')),
    };
    const registry = remoteKeyRegistry({ control: () => failing });
    await registry.refresh?.(clock.nowMs());
    reachable = false;
    await clock.advance(LIMITS.revocationMs);
    await registry.refresh?.(clock.nowMs());
    await clock.advance(LIMITS.revocationStaleMs);
    await expect(registry.refresh?.(clock.nowMs())).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('are made only by the tenant that a key names', async () => {
    const registry = remoteKeyRegistry({ control: () => controlled(manualClock()) });
    await expect(registry.revoke('acme', 'other.one', 1)).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('a push to a shard elsewhere', () => {
  const push = (lab: Lab) => pushOf(lab.shapes, [['cpu', CONTRACT_START_MS, 1]]);

  test('with a key that the shard knows to be revoked is unauthorized, and leaves nothing', async () => {
    const lab = await openLab({ startMs: CONTRACT_START_MS });
    const keys = memoryKeyRegistry();
    await keys.revoke('default', 'default.key', 1);
    const service = serviceOf(hostOf(lab, keys));
    const appender = remotePushAppender({ clock: lab.clock, partitions: 2, shards: 1, shardOf: () => service, counts: () => [] });
    await expect(appender.append(push(lab), 10, 'default.key')).rejects.toMatchObject({ code: 'unauthorized' });
    expect(lab.log.end()).toBe(0);
  });

  test.each([
    ['an object that has too much to do', Object.assign(new Error('busy'), { overloaded: true }), 'overloaded'],
    ['an object that was reset', Object.assign(new Error('reset'), { retryable: true }), 'unavailable'],
  ])('to %s can be sent again', async (_, failure, code) => {
    const lab = await openLab({ startMs: CONTRACT_START_MS });
    const appender = remotePushAppender({
      clock: lab.clock,
      partitions: 2,
      shards: 1,
      shardOf: () => earlierShard(() => Promise.reject(failure)),
      counts: () => [],
    });
    await expect(appender.append(push(lab), 10)).rejects.toMatchObject({ code, retryAfterMs: LIMITS.retryMs });
  });

  test('that this version of the shard cannot read is unavailable, and nothing is logged', async () => {
    const lab = await openLab({ startMs: CONTRACT_START_MS });
    const call = { version: CALL_VERSION + 1, record: Uint8Array.of(99, 0), requestsPerSecond: 1, keyId: undefined, counts: [] };
    expect(await serviceOf(hostOf(lab)).append(call)).toMatchObject({ ok: false, code: 'unavailable' });
    expect(lab.log.end()).toBe(0);
  });

  test('takes along what its edge counted', async () => {
    const lab = await openLab({ startMs: CONTRACT_START_MS });
    let counts = [['metricstream_pushes_total', 3, { outcome: 'accepted' }] as const];
    const seen: unknown[] = [];
    const appender = remotePushAppender({
      clock: lab.clock,
      partitions: 2,
      shards: 1,
      shardOf: () =>
        earlierShard(async (call) => {
          seen.push(structuredClone(call).counts);
          return reply(async () => ({ kind: 'crowded' }) as const);
        }),
      counts: () => counts.splice(0),
    });
    await appender.append(push(lab), 10);
    counts = [];
    await appender.append(push(lab), 10);
    expect(seen).toEqual([[['metricstream_pushes_total', 3, { outcome: 'accepted' }]], []]);
  });
});

test('the shards that control knows are there for its next life, each once', async () => {
  const lab = await openLab();
  const registry = embeddedShardRegistry({ database: lab.database });
  for (const name of ['shard-1', 'shard-0', 'shard-1']) registry.add(name);
  expect([...embeddedShardRegistry({ database: lab.database }).names()].sort()).toEqual(['shard-0', 'shard-1']);
});

test('a client that moves between two edges in the middle of a minute, and repeats itself at the other, is counted as by one', async () => {
  const shown = [];
  for (const edges of [1, 2]) {
    const { labs, reader, edge } = await threeShards(100);
    const appenders = Array.from({ length: edges }, edge);
    const [lab] = labs;
    for (let i = 0; i < 12; i++) {
      const pushId = { boot: 'b', sequence: i, previous: undefined };
      const fields = { client: 'web-1', pushId, arrivalMs: lab.clock.nowMs() };
      const push = pushOf(lab.shapes, [['cpu', CONTRACT_START_MS + i * 5_000, i]], fields);
      for (const turn of [i, i + 1]) {
        const appended = appenders[turn % edges]?.append(push, 1_000);
        for (const one of labs) await one.clock.advance(1);
        expect(await appended).toMatchObject({ kind: 'appended', duplicate: turn > i });
      }
    }
    for (const one of labs) await one.clock.advance(5 * 60_000);
    const query = { tenant: 'default', client: 'web-1', metric: undefined, labels: {}, startMs: 0, endMs: CONTRACT_START_MS * 2 };
    const windows = Array.fromAsync(reader.windows({ ...query, resolution: '1m', open: true }));
    for (let i = 0; i < 20; i++) for (const one of labs) await one.clock.advance(0);
    const clients = reader.clients('default');
    for (let i = 0; i < 20; i++) for (const one of labs) await one.clock.advance(0);
    shown.push([await windows, (await clients).map(({ pushes, samples }) => ({ pushes, samples }))]);
  }
  expect(shown[1]).toEqual(shown[0]);
  expect(shown[0]).toMatchObject([
    [{ columns: [{ count: Float64Array.of(12) }] }],
    [{ pushes: { received: 12, duplicate: 12 } }],
  ]);
});
