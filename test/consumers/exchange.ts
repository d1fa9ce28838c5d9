/** What an edge and a shard say to each other in one short life of theirs: what version 1 is frozen from and compared with. */

import { remoteMetricReader } from '../../src/adapters/durable-objects/metric-reader.ts';
import { remotePushAppender } from '../../src/adapters/durable-objects/push-appender.ts';
import { memoryKeyRegistry } from '../../src/adapters/memory/key-registry.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { ShardHost } from '../../src/consumers/shard-host.ts';
import type { ShardService } from '../../src/ports/shard-service.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { CALL_VERSION, reply } from '../../src/protocols/shard-reply.ts';
import { collect, finish, type Lab, openLab, START_MS } from './lab.ts';
import { pushOf } from './shapes.ts';

/** `watch` came with version 1, after these were frozen; test/workers/live.test.ts plays it both ways. */
export type Method = Exclude<keyof ShardService, 'telemetry' | 'watch'>;

export interface Exchange {
  readonly method: Method;
  readonly call: unknown;
  readonly reply: unknown;
}

/** A shard host over a lab, behind the functions of shard-object.ts; the lab's clock runs while one of them works. */
export async function openService(): Promise<{ readonly lab: Lab; call(method: Method, call: unknown): Promise<unknown> }> {
  const lab = await openLab({ timed: false });
  const { clock } = lab;
  const host = new ShardHost({
    shard: lab.shard,
    clock,
    telemetry: memoryTelemetry({ nowMs: clock.nowMs }),
    alarm: { get: async () => null, set: async () => undefined },
    keys: memoryKeyRegistry(),
    shapes: shapeInterner(),
    register: async () => [],
  });
  return {
    lab,
    async call(method, call) {
      const answer = await finish(
        clock,
        reply<unknown>(() => host[method](call as never)),
      );
      await clock.advance(0);
      return answer;
    },
  };
}

export const KEY_ID = 'default.0123456789abcdefghijkl';
const RANGE = { tenant: 'default', metric: undefined, labels: {}, startMs: START_MS, endMs: START_MS + 60_000 };

/** An edge that pushes, repeats itself, reads everything, and meets a key that is revoked. */
export async function exchanges(): Promise<Exchange[]> {
  const { lab, call } = await openService();
  const told: Exchange[] = [];
  const shard = new Proxy({} as ShardService, {
    get: (_, method: Method) => async (sent: unknown) => {
      const answer = await call(method, sent);
      told.push({ method, call: sent, reply: answer });
      return answer;
    },
  });
  const counts = () => [['metricstream_pushes_total', 1, { outcome: 'accepted' }] as const];
  const appender = remotePushAppender({ clock: lab.clock, partitions: 2, shards: 1, shardOf: () => shard, counts });
  const reader = remoteMetricReader({ partitions: 2, shardOf: () => shard, shards: () => [shard] });
  const pushId = { boot: 'b', sequence: 0, previous: undefined };
  const push = pushOf(
    lab.shapes,
    [
      ['cpu', START_MS, 75.5],
      ['load1', START_MS, -0],
    ],
    { pushId },
  );
  const late = pushOf(lab.shapes, [
    ['cpu', START_MS + 1, 1, 7],
    ['cpu', START_MS + 2, 2],
  ]);
  await appender.append(push, 1, KEY_ID, { colo: 'FRA', country: 'DE' });
  await appender.append(push, 100, undefined);
  await appender.append(late, 100, undefined);
  await appender.append(late, 1, undefined);
  for (const client of ['web-1', undefined]) {
    await collect(reader.windows({ ...RANGE, client, resolution: '1m', open: true }));
    await collect(reader.samples({ ...RANGE, client }));
  }
  await reader.clients('default');
  await reader.metrics('default');
  await shard.revoke({
    version: CALL_VERSION,
    revocation: { tenant: 'default', keyId: KEY_ID, revokedMs: START_MS, expiresMs: undefined },
  });
  await appender.append(push, 100, KEY_ID).catch(() => undefined);
  await shard.wake({ version: CALL_VERSION });
  return told;
}
