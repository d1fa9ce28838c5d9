/** Keys: what a token says, who accepts it, and when it stops to count. */
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { createKey, parseDuration, tenantOfKeyId, tokenVerifier } from '../../src/edge/keys.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { createEdge, NOW_MS, pushOf, SECRET } from './harness.ts';

const OTHER_SECRET = 'another secret that is long enough as well';
const BASIC = (text: string): string => `Basic ${btoa(text)}`;

function partsOf(token: string): { readonly header: Record<string, unknown>; readonly payload: Record<string, unknown> } {
  const [header = '', payload = ''] = token.split('.').map((part) => atob(part.replaceAll('-', '+').replaceAll('_', '/')));
  return { header: JSON.parse(header || '{}'), payload: JSON.parse(payload || '{}') };
}

describe('a key', () => {
  test('says what it was made to say, and nothing that was left out', async () => {
    const { key, keyId } = await createKey(SECRET, { tenant: 'acme', role: 'ingest' }, NOW_MS);
    const { header, payload } = partsOf(key);
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(SECRET));
    const kid = Buffer.from(digest).toString('hex').slice(0, 8);
    expect(header).toEqual({ alg: 'HS256', typ: 'metricstream-key+jwt', kid });
    expect(payload).toEqual({ tenant: 'acme', role: 'ingest', jti: keyId, iat: Math.floor(NOW_MS / 1000) });
    expect(tenantOfKeyId(keyId)).toBe('acme');
  });

  test('comes back from verification as it was made', async () => {
    const claims = {
      tenant: 'acme',
      role: 'admin',
      client: 'web-1',
      requestsPerSecond: 7,
      datacenter: 'fra',
      environment: 'production',
      expiresMs: NOW_MS - (NOW_MS % 1000) + 5000,
    } as const;
    const { key, keyId } = await createKey(SECRET, claims, NOW_MS);
    expect(await tokenVerifier({ current: SECRET })('key', key, NOW_MS)).toEqual({ ...claims, keyId, sessionId: undefined });
  });

  test('is made only of valid claims and with a long enough secret', async () => {
    await expect(createKey('short', { tenant: 'acme', role: 'read' }, NOW_MS)).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(createKey(SECRET, { tenant: 'Acme!', role: 'read' }, NOW_MS)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(() => createEdge({ secrets: { current: SECRET, previous: 'short' } })).toThrow();
  });

  test('expires to the second', async () => {
    const { key } = await createKey(SECRET, { tenant: 'acme', role: 'ingest', expiresMs: NOW_MS + 60_000 }, NOW_MS);
    const verify = tokenVerifier({ current: SECRET });
    expect(await verify('key', key, NOW_MS + 59_000)).toBeDefined();
    expect(await verify('key', key, NOW_MS + 61_000)).toBeUndefined();
  });

  test('of the previous secret counts during rotation, and not after it', async () => {
    const { key } = await createKey(OTHER_SECRET, { tenant: 'acme', role: 'ingest' }, NOW_MS);
    const rotating = createEdge({ secrets: { current: SECRET, previous: OTHER_SECRET } });
    expect((await rotating.push(pushOf('web-1', 1), { key })).status).toBe(202);
    expect((await rotating.push(pushOf('web-1', 1), { key: await rotating.key() })).status).toBe(202);
    expect((await createEdge().push(pushOf('web-1', 1), { key })).status).toBe(401);
  });

  const forged: readonly (readonly [string, (key: string) => Promise<string> | string])[] = [
    ['with another signature', (key) => `${key.slice(0, -4)}AAAA`],
    ['without a signature', (key) => key.slice(0, key.lastIndexOf('.') + 1)],
    ['with alg none', (key) => `${btoa('{"alg":"none","typ":"metricstream-key+jwt"}')}.${key.split('.')[1]}.`],
    ['of another secret', async () => (await createKey(OTHER_SECRET, { tenant: 'acme', role: 'admin' }, NOW_MS)).key],
    ['of another type, well signed', () => sign('metricstream-session+jwt', { tenant: 'acme', role: 'admin', jti: KEY_ID })],
    ['of a role that there is not', () => sign('metricstream-key+jwt', { tenant: 'acme', role: 'root', jti: KEY_ID })],
    [
      'whose id names another tenant',
      () => sign('metricstream-key+jwt', { tenant: 'acme', role: 'admin', jti: KEY_ID.replace('acme', 'b') }),
    ],
    ['without an id, so that it could not be revoked', () => sign('metricstream-key+jwt', { tenant: 'acme', role: 'admin' })],
    ['that is no token', () => 'x'],
  ];
  test.each(forged)('%s is refused', async (_, forge) => {
    const edge = createEdge();
    const key = await forge(await edge.key());
    expect((await edge.push(pushOf('web-1', 1), { key })).status).toBe(401);
  });
});

const KEY_ID = `acme.${'A'.repeat(22)}`;

async function sign(typ: string, payload: Record<string, unknown>): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(SECRET));
  const kid = Buffer.from(digest).toString('hex').slice(0, 8);
  return new SignJWT({ iat: 1, ...payload })
    .setProtectedHeader({ alg: 'HS256', typ, kid })
    .sign(new TextEncoder().encode(SECRET));
}

describe('a request', () => {
  const ways: readonly (readonly [string, (key: string) => Record<string, string>, number])[] = [
    ['Bearer', (key) => ({ authorization: `Bearer ${key}` }), 202],
    ['bearer, in any case', (key) => ({ authorization: `bearer  ${key}` }), 202],
    ['Token', (key) => ({ authorization: `Token ${key}` }), 202],
    ['Basic with the key as password', (key) => ({ authorization: BASIC(`anyone:${key}`) }), 202],
    ['X-API-Key', (key) => ({ 'x-api-key': key }), 202],
    ['Basic with the key as user', (key) => ({ authorization: BASIC(`${key}:`) }), 401],
    ['Basic that is not base64', () => ({ authorization: 'Basic %%%' }), 401],
    ['the bare key', (key) => ({ authorization: key }), 401],
    ['a scheme that there is not', (key) => ({ authorization: `Digest ${key}` }), 401],
    ['a session cookie, to push', (key) => ({ cookie: `metricstream=${key}` }), 401],
    ['a key of 8 KiB', () => ({ authorization: `Bearer ${'k'.repeat(8192)}` }), 431],
  ];
  test.each(ways)('may bring its key as: %s', async (_, headersOf, status) => {
    const edge = createEdge();
    const key = await edge.key();
    for (let again = 0; again < 2; again++) {
      expect((await edge.push(pushOf('web-1', 1), { headers: headersOf(key) })).status).toBe(status);
    }
  });

  test('with its key in the URL has no key', async () => {
    const edge = createEdge();
    const key = await edge.key({ role: 'read' });
    for (const name of ['key', 'api_key', 'token']) {
      expect((await edge.send('GET', `/api/v1/clients?${name}=${key}`)).status).toBe(401);
    }
  });

  test('learns nothing of why its key is refused', async () => {
    const edge = createEdge();
    const revoked = await edge.key();
    await edge.push(pushOf('web-1', 1), { key: revoked });
    await edge.keys.revoke('acme', String(partsOf(revoked).payload.jti), NOW_MS);
    const expired = await edge.key({ expiresMs: NOW_MS - 1000 });
    const answers: string[] = [];
    for (const key of [revoked, expired, `${revoked.slice(0, -3)}xyz`, 'nonsense', undefined]) {
      const response = await edge.push(pushOf('web-1', 1), { key, headers: { 'x-correlation-id': 'same' } });
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="metricstream"');
      answers.push(`${response.status} ${await response.text()}`);
    }
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain('"code":"unauthorized"');
  });
});

test('a revoked key is refused from the next request on, though it was remembered', async () => {
  const edge = createEdge();
  const key = await edge.key();
  expect((await edge.push(pushOf('web-1', 1), { key })).status).toBe(202);
  await edge.keys.revoke('acme', String(partsOf(key).payload.jti), NOW_MS);
  expect((await edge.push(pushOf('web-1', 1), { key })).status).toBe(401);
});

test('a remembered key is refused from the second on at which it expires', async () => {
  const edge = createEdge();
  const key = await edge.key({ expiresMs: NOW_MS + 5000 });
  expect((await edge.push(pushOf('web-1', 1), { key })).status).toBe(202);
  edge.clock.advance(6000);
  expect((await edge.push(pushOf('web-1', 1), { key })).status).toBe(401);
});

test('an address that fails too often is told to wait; a valid key from it is still let in', async () => {
  const edge = createEdge({ remoteAddress: (request) => request.headers.get('x-test-address') ?? undefined });
  const failing = (address: string): Promise<Response> =>
    edge.push(pushOf('web-1', 1), { key: 'wrong', headers: { 'x-test-address': address } });
  for (let i = 0; i < LIMITS.authFailuresPerMinute; i++) expect((await failing('192.0.2.1')).status).toBe(401);
  const refused = await failing('192.0.2.1');
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('30');
  expect((await failing('192.0.2.2')).status).toBe(401);
  const good = { key: await edge.key(), headers: { 'x-test-address': '192.0.2.1' } };
  expect((await edge.push(pushOf('web-1', 1), good)).status).toBe(202);
  edge.clock.advance(60_000);
  expect((await failing('192.0.2.1')).status).toBe(401);
});

test('no key, right or wrong, gets into the log lines or into an answer', async () => {
  const edge = createEdge();
  const key = await edge.key();
  edge.appender.answerWith(new Error('the disk is gone'));
  const answers = [await edge.push(pushOf('web-1', 1), { key }), await edge.push('{', { key: 'ms_canary_wrong' })];
  const texts = [...edge.logLines, ...(await Promise.all(answers.map((answer) => answer.text()))), edge.deps.telemetry.render()];
  expect(texts.join()).not.toContain(key);
  expect(texts.join()).not.toContain('ms_canary');
});

test('durations are a number and a unit', () => {
  expect(['90d', '12h', '30m', '45s'].map(parseDuration)).toEqual([7_776_000_000, 43_200_000, 1_800_000, 45_000]);
  for (const text of ['', '0d', '-1d', '1w', '1.5h', '90', 'd', '1d ', '1000000d']) expect(parseDuration(text)).toBeUndefined();
});
