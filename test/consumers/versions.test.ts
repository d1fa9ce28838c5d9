/** Messages of version 1, as they were frozen, and of a version to come: read by today's shard and by today's edge. */
import { describe, expect, test } from 'vitest';
import { remoteKeyRegistry } from '../../src/adapters/durable-objects/key-registry.ts';
import { remoteMetricReader } from '../../src/adapters/durable-objects/metric-reader.ts';
import { remotePushAppender } from '../../src/adapters/durable-objects/push-appender.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { AppendCall, Reply, ShardService } from '../../src/ports/shard-service.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { CALL_VERSION } from '../../src/protocols/shard-reply.ts';
import { manualClock } from '../agent/manual-clock.ts';
import frozen from '../fixtures/messages/version-1.json' with { type: 'json' };
import { earlierShard } from './earlier-shard.ts';
import { type Exchange, exchanges, KEY_ID, type Method, openService } from './exchange.ts';
import { freeze, thaw } from './frozen.ts';
import { collect, START_MS } from './lab.ts';
import { pushOf } from './shapes.ts';

const TOLD = thaw(frozen) as Exchange[];
const RANGE = { tenant: 'default', client: 'web-1', metric: undefined, labels: {}, startMs: START_MS, endMs: START_MS + 60_000 };

/** What a later version may add, wherever this one has an object of named members. */
const ADDED = { later: { because: [1, undefined, 'two'] }, moreOfIt: 7 };

function newer(message: unknown): unknown {
  if (Array.isArray(message)) return message.map(newer);
  if (typeof message !== 'object' || message === null || ArrayBuffer.isView(message)) return message;
  const members = Object.entries(message).map(([name, member]) => {
    // These hold what people named, not members.
    const named = name === 'labels' || name === 'counts' || name === 'rejected';
    return [name, named ? member : name === 'version' ? CALL_VERSION + 1 : newer(member)];
  });
  return { ...Object.fromEntries(members), ...ADDED };
}

const VERSIONS = [
  ['version 1', (message: unknown) => message],
  ['a later version', newer],
] as const;

/** A shard that answers as it did when version 1 was frozen. */
function shardOf(told: (message: unknown) => unknown, method: Method, place = 0): ShardService {
  const { reply } = TOLD.filter((one) => one.method === method)[place] as Exchange;
  return { [method]: async () => told(reply) } as unknown as ShardService;
}

const firstReply = (method: Method): unknown => TOLD.find((one) => one.method === method)?.reply;

const pushTo = ({ append }: Pick<ShardService, 'append'>) => {
  const shapes = shapeInterner();
  const clock = manualClock(START_MS);
  const appender = remotePushAppender({ clock, partitions: 2, shards: 1, shardOf: () => earlierShard(append), counts: () => [] });
  return appender.append(pushOf(shapes, [['cpu', START_MS, 1]]), 1);
};

const answering = (value: unknown) => ({ append: async () => ({ version: CALL_VERSION + 1, ok: true, value }) as Reply<never> });

describe('messages', () => {
  test('say what they said in version 1; members may have come', async () => {
    const today = (await exchanges()).map(freeze);
    expect(today).toMatchObject(frozen);
  });

  test.each(VERSIONS)('of %s are answered by the shard as it answers its own', async (_, told) => {
    const { call } = await openService();
    for (const { method, call: sent, reply } of TOLD)
      expect(freeze(await call(method, told(sent)))).toMatchObject(freeze(reply) as object);
  });
});

describe.each(VERSIONS)('an edge reads replies of %s', (_, told) => {
  const readerOf = (method: Method) => {
    const shard = shardOf(told, method);
    return remoteMetricReader({ partitions: 2, shardOf: () => shard, shards: () => [shard] });
  };
  const heldIn = (method: Method) => (firstReply(method) as { value: { items: object[] } }).value;

  test('to a push', async () => {
    expect(await pushTo(shardOf(told, 'append'))).toMatchObject({ kind: 'appended', offset: 0, duplicate: false });
    expect(await pushTo(shardOf(told, 'append', 1))).toMatchObject({ kind: 'appended', offset: 1, duplicate: true });
    expect(await pushTo(shardOf(told, 'append', 3))).toMatchObject({ kind: 'limited', retryAfterMs: 1_000 });
    await expect(pushTo(shardOf(told, 'append', 4))).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('to reads', async () => {
    const windows = await collect(readerOf('readWindows').windows({ ...RANGE, resolution: '1m', open: true }));
    expect(windows).toMatchObject(heldIn('readWindows').items);
    expect(await collect(readerOf('readSamples').samples(RANGE))).toMatchObject(heldIn('readSamples').items);
    expect(await readerOf('readClients').clients('default')).toMatchObject(heldIn('readClients') as unknown as object[]);
    expect(await readerOf('readMetrics').metrics('default')).toMatchObject([{ name: 'cpu', clients: 1 }, { name: 'load1' }]);
  });

  test('of control', async () => {
    const revocation = { tenant: 'default', keyId: KEY_ID, revokedMs: START_MS, expiresMs: undefined };
    const control = {
      revoke: async () => told({ version: 1, ok: true, value: null }) as Reply<null>,
      revokedSince: async () => told({ version: 1, ok: true, value: [revocation] }) as Reply<[typeof revocation]>,
    };
    const keys = remoteKeyRegistry({ control: () => control });
    await keys.refresh?.(START_MS);
    expect([keys.isRevoked(KEY_ID), keys.isRevoked('default.other')]).toEqual([true, false]);
    await keys.revoke('default', 'default.other', START_MS, undefined);
    expect(keys.isRevoked('default.other')).toBe(true);
  });
});

describe('what only a later version says', () => {
  test.each([
    ['an outcome', answering({ kind: 'postponed', untilMs: 5 })],
    ['a refusal', answering({ kind: 'refused', code: 'on_strike', retryAfterMs: 5 })],
    ['an error', { append: async () => ({ version: 2, ok: false, code: 'on_strike', message: '' }) as unknown as Reply<never> }],
  ])('as %s of a push means that it can be sent again', async (_, shard) => {
    await expect(pushTo(shard)).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: LIMITS.retryMs });
  });

  test('in a record is not logged, and can be sent again', async () => {
    const { lab, call } = await openService();
    const { call: sent } = TOLD[0] as { call: AppendCall };
    const record = sent.record.slice();
    record[0] = 2;
    const before = lab.log.end();
    expect(await call('append', { ...sent, version: 2, record })).toMatchObject({
      ok: false,
      code: 'unavailable',
      retryAfterMs: LIMITS.retryMs,
    });
    await lab.clock.advance(60_000);
    expect(lab.log.end()).toBe(before);
    expect(await call('append', sent)).toMatchObject({ ok: true, value: { kind: 'appended', duplicate: false } });
  });

  test('as an error of a read is told as unavailable', async () => {
    const shard = {
      readClients: async () => ({ version: 2, ok: false, code: 'on_strike', message: 'no' }),
    } as unknown as ShardService;
    const reader = remoteMetricReader({ partitions: 2, shardOf: () => shard, shards: () => [shard] });
    await expect(reader.clients('default')).rejects.toMatchObject({ code: 'unavailable' });
  });
});
