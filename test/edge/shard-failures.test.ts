/** A push whose shard is another object: what the platform and a later version of the shard answer, as the client sees it. */
import { describe, expect, test } from 'vitest';
import { remoteKeyRegistry } from '../../src/adapters/durable-objects/key-registry.ts';
import { remotePushAppender } from '../../src/adapters/durable-objects/push-appender.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { EdgePlace } from '../../src/ports/push-appender.ts';
import type { AppendCall, ShardWriter } from '../../src/ports/shard-service.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { earlierShard } from '../consumers/earlier-shard.ts';
import { createEdge } from './harness.ts';

const BODY = { client_id: 'web-1', metrics: [{ name: 'cpu', value: 1 }] };

async function pushTo(append: ShardWriter['append'], place?: EdgePlace) {
  const clock = manualClock();
  const appender = remotePushAppender({
    clock,
    partitions: 12,
    shards: 1,
    shardOf: () => earlierShard(append),
    counts: () => [],
  });
  const edge = createEdge({ appender, placeOf: () => place });
  const response = await edge.push(BODY, { key: await edge.key() });
  const { code } = (await response.json()) as { code?: string };
  return [response.status, code, response.headers.get('retry-after')];
}

describe('a push to a shard elsewhere', () => {
  test('is 503 overloaded with Retry-After where the platform or the shard says that it has too much to do', async () => {
    const overloaded = () =>
      Promise.reject(Object.assign(new Error('Durable Object is overloaded.'), { overloaded: true, remote: true }));
    expect(await pushTo(overloaded)).toEqual([503, 'overloaded', '1']);
    const full = { kind: 'refused', code: 'overloaded', retryAfterMs: 2_000 } as const;
    expect(await pushTo(async () => ({ version: 1, ok: true, value: full }))).toEqual([503, 'overloaded', '2']);
  });

  test('is 503 unavailable with Retry-After where the object has gone, or answers what this edge does not know', async () => {
    const gone = () => Promise.reject(Object.assign(new Error('The object was reset.'), { retryable: true }));
    const strange = async () => ({ version: 2, ok: true, value: { kind: 'postponed' } }) as never;
    for (const append of [gone, strange]) expect(await pushTo(append)).toEqual([503, 'unavailable', '1']);
  });

  test('carries where it came in, apart from its record', async () => {
    const calls: AppendCall[] = [];
    const append = async (call: AppendCall) => {
      calls.push(call);
      return { version: 1, ok: true, value: { kind: 'appended', offset: 0, duplicate: false, rejected: [] } } as const;
    };
    for (const place of [{ colo: 'FRA', country: 'DE' }, undefined]) expect((await pushTo(append, place))[0]).toBe(202);
    const [known, unknown] = calls;
    expect(known).toMatchObject({ colo: 'FRA', country: 'DE' });
    expect([unknown?.colo, unknown?.record]).toEqual([undefined, known?.record]);
  });
});

describe('what control knows of revoked keys', () => {
  /** @param ages before each push, ms. @returns the status of each, and how often control was asked for it. */
  async function pushes(ages: readonly number[], answers: () => boolean) {
    let asked = 0;
    const control = {
      async revokedSince() {
        asked += 1;
        if (!answers()) throw new Error('The object was reset.');
        return { version: 1, ok: true, value: [] } as const;
      },
      revoke: async () => ({ version: 1, ok: true, value: null }) as const,
    };
    const edge = createEdge({ keys: remoteKeyRegistry({ control: () => control }) });
    const key = await edge.key();
    const told: [status: number, asked: number][] = [];
    for (const age of ages) {
      edge.clock.advance(age);
      asked = 0;
      const { status } = await edge.push(BODY, { key });
      told.push([status, asked]);
    }
    return told;
  }

  test('is asked for once by a push that finds it too old, and by no other', async () => {
    const { revocationRefreshMs, revocationMs } = LIMITS;
    const told = await pushes([0, 1, revocationRefreshMs, 1, revocationMs, 1], () => true);
    expect(told.map(([status]) => status)).toEqual([202, 202, 202, 202, 202, 202]);
    expect(told.map(([, asked]) => asked)).toEqual([1, 0, 1, 0, 1, 0]);
  });

  test('is waited for: a push is 503 when it is far too old and control cannot be reached, and nothing fails beside it', async () => {
    let answers = true;
    const told = await pushes([0, LIMITS.revocationStaleMs + 1], () => {
      const now = answers;
      answers = false;
      return now;
    });
    expect(told).toEqual([
      [202, 1],
      [503, 1],
    ]);
  });
});
