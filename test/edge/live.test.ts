/** The live feed: what listeners are sent, and when they are let go. */
import { describe, expect, test } from 'vitest';
import { createKey } from '../../src/edge/keys.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { LiveClient } from '../../src/ports/live-feed.ts';
import { createEdge, type Edge, NOW_MS, SECRET } from './harness.ts';

function values(client: string, ...values: number[]): LiveClient {
  const keys = values.map((_, i) => (i === 0 ? 'cpu' : `disk_reads\0device\0sd${i}\0mount\0/`));
  return { client, sampleMs: NOW_MS - 500, seenMs: NOW_MS, keys, values };
}

/** What is used of a stream's reader: the hosts' types for it differ. */
interface ByteReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

async function listen(edge: Edge, query = '', tenant = 'acme'): Promise<ByteReader> {
  const response = await edge.send('GET', `/api/v1/live${query}`, { key: await edge.key({ tenant, role: 'read' }) });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  return response.body?.getReader() ?? expect.fail('no stream');
}

async function next(reader: ByteReader): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

const SNAPSHOT = 'event: snapshot\ndata: {"clients":[]}\n\n';

describe('a listener', () => {
  test('is told first that the feed begins, then of the clients that changed, in one event', async () => {
    const edge = createEdge();
    const reader = await listen(edge);
    expect(await next(reader)).toBe(SNAPSHOT);
    edge.feed.publish('acme', values('a', 1));
    edge.feed.publish('acme', values('a', -0, 2.5));
    edge.feed.publish('acme', values('b', 3));
    edge.clock.advance(LIMITS.liveIntervalMs);
    expect(await next(reader)).toBe(
      `event: change\ndata: {"clients":[{"client_id":"a","sample_ms":${NOW_MS - 500},"seen_ms":${NOW_MS},"keys":["cpu","disk_reads{device=sd1,mount=/}"],"values":[-0,2.5]},{"client_id":"b","sample_ms":${NOW_MS - 500},"seen_ms":${NOW_MS},"keys":["cpu"],"values":[3]}]}\n\n`,
    );
  });

  test('hears of its tenant only, and of one client where it asked for one', async () => {
    const edge = createEdge();
    const all = await listen(edge);
    const one = await listen(edge, '?client=b');
    const other = await listen(edge, '', 'beta');
    for (const reader of [all, one, other]) await next(reader);
    edge.feed.publish('acme', values('a', 1));
    edge.feed.publish('acme', values('b', 2));
    edge.clock.advance(LIMITS.liveIntervalMs);
    expect(await next(all)).toContain('"client_id":"a"');
    expect(await next(one)).not.toContain('"client_id":"a"');
    edge.clock.advance(LIMITS.liveHeartbeatMs);
    expect(await next(other)).toBe(':\n\n');
  });

  test('gets only the metrics that it asked for, whatever their labels, and is told of clients without them', async () => {
    const edge = createEdge();
    const queries = ['?metric=disk_reads', '?metric=load1,disk_reads', '?client=a&metric=cpu,cpu', '?metric=disk'];
    const readers = await Promise.all(queries.map((query) => listen(edge, query)));
    for (const reader of readers) await next(reader);
    edge.feed.publish('acme', values('a', 1, 2.5));
    edge.feed.publish('acme', values('b', 3));
    edge.clock.advance(LIMITS.liveIntervalMs);
    const told = await Promise.all(
      readers.map(async (reader) => {
        const { clients } = JSON.parse((await next(reader)).split('\n')[1]?.slice('data: '.length) ?? '') as {
          clients: { client_id: string; sample_ms: number; seen_ms: number; keys: string[]; values: number[] }[];
        };
        for (const { sample_ms, seen_ms } of clients) expect([sample_ms, seen_ms]).toEqual([NOW_MS - 500, NOW_MS]);
        return clients.map(({ client_id, keys, values: own }) => [client_id, keys, own]);
      }),
    );
    const disk = ['a', ['disk_reads{device=sd1,mount=/}'], [2.5]];
    const none = ['b', [], []];
    expect(told).toEqual([[disk, none], [disk, none], [['a', ['cpu'], [1]]], [['a', [], []], none]]);
  });

  test.each(['?metric=', '?metric=cpu,', `?metric=${'a,'.repeat(LIMITS.liveMetricsMax)}a`, '?metric=a&metric=b'])(
    'that asks for %s is told that this is no list of metrics',
    async (query) => {
      const edge = createEdge();
      const response = await edge.send('GET', `/api/v1/live${query}`, { key: await edge.key({ role: 'read' }) });
      expect(response.status).toBe(422);
    },
  );

  test('gets a sign of life while nothing changes', async () => {
    const edge = createEdge();
    const reader = await listen(edge);
    await next(reader);
    for (let i = 0; i < 3; i++) {
      edge.clock.advance(LIMITS.liveHeartbeatMs);
      expect(await next(reader)).toBe(':\n\n');
    }
  });

  test('cannot break out of its event with a name', async () => {
    const edge = createEdge();
    const reader = await listen(edge);
    await next(reader);
    edge.feed.publish('acme', { ...values('a', 1), keys: ['x\n\nevent: evil\ndata: "'] });
    edge.clock.advance(LIMITS.liveIntervalMs);
    const lines = (await next(reader)).split('\n');
    expect(lines).toHaveLength(4);
    expect(JSON.parse(lines[1]?.slice('data: '.length) ?? '')).toMatchObject({
      clients: [{ keys: ['x\n\nevent: evil\ndata: "'] }],
    });
  });

  test('with a Last-Event-ID of garbage is served as any other', async () => {
    const edge = createEdge();
    const key = await edge.key({ role: 'read' });
    const response = await edge.send('GET', '/api/v1/live', { key, headers: { 'last-event-id': '-1; DROP' } });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });
});

describe('a listener is let go', () => {
  test('when it leaves', async () => {
    const edge = createEdge();
    const reader = await listen(edge);
    expect(edge.feed.listeners()).toBe(1);
    expect(edge.deps.telemetry.render()).toContain('metricstream_live_listeners 1');
    await reader.cancel();
    expect(edge.feed.listeners()).toBe(0);
    expect(edge.clock.scheduled()).toBe(0);
  });

  test('when its key is revoked, before it is sent another value', async () => {
    const edge = createEdge();
    const { key, keyId } = await createKey(SECRET, { tenant: 'acme', role: 'read' }, NOW_MS);
    const response = await edge.send('GET', '/api/v1/live', { key });
    await edge.keys.revoke('acme', keyId, NOW_MS);
    edge.feed.publish('acme', values('a', 1));
    edge.clock.advance(LIMITS.liveIntervalMs);
    expect(await response.text()).toBe(SNAPSHOT);
    expect(edge.feed.listeners()).toBe(0);
  });

  test('when it does not read, before more is held for it than the bound', async () => {
    const edge = createEdge();
    const slow = await listen(edge);
    const keys = Array.from({ length: 2_000 }, (_, i) => `metric_with_a_rather_long_name_${i}`);
    const large = { ...values('a'), keys, values: keys.map(() => 0.1) };
    for (let i = 0; i < 40; i++) {
      edge.feed.publish('acme', { ...large });
      edge.clock.advance(LIMITS.liveIntervalMs);
    }
    expect(edge.feed.listeners()).toBe(0);
    let bytes = 0;
    for (;;) {
      const { done, value } = await slow.read();
      if (done || value === undefined) break;
      bytes += value.length;
    }
    expect(bytes).toBeLessThanOrEqual(LIMITS.liveQueueBytesMax);
    expect(bytes).toBeGreaterThan(LIMITS.liveQueueBytesMax / 2);
  });
});

test('one too many is told to come back', async () => {
  const edge = createEdge();
  const readers = [];
  for (let i = 0; i < LIMITS.liveClientsMax; i++) readers.push(await listen(edge));
  const refused = await edge.send('GET', '/api/v1/live', { key: await edge.key({ role: 'read' }) });
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  await readers[0]?.cancel();
  await (await listen(edge)).cancel();
});
