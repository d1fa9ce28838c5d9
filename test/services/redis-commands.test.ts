/** Redis behind its port: what is owed when it goes away, hangs or comes back. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { redisCommands } from '../../src/adapters/redis/redis-commands.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { RedisCommands } from '../../src/ports/redis-commands.ts';
import { manualClock, settle } from '../agent/manual-clock.ts';
import { redisUrl } from './gateway-lab.ts';

const closing: RedisCommands[] = [];
afterEach(async () => {
  for (const redis of closing.splice(0)) await redis.close();
});

function open(url = redisUrl(), clock = systemClock()): RedisCommands {
  const redis = redisCommands({ url, clock, failed: () => {} });
  closing.push(redis);
  return redis;
}

async function untilReady(redis: RedisCommands): Promise<void> {
  while (
    !(await redis.ping().then(
      () => true,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A TCP server that says nothing, or cuts every connection. */
async function silentServer(answer: (socket: Socket) => void): Promise<{ url: string; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    answer(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return {
    url: `redis://127.0.0.1:${port}`,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test('outcomes stand in the order of the commands, errors among them', async () => {
  const redis = open();
  await untilReady(redis);
  const key = `test-${randomUUID()}`;
  const bytes = Buffer.from([0, 255, 13, 10]);
  const outcomes = await redis.run([
    ['SET', key, 'text', 'EX', '60'],
    ['INCR', key],
    ['GET', key],
    ['GET', `${key}-gone`],
    ['NOSUCH'],
    ['EVAL', "return {1, 'a', {false, redis.status_reply('FINE')}}", '0'],
    ['EVAL', String.raw`return '\0\255\13\10'`, '0'],
  ]);
  expect(outcomes).toEqual([
    { reply: 'OK' },
    { error: expect.stringContaining('not an integer') },
    { reply: Buffer.from('text') },
    { reply: null },
    { error: expect.stringContaining('unknown command') },
    { reply: [1, Buffer.from('a'), [null, 'FINE']] },
    { reply: bytes },
  ]);
});

test('a transaction gives an outcome each, and is taken back as a whole when a command is not well formed', async () => {
  const redis = open();
  await untilReady(redis);
  const key = `test-${randomUUID()}`;
  expect(
    await redis.transaction([
      ['SET', key, 'text', 'EX', '60'],
      ['INCR', key],
      ['GET', key],
    ]),
  ).toEqual([{ reply: 'OK' }, { error: expect.stringContaining('not an integer') }, { reply: Buffer.from('text') }]);
  expect(await redis.transaction([['DEL', key], ['GET']])).toEqual({ error: expect.stringMatching(/^EXECABORT/) });
  expect(await redis.run([['GET', key]])).toEqual([{ reply: Buffer.from('text') }]);
});

test('while nothing is there everybody is told at once, and nothing is remembered for later', async () => {
  const redis = open('redis://127.0.0.1:1');
  await expect(redis.run([['PING']])).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: LIMITS.retryMs });
  await expect(redis.transaction([['PING']])).rejects.toMatchObject({ code: 'unavailable' });
  await expect(redis.ping()).rejects.toMatchObject({ code: 'unavailable' });
});

test('what is under way when the connection breaks is unavailable', async () => {
  const server = await silentServer((socket) => socket.once('data', () => socket.destroy()));
  const redis = open(server.url);
  let failure: unknown;
  while (failure === undefined || !String(failure).includes('cannot be reached'))
    failure = await redis.run([['PING']]).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'unavailable' });
  server.close();
});

test('a Redis that does not answer is left for a new connection after its time', async () => {
  let connections = 0;
  const server = await silentServer(() => {
    connections += 1;
  });
  const clock = manualClock();
  const redis = open(server.url, clock);
  let answer: unknown;
  const ask = (): void => void redis.run([['GET', 'k']]).catch((error: unknown) => (answer = error));
  while (clock.waiting() === 0) {
    ask();
    await settle();
  }
  answer = undefined;
  await clock.advance(LIMITS.redisTimeoutMs);
  expect(answer).toMatchObject({ code: 'unavailable', message: expect.stringContaining('does not answer') });
  while (connections < 2) await settle();
  server.close();
});

test('when it is closed it takes nothing more', async () => {
  const redis = open();
  await untilReady(redis);
  const last = redis.run([['PING']]);
  await redis.close();
  expect(await last).toEqual([{ reply: 'PONG' }]);
  await expect(redis.run([['PING']])).rejects.toMatchObject({ code: 'unavailable' });
});
