/** The gateway's Redis API, with a Redis that records: shapes, encodings, scripts, and what is refused. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { portableScript } from '../../src/gateway/redis-scripts.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { gatewayLab } from './harness.ts';

const base64 = { 'upstash-encoding': 'base64' };
const encode = (text: string): string => Buffer.from(text).toString('base64');
const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

describe('a command', () => {
  test('is answered with its result, or with 400 and what Redis says', async () => {
    const { ask, redis } = gatewayLab();
    redis.answers.set('GET', { reply: Buffer.from('ü') }).set('INCR', { error: 'ERR value is not an integer' });
    expect((await ask('/', ['GET', 'k'])).body).toEqual({ result: 'ü' });
    const failed = await ask('/', ['incr', 'k']);
    expect([failed.status, failed.body]).toEqual([400, { error: 'ERR value is not an integer' }]);
    expect(redis.ran).toEqual([
      ['GET', 'k'],
      ['incr', 'k'],
    ]);
  });

  test('takes numbers and booleans as arguments', async () => {
    const { ask, redis } = gatewayLab();
    await ask('/', ['SET', 'k', 1.5, 'EX', 60, true]);
    expect(redis.ran).toEqual([['SET', 'k', '1.5', 'EX', '60', 'true']]);
  });

  test.each([
    ['nothing', null],
    ['an object', {}],
    ['no name', []],
    ['an empty name', ['']],
    ['null as argument', ['GET', null]],
  ])('that is %s is 400', async (_, body) => {
    const { ask, redis } = gatewayLab();
    const answer = await ask('/', body);
    expect([answer.status, Object.keys(answer.body as object), redis.ran]).toEqual([400, ['error'], []]);
  });

  test('while Redis is away is 503 with Retry-After', async () => {
    const { ask, redis } = gatewayLab();
    redis.isDown = true;
    const answer = await ask('/', ['PING']);
    expect([answer.status, answer.body, answer.headers.get('retry-after')]).toEqual([503, { error: 'Redis is away.' }, '2']);
  });
});

describe('base64', () => {
  test('is of the bytes of each string, however deep, but not of OK by itself', async () => {
    const { ask, redis } = gatewayLab();
    redis.answers
      .set('GET', { reply: new Uint8Array([0, 255, 128]) })
      .set('TYPE', { reply: 'string' })
      .set('EVAL', { reply: ['OK', 1, null, [Buffer.from('deep'), ['PONG']]] });
    const result = async (...command: string[]) => ((await ask('/', command, base64)).body as { result: unknown }).result;
    expect(await result('GET', 'k')).toBe('AP+A');
    expect(await result('SET', 'k', 'v')).toBe('OK');
    expect(await result('TYPE', 'k')).toBe(encode('string'));
    expect(await result('EVAL', 'x', '0')).toEqual([encode('OK'), 1, null, [encode('deep'), [encode('PONG')]]]);
  });

  test('is of no error', async () => {
    const { ask, redis } = gatewayLab();
    redis.answers.set('GET', { error: 'WRONGTYPE' });
    expect((await ask('/pipeline', [['GET', 'k']], base64)).body).toEqual([{ error: 'WRONGTYPE' }]);
  });
});

describe('several commands', () => {
  test('as a pipeline have an outcome each, in their order, and 200', async () => {
    const { ask, redis } = gatewayLab();
    redis.answers.set('INCR', { error: 'ERR' });
    const answer = await ask('/pipeline', [
      ['SET', 'a', 1],
      ['INCR', 'a'],
      ['BLPOP', 'l', 0],
      ['SET', 'b', 2],
    ]);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual([
      { result: 'OK' },
      { error: 'ERR' },
      { error: expect.stringContaining('BLPOP') },
      { result: 'OK' },
    ]);
    expect(redis.ran.map(([name]) => name)).toEqual(['SET', 'INCR', 'SET']);
  });

  test('as a transaction are one, and a refused one lets none through', async () => {
    const { ask, redis } = gatewayLab();
    const commands = [
      ['SET', 'a', '1'],
      ['INCR', 'a'],
    ];
    expect((await ask('/multi-exec', commands)).body).toEqual([{ result: 'OK' }, { result: 'OK' }]);
    expect(redis.ran).toEqual([['MULTI'], ...commands, ['EXEC']]);
    const refused = await ask('/multi-exec', [...commands, ['WATCH', 'a']]);
    expect([refused.status, refused.body]).toEqual([400, { error: expect.stringMatching(/^EXECABORT.*WATCH/) }]);
    expect(redis.ran.length).toBe(4);
    redis.answers.set('EXEC', { error: 'EXECABORT' });
    expect((await ask('/multi-exec', commands)).status).toBe(400);
  });

  test('have a bound', async () => {
    const { ask } = gatewayLab();
    const commands = Array.from({ length: LIMITS.gatewayBatchMax + 1 }, () => ['PING']);
    expect((await ask('/pipeline', commands)).status).toBe(413);
    expect((await ask('/multi-exec', commands)).status).toBe(413);
    expect((await ask('/pipeline', [])).status).toBe(400);
  });
});

describe('refused by name', () => {
  test.each(
    (
      'subscribe PSUBSCRIBE ssubscribe blpop BRPOP BLMOVE BLMPOP BZPOPMIN WAIT MONITOR MULTI EXEC WATCH SELECT AUTH HELLO RESET ' +
      'QUIT CLIENT SHUTDOWN CONFIG DEBUG MIGRATE REPLICAOF ACL MODULE SYNC SWAPDB CLUSTER'
    ).split(' '),
  )('%s', async (name) => {
    const { ask, redis } = gatewayLab();
    const answer = await ask('/', [name, 'x']);
    expect([answer.status, redis.ran]).toEqual([400, []]);
    expect(answer.body).toEqual({ error: expect.stringMatching(`^ERR ${name.toUpperCase()} is refused: `) });
  });

  test('XREAD only where it blocks, and some only by their second word', async () => {
    const { ask, redis } = gatewayLab();
    const statuses = [
      ['XREAD', 'COUNT', 1, 'BLOCK', 0, 'STREAMS', 's', 0],
      ['xreadgroup', 'GROUP', 'g', 'c', 'block', 0, 'STREAMS', 's', '>'],
      ['SCRIPT', 'KILL'],
      ['FUNCTION', 'flush'],
      ['XREAD', 'STREAMS', 'block', 0],
      ['SCRIPT', 'FLUSH'],
    ].map(async (command) => (await ask('/', command)).status);
    expect(await Promise.all(statuses)).toEqual([400, 400, 400, 400, 200, 200]);
    expect(redis.ran.length).toBe(2);
  });
});

describe('a script for Upstash', () => {
  const script = '#!lua flags=allow-key-locking\nreturn 1';
  const portable = '\nreturn 1';

  test.each([
    [script, portable],
    ['#!lua flags=no-writes,allow-key-locking\nreturn 1', '#!lua flags=no-writes\nreturn 1'],
    ['#!lua name=lib flags=allow-key-locking\nreturn 1', '#!lua name=lib\nreturn 1'],
    ['#!lua flags=no-writes\nreturn 1', '#!lua flags=no-writes\nreturn 1'],
    ['#!lua\nreturn 1', '#!lua\nreturn 1'],
    ['return "allow-key-locking"', 'return "allow-key-locking"'],
    ['#!lua flags=allow-key-locking', ''],
  ])('%j is for any Redis %j', (given, expected) => {
    expect(portableScript(given)).toBe(expected);
  });

  test('is sent without the flag, and by its SHA-1 it is found from then on', async () => {
    const { ask, redis } = gatewayLab();
    redis.answers.set('SCRIPT', { reply: Buffer.from(sha1(portable)) });
    await ask('/', ['EVALSHA', sha1(script), 1, 'k']);
    await ask('/pipeline', [
      ['eval', script, 1, 'k'],
      ['EVALSHA', sha1(script).toUpperCase(), 1, 'k'],
    ]);
    await ask('/multi-exec', [['EVALSHA_RO', sha1(script), 0]]);
    expect((await ask('/', ['SCRIPT', 'LOAD', script])).body).toEqual({ result: sha1(script) });
    await ask('/', ['SCRIPT', 'EXISTS', sha1(script), sha1('other')]);
    expect(redis.ran).toEqual([
      ['EVALSHA', sha1(script), '1', 'k'],
      ['eval', portable, '1', 'k'],
      ['EVALSHA', sha1(portable), '1', 'k'],
      ['MULTI'],
      ['EVALSHA_RO', sha1(portable), '0'],
      ['EXEC'],
      ['SCRIPT', 'LOAD', portable],
      ['SCRIPT', 'EXISTS', sha1(portable), sha1('other')],
    ]);
  });

  test('is forgotten when there are too many, the one that was sent longest ago first', async () => {
    const { ask, redis } = gatewayLab();
    const scripts = Array.from({ length: LIMITS.gatewayScriptsMax + 1 }, (_, i) => `#!lua flags=allow-key-locking\nreturn ${i}`);
    for (const one of [...scripts.slice(0, -1), scripts[0] ?? '', scripts.at(-1) ?? '']) await ask('/', ['EVAL', one, 0]);
    redis.ran.length = 0;
    for (const one of scripts.slice(0, 2)) await ask('/', ['EVALSHA', sha1(one), 0]);
    expect(redis.ran.map(([, sha]) => sha)).toEqual([sha1('\nreturn 0'), sha1(scripts[1] ?? '')]);
  });
});
