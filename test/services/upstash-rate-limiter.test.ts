/** The contract of the rate-limiter for Redis behind the gateway, by the unmodified clients of Upstash, and what becomes of it where Redis does not answer. */
import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { upstashRateLimiter } from '../../src/adapters/upstash/rate-limiter.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { rateLimiterContract } from '../contract/suites/rate-limiter.ts';
import { type RealGateway, realGateway, SECRET } from './gateway-lab.ts';

let gateway: RealGateway;
const clock = systemClock();
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

beforeAll(async () => {
  gateway = await realGateway();
});

afterAll(() => gateway.close());

function openLimiter(url: string, { token = SECRET, prefix = `test-${randomUUID()}-`, pipelined = true } = {}) {
  const lines: string[] = [];
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs, write: (line) => lines.push(line) });
  // Where many tests share two cores an answer may take its time.
  const timeoutMs = url === gateway.url ? 5_000 : undefined;
  const limiter = upstashRateLimiter({ url, token, prefix, clock, telemetry, pipelined, timeoutMs });
  const degraded = (): number => Number(/^metricstream_limiter_degraded_total (\d+)$/m.exec(telemetry.render())?.[1] ?? 0);
  return { limiter, degraded, lines };
}

for (const pipelined of [true, false]) {
  rateLimiterContract(`Redis, ${pipelined ? 'calls sharing requests' : 'a request a call'},`, async () => {
    const prefix = `test-${randomUUID()}-`;
    return { edge: () => openLimiter(gateway.url, { prefix, pipelined }).limiter, wait };
  });
}

test('scripts that Redis forgot are sent again, and nothing of a count is lost', async () => {
  const { limiter, degraded } = openLimiter(gateway.url);
  const waits: number[] = [];
  for (let i = 0; i < 60; i++) {
    if (i % 5 === 0) await gateway.redis.scriptFlush();
    waits.push(await limiter.take('acme/web-1', 10));
  }
  expect(waits.slice(0, 10)).toEqual(Array(10).fill(0));
  expect(waits.filter((waitMs) => waitMs === 0).length).toBeLessThanOrEqual(20);
  expect(degraded()).toBe(0);
});

/** A server that takes connections and does with each what `behave` says. */
async function tcpServer(behave: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    behave(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => sockets.size,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

describe('where the count cannot be had a push goes on, and it is counted:', () => {
  const expectDegraded = async (url: string, token = SECRET): Promise<void> => {
    const { limiter, degraded, lines } = openLimiter(url, { token });
    expect(await Promise.all(Array.from({ length: 20 }, () => limiter.take('acme/web-1', 1)))).toEqual(Array(20).fill(0));
    expect(degraded()).toBe(20);
    expect(lines.length).toBe(1);
    expect(lines[0]).not.toContain(token);
    expect(lines[0]).not.toContain('web-1');
  };

  test('nothing listens', async () => {
    const server = await tcpServer(() => undefined);
    await server.close();
    await expectDegraded(server.url);
  });

  test('the secret is wrong', () => expectDegraded(gateway.url, 'a-secret-that-is-not-known'));

  test('what answers is no gateway', async () => {
    const server = await tcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello'));
    await expectDegraded(server.url);
    await server.close();
  });

  test('what answers breaks off', async () => {
    const server = await tcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"res'));
    await expectDegraded(server.url);
    await server.close();
  });

  test('nobody answers: no longer than the timeout, and not by more requests than may wait', async () => {
    const server = await tcpServer(() => undefined);
    const { limiter, degraded } = openLimiter(server.url, { pipelined: false });
    const count = LIMITS.limiterCallsMax + 500;
    let open = count;
    const calls = Array.from({ length: count }, async () => {
      const waitMs = await limiter.take('acme/web-1', 1);
      open -= 1;
      return waitMs;
    });
    await wait(0);
    expect(open).toBeLessThanOrEqual(LIMITS.limiterCallsMax);
    expect(new Set(await Promise.all(calls))).toEqual(new Set([0]));
    expect(degraded()).toBe(count);
    expect(server.connections()).toBeLessThanOrEqual(LIMITS.limiterCallsMax);
    await server.close();
  });
});
