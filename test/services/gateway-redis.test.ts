/** The unmodified `@upstash/redis` and `@upstash/ratelimit` against the gateway and a real Redis. */
import { randomUUID } from 'node:crypto';
import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealGateway, realGateway, SECRET } from './gateway-lab.ts';

let gateway: RealGateway;

beforeAll(async () => {
  gateway = await realGateway();
});

afterAll(() => gateway.close());

const fresh = (): string => `test-${randomUUID()}`;

describe('@upstash/redis', () => {
  test('gets what it set, of any shape', async () => {
    const { redis } = gateway;
    const key = fresh();
    for (const value of ['text', 'ü 😀', '', 'OK', 42, { a: [1, 'b', null] }, true]) {
      expect(await redis.set(key, value)).toBe('OK');
      expect(await redis.get(key)).toEqual(value);
    }
    await redis.del(key);
    expect(await redis.get(key)).toBeNull();
    await redis.hset(key, { a: '1', b: 'OK' });
    expect(await redis.hgetall(key)).toEqual({ a: 1, b: 'OK' });
    expect(await redis.hmget(key, 'b', 'c')).toEqual({ b: 'OK', c: null });
    await redis.del(key);
    await redis.rpush(key, 'x', 'OK', 'ü');
    expect(await redis.lrange(key, 0, -1)).toEqual(['x', 'OK', 'ü']);
    await redis.del(key);
    await redis.zadd(key, { score: 1.5, member: 'm' });
    expect(await redis.zrange(key, 0, -1, { withScores: true })).toEqual(['m', 1.5]);
    expect(await redis.type(key)).toBe('zset');
    await redis.del(key);
    expect(await redis.xadd(key, '1-0', { f: 'v' })).toBe('1-0');
    expect(await redis.xrange(key, '-', '+')).toEqual({ '1-0': { f: 'v' } });
    expect(await redis.ping()).toBe('PONG');
  });

  test('without base64, without auto-pipelining, and with both', async () => {
    const options = { url: gateway.url, token: SECRET, enableTelemetry: false } as const;
    for (const more of [
      { responseEncoding: false },
      { enableAutoPipelining: false },
      { responseEncoding: false, enableAutoPipelining: false },
    ] as const) {
      const redis = new Redis({ ...options, ...more });
      const key = fresh();
      await redis.set(key, { a: 'ü' });
      expect(await redis.get(key)).toEqual({ a: 'ü' });
      await expect(redis.hget(key, 'f')).rejects.toThrow('WRONGTYPE');
    }
  });

  test('runs a pipeline in order, and says which of its commands failed', async () => {
    const key = fresh();
    const results = await gateway.redis.pipeline().set(key, 1).incr(key).get(key).del(key).exec();
    expect(results).toEqual(['OK', 2, 2, 1]);
    const outcomes = await gateway.redis.pipeline().set(key, 'text').incr(key).get(key).exec({ keepErrors: true });
    expect(outcomes.map(({ result, error }) => error ?? result)).toEqual([
      'OK',
      expect.stringContaining('not an integer'),
      'text',
    ]);
  });

  test('runs a transaction that nobody comes into: all increments of many are kept apart', async () => {
    const key = fresh();
    const rounds = Array.from({ length: 50 }, () =>
      gateway.redis.multi().incr(key).incr(key).get(key).exec<[number, number, number]>(),
    );
    const others = Array.from({ length: 50 }, () => gateway.redis.incr(key));
    for (const [first, second, third] of await Promise.all(rounds)) expect([second - first, third - second]).toEqual([1, 0]);
    await Promise.all(others);
    expect(await gateway.redis.get(key)).toBe(150);
  });

  test('a transaction that is not well formed changes nothing', async () => {
    const key = fresh();
    const answer = await fetch(`${gateway.url}/multi-exec`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}` },
      body: JSON.stringify([['SET', key, 'changed'], ['GET']]),
    });
    expect([answer.status, await answer.json()]).toEqual([400, { error: expect.stringMatching(/^EXECABORT.*wrong number/) }]);
    expect(await gateway.redis.get(key)).toBeNull();
    const failing = await fetch(`${gateway.url}/multi-exec`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}` },
      body: JSON.stringify([
        ['SET', key, 'text'],
        ['INCR', key],
        ['GET', key],
      ]),
    });
    expect([failing.status, await failing.json()]).toEqual([
      200,
      [{ result: 'OK' }, { error: expect.stringContaining('not an integer') }, { result: 'text' }],
    ]);
  });

  test('is told by name what is refused, and the connection of all is what it was', async () => {
    const { redis } = gateway;
    const blocked = async (...command: string[]) => {
      const body = JSON.stringify(command);
      const answer = await fetch(gateway.url, { method: 'POST', headers: { authorization: `Bearer ${SECRET}` }, body });
      return [answer.status, ((await answer.json()) as { error: string }).error];
    };
    for (const command of [
      ['SUBSCRIBE', 'c'],
      ['BLPOP', 'l', '0'],
      ['MULTI'],
      ['SELECT', '1'],
      ['CONFIG', 'GET', '*'],
      ['SHUTDOWN'],
    ]) {
      expect(await blocked(...command)).toEqual([400, expect.stringMatching(`^ERR ${command[0]} is refused: `)]);
    }
    expect(await redis.ping()).toBe('PONG');
  });

  test('runs scripts by text and by SHA-1', async () => {
    const { redis } = gateway;
    const script = `#!lua flags=allow-key-locking\nreturn {KEYS[1], ARGV[1], '${randomUUID()}'}`;
    expect((await redis.eval<string[], string[]>(script, ['k'], ['ü'])).slice(0, 2)).toEqual(['k', 'ü']);
    const sha = await redis.scriptLoad(script);
    expect(await redis.scriptExists(sha)).toEqual([1]);
    expect((await redis.evalsha<string[], string[]>(sha, ['k'], ['a'])).slice(0, 2)).toEqual(['k', 'a']);
    expect((await redis.createScript<string[]>(script).exec(['k'], ['b'])).slice(0, 2)).toEqual(['k', 'b']);
  });
});

describe('@upstash/ratelimit', () => {
  const limiters = {
    fixedWindow: () => Ratelimit.fixedWindow(5, '60 s'),
    slidingWindow: () => Ratelimit.slidingWindow(5, '60 s'),
    tokenBucket: () => Ratelimit.tokenBucket(5, '60 s', 5),
  } as const;

  test.each(Object.keys(limiters) as (keyof typeof limiters)[])(
    '%s lets through what it says, counted for all instances together',
    async (name) => {
      const prefix = fresh();
      const limiter = () =>
        new Ratelimit({ redis: gateway.redis, limiter: limiters[name](), prefix, ephemeralCache: false, timeout: 5_000 });
      const [one, two] = [limiter(), limiter()];
      const passed: boolean[] = [];
      for (let i = 0; i < 8; i++) {
        const { success, reason } = await (i % 2 === 0 ? one : two).limit('client');
        expect(reason).toBeUndefined();
        passed.push(success);
      }
      expect(passed).toEqual([true, true, true, true, true, false, false, false]);
      expect((await one.limit('another')).success).toBe(true);
      expect((await one.getRemaining('client')).remaining).toBe(0);
      await one.resetUsedTokens('client');
      expect((await two.limit('client')).success).toBe(true);
    },
  );
});
