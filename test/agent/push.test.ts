/** The push machine under a clock that the test moves: order, bytes, backoff, breaker, drops. */
import { describe, expect, test } from 'vitest';
import { Pusher, type PusherOptions } from '../../src/agent/push.ts';
import { memorySpool } from '../../src/agent/spool.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { type Behaviour, fakeServer, type Received } from './fake-server.ts';
import { manualClock } from './manual-clock.ts';

const BOUNDS = { spoolMs: 3_600_000, bytesMax: 1e9 };
const SECOND_MS = 1_000;

function setup(options: Partial<PusherOptions> = {}) {
  const clock = manualClock();
  const server = fakeServer(clock);
  const logged: string[] = [];
  const pusher = new Pusher({
    client: 'web-1',
    bootId: 'b00',
    intervalMs: 10_000,
    readKey: () => 'key-1',
    clock,
    random: () => 0.5,
    send: server.send,
    spool: memorySpool(BOUNDS),
    log: (_level, message) => void logged.push(message),
    ...options,
  });
  const push = (value = 1): void => pusher.push([{ name: 'cpu', value, timestampMs: clock.nowMs() }]);
  return { clock, server, pusher, push, logged };
}

const ids = (received: readonly Received[]): string[] => received.map(({ headers }) => headers['Idempotency-Key'] ?? '');

function gaps(received: readonly Received[]): number[] {
  return received.slice(1).map(({ atMs }, index) => atMs - (received[index]?.atMs ?? 0));
}

describe('what is sent', () => {
  test('is the JSON of the samples, always with timestamps, catalogue names without a unit', async () => {
    const { clock, server, pusher } = setup({ labels: { rack: 'r1', device: 'shared' } });
    const timestampMs = clock.nowMs();
    pusher.push([
      { name: 'cpu', value: 75.5, timestampMs, unit: 'percent' },
      { name: 'disk_reads', value: 0, timestampMs, labels: { device: 'vda' } },
      { name: 'queue_jobs_total', value: 7, timestampMs, unit: 'jobs', kind: 'counter', labels: { queue: 'a\nb', empty: '' } },
    ]);
    await clock.advance(0);
    const body = JSON.parse(server.received[0]?.body ?? '');
    expect(body.client_id).toBe('web-1');
    expect(body.metrics.slice(0, 3)).toEqual([
      { name: 'cpu', value: 75.5, timestamp: timestampMs, labels: { rack: 'r1', device: 'shared' } },
      { name: 'disk_reads', value: 0, timestamp: timestampMs, labels: { rack: 'r1', device: 'vda' } },
      {
        name: 'queue_jobs_total',
        value: 7,
        timestamp: timestampMs,
        labels: { rack: 'r1', device: 'shared', queue: 'a?b' },
        unit: 'jobs',
        kind: 'counter',
      },
    ]);
  });

  test('carries key, push id, client, send time and the extra headers', async () => {
    const { clock, server, push } = setup({ extraHeaders: { 'X-Datacenter': 'fra1' } });
    push();
    await clock.advance(0);
    expect(server.received[0]?.headers).toEqual({
      Authorization: 'Bearer key-1',
      'Content-Type': 'application/json',
      'Idempotency-Key': 'b00:0',
      'X-Client-Id': 'web-1',
      'X-Sent-At': String(clock.nowMs()),
      'X-Datacenter': 'fra1',
    });
  });

  test('has the counters of drops, all of them once a boot, then those above zero', async () => {
    const { clock, server, push } = setup();
    server.script.push(202, 422);
    for (let i = 0; i < 3; i++) {
      push();
      await clock.advance(SECOND_MS);
    }
    const counters = server.received.map(({ body }) =>
      (JSON.parse(body).metrics as { name: string; value: number; kind?: string; labels?: { reason: string } }[])
        .filter(({ name }) => name === 'agent_dropped_samples_total')
        .map(({ value, kind, labels }) => `${labels?.reason} ${value} ${kind}`),
    );
    expect(counters[0]).toHaveLength(8);
    expect(counters.slice(1)).toEqual([[], ['http_422 1 counter']]);
  });

  test('is split where it is more than a push may hold, with dense sequences', async () => {
    const { clock, server, pusher } = setup();
    pusher.push(Array.from({ length: 2_500 }, (_, i) => ({ name: `m${i}`, value: i, timestampMs: clock.nowMs() })));
    await clock.advance(SECOND_MS);
    expect(ids(server.received)).toEqual(['b00:0', 'b00:1', 'b00:2']);
    const sizes = server.received.map(({ body }) => JSON.parse(body).metrics.length);
    expect(Math.max(...sizes)).toBe(LIMITS.metricsPerPushMax);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(2_500 + 9);
  });

  test('is a heartbeat where there is no sample', async () => {
    const { clock, server, pusher } = setup();
    pusher.push([]);
    pusher.push([]);
    await clock.advance(SECOND_MS);
    expect(JSON.parse(server.received[1]?.body ?? '')).toEqual({ client_id: 'web-1', metrics: [] });
  });
});

describe('order and rate', () => {
  test('a backlog is sent oldest first, one in flight, ten a second', async () => {
    const { clock, server, push } = setup();
    server.otherwise = 'refused';
    for (let i = 0; i < 30; i++) push(i);
    await clock.advance(0);
    server.otherwise = 202;
    await clock.advance(10 * SECOND_MS);
    expect(ids(server.received)).toEqual(['b00:0', ...Array.from({ length: 30 }, (_, i) => `b00:${i}`)]);
    expect(server.inFlightMax).toBe(1);
    expect(new Set(gaps(server.received.slice(1)))).toEqual(new Set([100]));
  });

  test('a retry sends the same bytes and the same push id, with a send time of its own', async () => {
    const { clock, server, push } = setup();
    server.script.push('refused', 500, 'silent', 429);
    push();
    await clock.advance(60 * SECOND_MS);
    expect(new Set(ids(server.received))).toEqual(new Set(['b00:0']));
    expect(new Set(server.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(server.received.map(({ headers }) => headers['X-Sent-At'])).size).toBe(5);
  });

  test('a server that is silent is given up after 10 s, and its late answer changes nothing', async () => {
    const { clock, server, push, pusher } = setup();
    server.script.push('silent');
    push();
    await clock.advance(LIMITS.agentTimeoutMs);
    expect(pusher.status()).toMatchObject({ failures: 1, lastError: 'timeout' });
    await clock.advance(SECOND_MS);
    expect(gaps(server.received)).toEqual([LIMITS.agentTimeoutMs + SECOND_MS]);
    expect(pusher.status()).toMatchObject({ failures: 0, delivered: { pushes: 1 } });
  });
});

describe('I20: backoff and breaker', () => {
  const failures: Behaviour[] = ['refused', 500, 502, 408, 302];

  test.each([
    [0.5, [1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000]],
    [0, [800, 1_600, 3_200, 6_400, 12_800, 12_800, 12_800]],
    [0.999_999, [1_200, 2_400, 4_800, 9_600, 19_200, 19_200, 19_200]],
  ])('gaps are 1, 2, 4, 8, 16, 16 s ± 20 %% (chance %s)', async (chance, expected) => {
    const { clock, server, push } = setup({ random: () => chance });
    server.script.push(...failures);
    server.otherwise = 'refused';
    push();
    await clock.advance(expected.reduce((sum, gap) => sum + gap));
    expect(gaps(server.received)).toEqual(expected);
  });

  test('the breaker opens after exactly five failures in a row, and lets one probe through', async () => {
    const { clock, server, push, pusher } = setup();
    server.script.push(...failures);
    server.otherwise = 'silent';
    push();
    const breakers: string[] = [];
    for (const waitMs of [0, 1_000, 2_000, 4_000, 8_000]) {
      await clock.advance(waitMs);
      breakers.push(`${server.received.length} ${pusher.status().breaker}`);
    }
    expect(breakers).toEqual(['1 closed', '2 closed', '3 closed', '4 closed', '5 open']);
    for (let i = 0; i < 10; i++) push(i);
    await clock.advance(15_999);
    expect(server.received).toHaveLength(5);
    await clock.advance(1);
    expect(server.received).toHaveLength(6);
    expect(pusher.status().breaker).toBe('half_open');
    await clock.advance(LIMITS.agentTimeoutMs);
    expect(server.received).toHaveLength(6);
    expect(pusher.status().breaker).toBe('open');
  });

  test('a probe that is answered closes it, and the backlog follows', async () => {
    const { clock, server, push, pusher } = setup();
    server.script.push(...failures);
    for (let i = 0; i < 5; i++) push(i);
    await clock.advance(31_000);
    expect(pusher.status()).toMatchObject({ breaker: 'closed', failures: 0 });
    await clock.advance(SECOND_MS);
    expect(pusher.status()).toMatchObject({ delivered: { pushes: 5 }, spool: { pushes: 0, samples: 0, bytes: 0 } });
  });

  test('429, 401 and 403 are answers: they end a row of failures and never open the breaker', async () => {
    const { clock, server, push, pusher } = setup();
    server.script.push(500, 500, 500, 500, 429, 500, 500, 500, 500, 401, 403);
    server.otherwise = 429;
    push();
    for (let i = 0; i < 300; i++) {
      await clock.advance(SECOND_MS);
      expect(pusher.status().breaker).toBe('closed');
    }
    expect(server.received.length).toBeGreaterThan(20);
  });
});

describe('Retry-After', () => {
  const asked = (status: number, retryAfter: string | undefined): Behaviour => ({ status, retryAfter });

  test.each([
    [429, '30', 33_000],
    [503, '30', 33_000],
    [429, '0', 100],
    [429, '999', 300_000],
    [429, undefined, 1_000],
    [503, 'soon', 1_000],
    [500, '30', 1_000],
  ])('%s with %s waits %s ms', async (status, header, expected) => {
    const { clock, server, push } = setup();
    server.script.push(asked(status, header));
    push();
    await clock.advance(expected);
    expect(gaps(server.received)).toEqual([expected]);
  });

  test('an HTTP date is counted from now', async () => {
    const { clock, server, push } = setup();
    server.script.push(asked(429, new Date(clock.nowMs() + 20_000).toUTCString()));
    push();
    await clock.advance(60_000);
    expect(gaps(server.received)).toEqual([22_000]);
  });

  test('an open breaker asks for its 16 s even where the server asks for less', async () => {
    const { clock, server, push } = setup();
    server.otherwise = asked(503, '1');
    push();
    await clock.advance(50_000);
    expect(gaps(server.received)).toEqual([1_100, 1_100, 1_100, 1_100, 16_000, 16_000]);
  });
});

describe('refusals', () => {
  test.each([
    [400, 'http_400'],
    [413, 'http_413'],
    [422, 'http_422'],
    [404, 'http_4xx'],
  ] as const)('%s drops the push, counts its samples as %s, and the next follows', async (status, reason) => {
    const { clock, server, push, pusher } = setup();
    server.script.push(202, status);
    for (let i = 0; i < 3; i++) push(i);
    await clock.advance(SECOND_MS);
    expect(ids(server.received)).toEqual(['b00:0', 'b00:1', 'b00:2']);
    expect(pusher.status().spool.dropped[reason]).toBe(1);
    expect(pusher.status().delivered.pushes).toBe(2);
  });

  test.each([401, 403])('%s keeps the push, reads the key again and tries with it', async (status) => {
    const keys = ['old', 'new'];
    const { clock, server, push } = setup({ readKey: () => keys.shift() ?? 'none' });
    server.script.push(status);
    push();
    await clock.advance(SECOND_MS);
    expect(server.received.map(({ headers }) => headers.Authorization)).toEqual(['Bearer old', 'Bearer new']);
  });

  test('a key that cannot be read leaves the one before', async () => {
    let reads = 0;
    const readKey = (): string => {
      reads += 1;
      if (reads === 2) throw new Error('ENOENT');
      return `key-${reads}`;
    };
    const { clock, server, push } = setup({ readKey });
    server.script.push(401, 401);
    push();
    await clock.advance(3 * SECOND_MS);
    expect(server.received.map(({ headers }) => headers.Authorization)).toEqual(['Bearer key-1', 'Bearer key-1', 'Bearer key-3']);
  });
});

describe('restart', () => {
  test('what an earlier boot left keeps its ids, goes first, and the new boot names it in every push', async () => {
    const spool = memorySpool(BOUNDS);
    const before = setup({ spool });
    before.server.otherwise = 'silent';
    for (let i = 0; i < 3; i++) before.push(i);
    await before.clock.advance(0);
    const after = setup({ spool, bootId: 'b01' });
    await after.clock.advance(SECOND_MS);
    expect(after.server.received).toHaveLength(0);
    after.push();
    after.push();
    await after.clock.advance(SECOND_MS);
    expect(ids(after.server.received)).toEqual(['b00:0', 'b00:1', 'b00:2', 'b01:0', 'b01:1']);
    const named = after.server.received.map(({ headers }) => headers['X-Previous-Boot']);
    expect(named).toEqual([undefined, undefined, undefined, 'b00:3', 'b00:3']);
    const third = setup({ spool, bootId: 'b02' });
    third.push();
    await third.clock.advance(0);
    expect(third.server.received[0]?.headers['X-Previous-Boot']).toBe('b01:2');
  });
});

describe('stop', () => {
  test('tries once more, though it was waiting, and leaves the rest', async () => {
    const { clock, server, push, pusher } = setup();
    server.otherwise = 500;
    push();
    push();
    await clock.advance(0);
    const stopped = pusher.stop(2_000);
    await clock.advance(0);
    await stopped;
    push();
    await clock.advance(60_000);
    expect(server.received).toHaveLength(2);
    expect(pusher.status().spool.pushes).toBe(2);
    expect(clock.waiting()).toBe(0);
  });

  test('waits for the push in flight, and gives it up after the time it has', async () => {
    const { clock, server, push, pusher } = setup();
    server.otherwise = 'silent';
    push();
    let done = false;
    const stopped = pusher.stop(2_000).then(() => {
      done = true;
    });
    await clock.advance(1_999);
    expect(done).toBe(false);
    await clock.advance(1);
    await stopped;
    expect(pusher.status().spool.pushes).toBe(1);
    expect(clock.waiting()).toBe(0);
  });

  test('with nothing to send it ends at once', async () => {
    const { server, pusher, clock } = setup();
    await pusher.stop(2_000);
    expect(server.received).toHaveLength(0);
    expect(clock.waiting()).toBe(0);
  });
});

test('steps of the clock, to 2038 and before 1970 too, neither delay nor hurry a retry', async () => {
  const { clock, server, push } = setup();
  server.otherwise = 500;
  push();
  await clock.advance(0);
  for (const step of [3_600_000, -7_200_000, Date.UTC(2039, 0) - clock.nowMs(), -Date.UTC(2100, 0)]) {
    clock.step(step);
    push();
    await clock.advance(100);
  }
  await clock.advance(31_000);
  expect(gaps(server.received)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
});

test('the log never holds the key, and says the first failure and the open breaker, not each', async () => {
  const lines: unknown[] = [];
  const { clock, server, push } = setup({ log: (...line) => void lines.push(line), readKey: () => 'ms_canary_1' });
  server.otherwise = 500;
  push();
  await clock.advance(300_000);
  expect(lines).toHaveLength(2);
  expect(JSON.stringify(lines)).not.toContain('canary');
});
