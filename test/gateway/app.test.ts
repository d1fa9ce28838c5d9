/** The gateway's Kafka API, with a Kafka in memory: shapes, rights and bounds. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import { basic, gatewayLab, SECRETS } from './harness.ts';

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

describe('producing', () => {
  test('answers with a list, also for one message, in the order of the messages', async () => {
    const { ask, clock, producer } = gatewayLab();
    const one = await ask('/produce', { topic: 'raw', value: 'a', partition: 2 });
    expect([one.status, one.body]).toEqual([200, [{ topic: 'raw', partition: 2, offset: 0, timestamp: clock.nowMs() }]]);
    const many = await ask('/produce', [
      { topic: 'raw', value: 'b', partition: 2, timestamp: 5, key: 'k', headers: [{ key: 'h', value: 'v' }] },
      { topic: 'other', value: '', partition: 1, key: null, headers: null },
    ]);
    expect(many.body).toEqual([
      { topic: 'raw', partition: 2, offset: 1, timestamp: 5 },
      { topic: 'other', partition: 1, offset: 0, timestamp: clock.nowMs() },
    ]);
    const [, kept] = producer.records('raw', 2);
    expect([text(kept?.key), text(kept?.value), kept?.timestampMs]).toEqual(['k', 'b', 5]);
    expect(kept?.headers.map(([name, value]) => [name, text(value)])).toEqual([['h', 'v']]);
    expect(producer.records('other', 1)[0]?.key).toBeUndefined();
  });

  test('puts a key where every Kafka client puts it', async () => {
    const { ask } = gatewayLab();
    const { body } = await ask(
      '/produce',
      ['a', 'b', 'client-1', 'ü'].map((key) => ({ topic: 'raw', value: 'x', key })),
    );
    // As the client library's own partitioner says, of 3 partitions.
    expect((body as { partition: number }[]).map(({ partition }) => partition)).toEqual([1, 2, 0, 2]);
  });

  test('keeps messages without a key together until a batch is full', async () => {
    const { ask } = gatewayLab();
    const value = 'x'.repeat(LIMITS.gatewayStickyBytes / 4);
    const { body } = await ask(
      '/produce',
      Array.from({ length: 9 }, () => ({ topic: 'raw', value })),
    );
    expect((body as { partition: number }[]).map(({ partition }) => partition)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2]);
  });

  test.each([
    ['no body', '', 'object'],
    ['no JSON', '{', 'JSON'],
    ['a list in a list', [[]], 'object'],
    ['no topic', { value: 'a' }, 'topic'],
    ['a topic that is a path', { topic: '..', value: 'a' }, 'topic'],
    ['a value that is no text', { topic: 'raw', value: { a: 1 } }, 'value'],
    ['a partition that is none', { topic: 'raw', value: 'a', partition: -1 }, 'partition'],
    ['a partition that is not there', { topic: 'raw', value: 'a', partition: 7 }, 'partition'],
    ['a topic that is not there', { topic: 'nowhere', value: 'a' }, 'nowhere'],
    ['a record that is too large', { topic: 'raw', value: 'x'.repeat(30_000) }, 'large'],
    ['headers that are none', { topic: 'raw', value: 'a', headers: [{ key: 'h' }] }, 'header'],
  ])('refuses %s with 400 in the shape of Upstash', async (_, body, word) => {
    const { ask } = gatewayLab();
    const answer = await ask('/produce', body === '' ? null : body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ result: 'Error', error: expect.stringMatching(new RegExp(word, 'i')), status: 400 });
  });

  test('sends nothing of a request that is not well formed as a whole', async () => {
    const { ask, producer } = gatewayLab();
    await ask('/produce', [
      { topic: 'raw', value: 'a', partition: 0 },
      { topic: 'nowhere', value: 'b' },
    ]);
    expect(producer.records('raw', 0)).toEqual([]);
  });
});

describe('bounds', () => {
  test('of messages and of bytes are 413, before a body is read', async () => {
    const { ask, gateway } = gatewayLab();
    const messages = Array.from({ length: LIMITS.gatewayBatchMax + 1 }, () => ({ topic: 'raw', value: 'a' }));
    expect((await ask('/produce', messages)).status).toBe(413);
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)),
    });
    const headers = { authorization: basic('all') };
    const declared = { ...headers, 'content-length': String(LIMITS.gatewayBodyBytesMax + 1) };
    const init = { method: 'POST', body, duplex: 'half' } as const;
    const streamed = await gateway.fetch(new Request('http://127.0.0.1/produce', { ...init, headers }));
    expect(streamed.status).toBe(413);
    const announced = await gateway.fetch(
      new Request('http://127.0.0.1/produce', { ...init, body: new ReadableStream(), headers: declared }),
    );
    expect(announced.status).toBe(413);
  });

  test('of requests a second are 429 with Retry-After, and pass with time', async () => {
    const { ask, clock } = gatewayLab();
    const call = () => ask('/', ['PING'], { authorization: basic('slow') });
    const statuses = [await call(), await call(), await call()].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await call()).headers.get('retry-after')).toBe('1');
    await clock.advance(500);
    expect((await call()).status).toBe(200);
  });

  test('of what is worked on at a time are 429 for one credential, and 503 when it is all', async () => {
    const { gateway, ask, clock } = gatewayLab();
    const open = (length: number) =>
      gateway.fetch(
        new Request('http://127.0.0.1/produce', {
          method: 'POST',
          body: new ReadableStream(),
          headers: { authorization: basic('all'), 'content-length': String(length) },
          duplex: 'half',
        } as RequestInit),
      );
    const waiting = Array.from({ length: LIMITS.gatewayBodiesBytesMax / LIMITS.gatewayBodyBytesMax }, () =>
      open(LIMITS.gatewayBodyBytesMax),
    );
    const busy = await ask('/produce', { topic: 'raw', value: 'a' }, { 'content-length': '30' });
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '1']);
    await clock.advance(LIMITS.requestTimeoutMs);
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(waiting.map(() => 408));
    expect((await ask('/produce', { topic: 'raw', value: 'a' })).status).toBe(200);
  });
});

describe('rights', () => {
  test.each([
    ['nobody', '', '/produce', 401],
    ['a wrong secret', 'Bearer nothing-0123456789', '/produce', 401],
    ['who may not produce', basic('reader'), '/produce', 403],
    ['who may not consume', basic('edge'), '/fetch', 403],
    ['who has no Kafka', basic('slow'), '/produce', 403],
    ['who has no Redis', basic('edge'), '/pipeline', 403],
  ])('%s: %s to %s is %i', async (_, authorization, path, status) => {
    const { ask } = gatewayLab();
    const answer = await ask(path, { topic: 'raw', value: 'a', partition: 0, offset: 0 }, { authorization });
    expect(answer.status).toBe(status);
    if (status === 401) expect(answer.headers.get('www-authenticate')).toContain('Basic');
  });

  test('end at the topics and groups of a credential, for each message and place', async () => {
    const { ask } = gatewayLab();
    const edge = { authorization: basic('edge') };
    const reader = { authorization: `Bearer ${SECRETS.reader}` };
    const place = { partition: 0, offset: 0 };
    const statuses = [
      await ask('/produce', { topic: 'logs-app', value: 'a' }, edge),
      await ask('/produce', { topic: 'other', value: 'a' }, edge),
      await ask(
        '/produce',
        [
          { topic: 'raw', value: 'a' },
          { topic: 'other', value: 'a' },
        ],
        edge,
      ),
      await ask('/fetch', { topic: 'raw', ...place }, reader),
      await ask(
        '/fetch',
        {
          topicPartitionOffsets: [
            { topic: 'raw', ...place },
            { topic: 'other', ...place },
          ],
        },
        reader,
      ),
      await ask('/offsets/latest', [{ topic: 'other', partition: 0 }], reader),
      await ask('/consume/read-1/i', { topic: 'raw', timeout: 0 }, reader),
      await ask('/consume/read-1/i', { topics: ['raw', 'other'], timeout: 0 }, reader),
      await ask('/consume/write-1/i', { topic: 'raw', timeout: 0 }, reader),
      await ask('/committed/read-1/i', [{ topic: 'other', partition: 0 }], reader),
      await ask('/commit/read-1/i', { topic: 'other', ...place }, reader),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 403, 403, 200, 403, 403, 200, 403, 403, 403, 403]);
    expect((await ask('/topics', undefined, reader)).body).toEqual({ raw: 3 });
    expect((await ask('/topics')).body).toEqual({ raw: 3, 'logs-app': 1, other: 2 });
  });
});

describe('reading', () => {
  test('gives messages as text, with nothing for what is not there', async () => {
    const { ask, producer } = gatewayLab();
    await producer.send({
      topic: 'raw',
      partition: 1,
      key: undefined,
      value: new Uint8Array([0xc3, 0xbc]),
      headers: [['h', new Uint8Array([97])]],
      timestampMs: 7,
    });
    const place = { topic: 'raw', partition: 1, offset: 0 };
    const message = { ...place, timestamp: 7, key: '', value: 'ü', headers: [{ key: 'h', value: 'a' }] };
    expect((await ask('/fetch', place)).body).toEqual([message]);
    expect((await ask('/fetch', { topicPartitionOffsets: [place], timeout: 0 })).body).toEqual([message]);
    expect((await ask('/offsets/earliest', [{ topic: 'raw', partition: 1 }])).body).toEqual([place]);
    expect((await ask('/offsets/latest', { topic: 'raw', partition: 1 })).body).toEqual([{ ...place, offset: 1 }]);
    expect((await ask('/offsets/yesterday', [{ topic: 'raw', partition: 1 }])).status).toBe(400);
    const committed = [0, 1].map((partition) => ({ topic: 'raw', partition }));
    expect((await ask('/committed/g/i', committed)).body).toEqual([{ topic: 'raw', partition: 0, offset: 7 }]);
  });

  test('of a Kafka that is away is 503, and the gateway is not ready', async () => {
    const { ask } = gatewayLab({ kafkaDown: true });
    const answer = await ask('/produce', { topic: 'raw', value: 'a' });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    expect((await ask('/ready')).status).toBe(503);
  });
});

describe('the gateway itself', () => {
  test('is healthy, ready and tells of itself to anybody', async () => {
    const { ask } = gatewayLab();
    const open = { authorization: '' };
    expect((await ask('/health', undefined, open)).body).toEqual({ status: 'ok' });
    expect((await ask('/ready', undefined, open)).body).toEqual({ status: 'ready' });
    await ask('/produce', { topic: 'raw', value: 'a' });
    expect((await ask('/metrics', undefined, open)).body).toContain(
      'metricstream_requests_total{route="/produce",status="200"} 1',
    );
  });

  test('answers other paths with 404, and other methods with 405', async () => {
    const { ask } = gatewayLab();
    expect((await ask('/set/foo/bar', {})).status).toBe(404);
    const answer = await ask('/consume/g/i');
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('lets nobody in while it drains', async () => {
    const { ask, gateway } = gatewayLab();
    await gateway.drain();
    expect((await ask('/produce', { topic: 'raw', value: 'a' })).status).toBe(503);
    expect((await ask('/ready')).status).toBe(503);
    expect((await ask('/health')).status).toBe(200);
  });
});
