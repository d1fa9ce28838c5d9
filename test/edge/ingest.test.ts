/** What a push gets for an answer, and what of it reaches the log. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MetricStreamError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { murmur2 } from '../../src/model/partition.ts';
import { createEdge, NOW_MS, pushOf } from './harness.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('a good push', () => {
  test('is answered 202 once the appender has it, with the correlation id and the trace it came with', async () => {
    const edge = createEdge();
    const key = await edge.key();
    const response = await edge.push(pushOf('web-1', 3), {
      key,
      headers: { 'x-correlation-id': 'say "hi"', traceparent: TRACEPARENT },
    });
    expect(response.status).toBe(202);
    expect(response.headers.get('x-correlation-id')).toBe('say "hi"');
    expect(response.headers.get('traceparent')).toBe(TRACEPARENT);
    expect(await response.json()).toEqual({
      accepted: 3,
      rejected: 0,
      errors: [],
      correlation_id: 'say "hi"',
      duplicate: false,
    });
    const [kept] = edge.appender.kept;
    expect(kept?.push).toMatchObject({ tenant: 'acme', client: 'web-1', correlationId: 'say "hi"', traceparent: TRACEPARENT });
    expect([...(kept?.push.values ?? [])]).toEqual([0.5, 1.5, 2.5]);
  });

  test('carries what the key and the headers say of it, the key first', async () => {
    const edge = createEdge();
    const key = await edge.key({ datacenter: 'fra' });
    const body = JSON.stringify(pushOf('web-1', 1));
    await edge.push(body, {
      key,
      headers: {
        'idempotency-key': 'boot-2:7',
        'x-previous-boot': 'boot-1:40',
        'x-sent-at': String(NOW_MS - 1500),
        'x-datacenter': 'ams',
        'x-environment': 'production',
      },
    });
    expect(edge.appender.kept[0]?.push).toMatchObject({
      pushId: { boot: 'boot-2', sequence: 7, previous: { boot: 'boot-1', count: 40 } },
      sentMs: NOW_MS - 1500,
      arrivalMs: NOW_MS,
      datacenter: 'fra',
      environment: 'production',
      contentHash: murmur2(new TextEncoder().encode(body)),
    });
  });

  test('gets a fresh correlation id for each request where it brings none or an unprintable one', async () => {
    const edge = createEdge();
    const key = await edge.key();
    const ids = new Set<string>();
    const given: Record<string, string>[] = [{}, {}, { 'x-correlation-id': 'a\tb' }, { 'x-correlation-id': 'x'.repeat(129) }];
    for (const headers of given) {
      const response = await edge.push(pushOf('web-1', 1), { key, headers });
      ids.add(response.headers.get('x-correlation-id') ?? '');
    }
    expect(ids.size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9]+-[a-z0-9]+$/);
  });

  test('without timestamps gets arrival times that strictly increase, even within one ms', async () => {
    const edge = createEdge();
    const key = await edge.key();
    for (let i = 0; i < 3; i++) await edge.push({ client_id: 'web-1', metrics: [{ name: 'cpu', value: i }] }, { key });
    const times = edge.appender.kept.map(({ push }) => [push.timesMs[0], push.timesNs?.[0] ?? 0, push.stamped]);
    expect(times).toEqual([
      [NOW_MS, 0, true],
      [NOW_MS, 1, true],
      [NOW_MS, 2, true],
    ]);
  });

  test('of no metrics is a sign of life: 202, and the log has it', async () => {
    const edge = createEdge();
    const response = await edge.push({ client_id: 'web-1', metrics: [] }, { key: await edge.key() });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ accepted: 0, rejected: 0 });
    expect(edge.appender.kept).toHaveLength(1);
  });

  test('that came before is answered as before, and says so', async () => {
    const edge = createEdge();
    const key = await edge.key();
    const headers = { 'idempotency-key': 'boot:0' };
    await edge.push(pushOf('web-1', 2), { key, headers });
    const again = await edge.push(pushOf('web-1', 2), { key, headers });
    expect(await again.json()).toMatchObject({ accepted: 2, duplicate: true });
    expect(edge.appender.kept).toHaveLength(1);
  });

  test.each(['gzip', 'deflate', 'identity'] as const)('is read from a %s body, and hashed as decoded', async (coding) => {
    const edge = createEdge();
    const body = new TextEncoder().encode(JSON.stringify(pushOf('web-1', 5)));
    const stream = new Blob([body]).stream();
    const sent = coding === 'identity' ? body : await new Response(stream.pipeThrough(new CompressionStream(coding))).bytes();
    const response = await edge.send('POST', '/metrics', {
      key: await edge.key(),
      headers: { 'content-encoding': coding, 'content-length': String(sent.length) },
      body: sent,
    });
    expect(await response.json()).toMatchObject({ accepted: 5 });
    expect(edge.appender.kept[0]?.push.contentHash).toBe(murmur2(body));
  });
});

describe('a push with bad metrics', () => {
  const bad = { name: 'cpu', value: 101, timestamp: NOW_MS };
  const good = { name: 'cpu', value: 10, timestamp: NOW_MS };

  test('keeps the good ones and names the others by place and reason', async () => {
    const edge = createEdge();
    const response = await edge.push({ client_id: 'web-1', metrics: [bad, good, bad] }, { key: await edge.key() });
    expect(response.status).toBe(202);
    const answer = (await response.json()) as { errors: unknown[] };
    expect(answer).toMatchObject({ accepted: 1, rejected: 2 });
    expect(answer.errors).toMatchObject([
      { index: 0, code: 'out_of_range' },
      { index: 2, code: 'out_of_range' },
    ]);
    expect(edge.appender.kept[0]?.push.rejected).toEqual([['out_of_range', 2]]);
  });

  test('shows a bounded number of errors and counts all', async () => {
    const edge = createEdge();
    const metrics = [good, ...Array.from({ length: 300 }, () => bad)];
    const answer = (await (await edge.push({ client_id: 'web-1', metrics }, { key: await edge.key() })).json()) as {
      errors: unknown[];
    };
    expect(answer).toMatchObject({ accepted: 1, rejected: 300 });
    expect(answer.errors).toHaveLength(LIMITS.rejectionsShownMax);
  });

  test('only is 422, and reaches the log only with a push id, which the ledger waits for', async () => {
    const edge = createEdge();
    const key = await edge.key();
    const without = await edge.push({ client_id: 'web-1', metrics: [bad] }, { key });
    expect(without.status).toBe(422);
    expect(without.headers.get('content-type')).toBe('application/problem+json');
    expect(await without.json()).toMatchObject({ code: 'all_rejected', errors: [{ index: 0, code: 'out_of_range' }] });
    expect(edge.appender.kept).toHaveLength(0);
    const withId = await edge.push({ client_id: 'web-1', metrics: [bad] }, { key, headers: { 'idempotency-key': 'b:0' } });
    expect(withId.status).toBe(422);
    expect(edge.appender.kept[0]?.push).toMatchObject({ rejected: [['out_of_range', 1]], values: new Float64Array() });
  });

  test('over the series limit maps the log’s places back to the body’s', async () => {
    const edge = createEdge();
    edge.appender.answerWith({
      kind: 'appended',
      offset: 0,
      duplicate: false,
      rejected: [{ index: 1, code: 'series_limit', message: 'full' }],
    });
    const metrics = [bad, good, { name: 'load1', value: 1, timestamp: NOW_MS }];
    const response = await edge.push({ client_id: 'web-1', metrics }, { key: await edge.key() });
    expect(await response.json()).toMatchObject({
      accepted: 1,
      rejected: 2,
      errors: [
        { index: 0, code: 'out_of_range' },
        { index: 2, code: 'series_limit' },
      ],
    });
    expect(edge.deps.telemetry.render()).toContain('metricstream_samples_rejected_total{reason="series_limit"} 1');
  });
});

describe('whose push it is', () => {
  const metrics = [{ name: 'cpu', value: 1, timestamp: NOW_MS }];
  const rows = [
    ['the body', {}, { client_id: 'a' }, {}, 202, 'a'],
    ['the body before the header', {}, { client_id: 'a' }, { 'x-client-id': 'b' }, 202, 'a'],
    ['the header where the body has none', {}, {}, { 'x-client-id': 'b' }, 202, 'b'],
    ['the key’s binding where neither has one', { client: 'c' }, {}, {}, 202, 'c'],
    ['nobody: client_missing', {}, {}, {}, 422, 'client_missing'],
    ['the bound client, named again', { client: 'c' }, { client_id: 'c' }, { 'x-client-id': 'c' }, 202, 'c'],
    ['another than the bound one in the body: client_mismatch', { client: 'c' }, { client_id: 'a' }, {}, 403, 'client_mismatch'],
    [
      'another than the bound one in the header: client_mismatch',
      { client: 'c' },
      {},
      { 'x-client-id': 'a' },
      403,
      'client_mismatch',
    ],
    ['no valid name in the body: invalid_client', {}, { client_id: 'a b' }, {}, 422, 'invalid_client'],
    ['no valid name in the header: invalid_client', {}, {}, { 'x-client-id': 'ü'.repeat(3) }, 422, 'invalid_client'],
  ] as const;
  test.each(rows)('%s', async (_, claims, body, headers, status, expected) => {
    const edge = createEdge();
    const response = await edge.push({ ...body, metrics }, { key: await edge.key(claims), headers });
    expect(response.status).toBe(status);
    if (status === 202) expect(edge.appender.kept[0]?.push.client).toBe(expected);
    else expect(await response.json()).toMatchObject({ code: expected });
  });
});

describe('when the log says no', () => {
  test('limited is 429 with whole seconds to wait, and the next one is refused without asking the log', async () => {
    const edge = createEdge();
    const key = await edge.key({ requestsPerSecond: 1 });
    expect((await edge.push(pushOf('web-1', 1), { key })).status).toBe(202);
    edge.clock.advance(100);
    const limited = await edge.push(pushOf('web-1', 1), { key });
    expect(limited.status).toBe(429);
    expect(limited.headers.get('retry-after')).toBe('1');
    edge.appender.answerWith(new Error('must not be asked'));
    expect((await edge.push(pushOf('web-1', 1), { key })).status).toBe(429);
    edge.appender.answerWith(undefined);
    expect((await edge.push(pushOf('web-2', 1), { key })).status).toBe(202);
    edge.clock.advance(900);
    expect((await edge.push(pushOf('web-1', 1), { key })).status).toBe(202);
  });

  test('a tenant with its most clients is 422 for a further one: each metric is named, a heartbeat has none to name', async () => {
    const edge = createEdge();
    edge.appender.answerWith({ kind: 'crowded' });
    const key = await edge.key();
    const push = {
      client_id: 'web-1',
      metrics: [
        { name: 'cpu', value: 101, timestamp: NOW_MS },
        { name: 'load1', value: 1, timestamp: NOW_MS },
      ],
    };
    const response = await edge.push(push, { key });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      code: 'all_rejected',
      errors: [
        { index: 0, code: 'out_of_range' },
        { index: 1, code: 'series_limit' },
      ],
    });
    const heartbeat = await edge.push({ client_id: 'web-1', metrics: [] }, { key });
    expect(heartbeat.status).toBe(422);
    expect(await heartbeat.json()).toMatchObject({ code: 'all_rejected', errors: [] });
    expect(edge.appender.kept).toEqual([]);
  });

  test.each(['overloaded', 'storage_full', 'shutting_down'] as const)('%s is 503 with Retry-After', async (code) => {
    const edge = createEdge();
    edge.appender.answerWith({ kind: 'refused', code, retryAfterMs: 4_200 });
    const response = await edge.push(pushOf('web-1', 1), { key: await edge.key() });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await response.json()).toMatchObject({ code, status: 503 });
  });

  test('a failure is 503, tells the client nothing of it and the operator all', async () => {
    const edge = createEdge();
    edge.appender.answerWith(new MetricStreamError('internal', 'disk I/O error in /var/secret/path'));
    const response = await edge.push(pushOf('web-1', 1), { key: await edge.key() });
    expect(response.status).toBe(503);
    const text = await response.text();
    expect(text).not.toContain('disk');
    expect(text).not.toContain('.ts');
    expect(edge.logLines.join()).toContain('disk I/O error');
  });

  test('an append that does not end is answered 503 after its time', async () => {
    const edge = createEdge({ appender: { append: () => new Promise(() => {}) } });
    const key = await edge.key();
    const answer = edge.push(pushOf('web-1', 1), { key });
    await new Promise((resolve) => setTimeout(resolve, 20));
    edge.clock.advance(LIMITS.appendTimeoutMs * 1.25);
    expect((await answer).status).toBe(503);
    expect(edge.clock.scheduled()).toBe(0);
  });

  test('a tenant over its requests a second is refused before its body is read', async () => {
    const edge = createEdge({ tenantRequestsPerSecond: 2 });
    const key = await edge.key();
    const other = await edge.key({ tenant: 'other' });
    const statuses: number[] = [];
    for (const one of [key, key, key, other]) statuses.push((await edge.push(pushOf('web-1', 1), { key: one })).status);
    expect(statuses).toEqual([202, 202, 429, 202]);
    edge.clock.advance(1000);
    expect((await edge.push(pushOf('web-1', 1), { key })).status).toBe(202);
  });
});

describe('a body', () => {
  test('that does not arrive is given up after its time', async () => {
    const edge = createEdge();
    const key = await edge.key();
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{')) });
    const answer = edge.send('POST', '/metrics', { key, body });
    await new Promise((resolve) => setTimeout(resolve, 20));
    edge.clock.advance(LIMITS.requestTimeoutMs * 1.25);
    expect((await answer).status).toBe(408);
  });

  test('that says it is too large is refused before it is read', async () => {
    const edge = createEdge();
    let read = false;
    const body = new ReadableStream(
      {
        pull() {
          read = true;
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { 'content-length': String(LIMITS.bodyBytesMax + 1) };
    const response = await edge.send('POST', '/metrics', { key: await edge.key(), headers, body });
    expect(response.status).toBe(413);
    expect(read).toBe(false);
  });

  test('without a length is read no further than the bound', async () => {
    const edge = createEdge();
    let given = 0;
    const body = new ReadableStream({
      pull(controller) {
        given += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    const response = await edge.send('POST', '/metrics', { key: await edge.key(), body });
    expect(response.status).toBe(413);
    expect(given).toBeLessThan(LIMITS.bodyBytesMax + 4 * 65_536);
  });

  test('of zeros that would grow a thousandfold is refused at the bound', async () => {
    const edge = createEdge();
    const body = new Uint8Array(gzipSync(new Uint8Array(64 << 20)));
    const response = await edge.send('POST', '/metrics', {
      key: await edge.key(),
      headers: { 'content-encoding': 'gzip' },
      body,
    });
    expect(response.status).toBe(413);
  });

  test('that is small may compress well; a larger one not beyond the ratio', async () => {
    const edge = createEdge();
    const key = await edge.key();
    const gzipped = (padding: number): Uint8Array =>
      new Uint8Array(gzipSync(`{"client_id":"a","metrics":[]}${' '.repeat(padding)}`));
    const headers = { 'content-encoding': 'gzip' };
    expect((await edge.send('POST', '/metrics', { key, headers, body: gzipped(60_000) })).status).toBe(202);
    expect((await edge.send('POST', '/metrics', { key, headers, body: gzipped(200_000) })).status).toBe(413);
  });
});

test('every push is counted once by its outcome', async () => {
  const edge = createEdge();
  const key = await edge.key();
  await edge.push(pushOf('web-1', 4), { key });
  await edge.push('{', { key });
  await edge.push(pushOf('web-1', 1), {});
  const text = edge.deps.telemetry.render();
  expect(text).toContain('metricstream_pushes_total{outcome="accepted"} 1');
  expect(text).toContain('metricstream_pushes_total{outcome="invalid_json"} 1');
  expect(text).toContain('metricstream_pushes_total{outcome="unauthorized"} 1');
  expect(text).toContain('metricstream_samples_accepted_total 4');
  expect(text).toContain('metricstream_request_seconds_count{route="/metrics"} 3');
});
