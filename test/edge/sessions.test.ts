/** Sessions: a key exchanged for a cookie that only our own page can use, and that ends with the key. */
import { describe, expect, test } from 'vitest';
import { createKey } from '../../src/edge/keys.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { createEdge, type Edge, NOW_MS, SECRET } from './harness.ts';

const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };

async function signIn(edge: Edge, role: 'read' | 'admin' = 'read'): Promise<{ cookie: string; keyId: string }> {
  const { key, keyId } = await createKey(SECRET, { tenant: 'acme', role }, NOW_MS);
  const response = await edge.send('POST', '/api/v1/session', { key });
  expect(response.status).toBe(200);
  return { cookie: response.headers.get('set-cookie')?.split(';')[0] ?? '', keyId };
}

describe('the cookie', () => {
  test('is for this host alone, out of reach of scripts and of other sites, for 12 h', async () => {
    const edge = createEdge();
    const response = await edge.send('POST', '/api/v1/session', { key: await edge.key({ role: 'read' }) });
    expect(response.headers.get('set-cookie')).toMatch(
      /^metricstream=[A-Za-z0-9_.-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    expect(await response.json()).toEqual({ tenant: 'acme', role: 'read', expires: NOW_MS + LIMITS.sessionMs });
  });

  test('is __Host- and Secure over TLS, also where a proxy ends it', async () => {
    const edge = createEdge();
    const key = await edge.key({ role: 'read' });
    const direct = await edge.app.fetch(
      new Request('https://metrics.example/api/v1/session', { method: 'POST', headers: { authorization: `Bearer ${key}` } }),
    );
    const proxied = await edge.send('POST', '/api/v1/session', { key, headers: { 'x-forwarded-proto': 'https' } });
    for (const response of [direct, proxied]) {
      expect(response.headers.get('set-cookie')).toMatch(
        /^__Host-metricstream=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure$/,
      );
    }
    expect(direct.headers.get('strict-transport-security')).toBe('max-age=31536000');
  });

  test('lives no longer than its key', async () => {
    const edge = createEdge();
    const response = await edge.send('POST', '/api/v1/session', {
      key: await edge.key({ role: 'read', expiresMs: NOW_MS + 90_000 }),
    });
    expect(response.headers.get('set-cookie')).toContain('Max-Age=90');
  });

  test('reads, until its time is over', async () => {
    const edge = createEdge();
    const { cookie } = await signIn(edge);
    expect((await edge.send('GET', '/api/v1/clients', { headers: { cookie: `theme=dark; ${cookie}` } })).status).toBe(200);
    edge.clock.advance(LIMITS.sessionMs + 1000);
    expect((await edge.send('GET', '/api/v1/clients', { headers: { cookie } })).status).toBe(401);
  });

  test('ends with the revocation of the key it was got with', async () => {
    const edge = createEdge();
    const { cookie, keyId } = await signIn(edge);
    expect((await edge.send('GET', '/api/v1/clients', { headers: { cookie } })).status).toBe(200);
    await edge.keys.revoke('acme', keyId, NOW_MS);
    expect((await edge.send('GET', '/api/v1/clients', { headers: { cookie } })).status).toBe(401);
  });

  test('is taken back by signing out', async () => {
    const edge = createEdge();
    const { cookie } = await signIn(edge);
    const response = await edge.send('DELETE', '/api/v1/session', { headers: { cookie, ...SAME_ORIGIN } });
    expect(response.status).toBe(204);
    expect(response.headers.get('set-cookie')).toMatch(/^metricstream=; .*Max-Age=0$/);
  });

  test('is dead once it was signed out of, copies too, and no other session of the same key is', async () => {
    const edge = createEdge();
    const key = await edge.key({ role: 'read' });
    const sign = async () => {
      const response = await edge.send('POST', '/api/v1/session', { key });
      return response.headers.get('set-cookie')?.split(';')[0] ?? '';
    };
    const [mine, other] = [await sign(), await sign()];
    const status = async (cookie: string) => (await edge.send('GET', '/api/v1/clients', { headers: { cookie } })).status;
    expect([await status(mine), await status(other)]).toEqual([200, 200]);
    for (let time = 0; time < 2; time++) {
      const response = await edge.send('DELETE', '/api/v1/session', { headers: { cookie: mine, ...SAME_ORIGIN } });
      expect(response.status).toBe(204);
      expect([await status(mine), await status(other)]).toEqual([401, 200]);
    }
    expect((await edge.send('GET', '/api/v1/clients', { key })).status).toBe(200);
  });

  test('that another site sends is not signed out of, nor one that is none', async () => {
    const edge = createEdge();
    const { cookie } = await signIn(edge);
    const cross = await edge.send('DELETE', '/api/v1/session', { headers: { cookie, 'sec-fetch-site': 'cross-site' } });
    expect(cross.status).toBe(403);
    expect((await edge.send('GET', '/api/v1/clients', { headers: { cookie } })).status).toBe(200);
    for (const none of ['metricstream=nonsense', 'theme=dark']) {
      const response = await edge.send('DELETE', '/api/v1/session', { headers: { cookie: none, ...SAME_ORIGIN } });
      expect(response.status).toBe(204);
    }
  });

  test('is no key, and a key is no cookie', async () => {
    const edge = createEdge();
    const { cookie } = await signIn(edge, 'admin');
    const token = cookie.slice(cookie.indexOf('=') + 1);
    expect((await edge.send('GET', '/api/v1/clients', { key: token })).status).toBe(401);
    const key = await edge.key({ role: 'admin' });
    expect((await edge.send('GET', '/api/v1/clients', { headers: { cookie: `metricstream=${key}` } })).status).toBe(401);
  });
});

test('an ingest key gets no session, and a session no other', async () => {
  const edge = createEdge();
  expect((await edge.send('POST', '/api/v1/session', { key: await edge.key() })).status).toBe(403);
  const { cookie } = await signIn(edge);
  expect((await edge.send('POST', '/api/v1/session', { headers: { cookie, ...SAME_ORIGIN } })).status).toBe(403);
});

describe('a change with a cookie has to come from our own page', () => {
  const rows: readonly (readonly [string, Record<string, string>, number])[] = [
    ['the browser says same-origin', SAME_ORIGIN, 201],
    ['the browser says cross-site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['the browser says same-site: another host of the domain', { 'sec-fetch-site': 'same-site' }, 403],
    ['an older browser names our origin', { origin: 'http://127.0.0.1' }, 201],
    ['an older browser names another', { origin: 'https://evil.example' }, 403],
    ['an older browser hides it', { origin: 'null' }, 403],
    ['nobody says anything', {}, 403],
  ];
  test.each(rows)('%s', async (_, headers, status) => {
    const edge = createEdge();
    const { cookie } = await signIn(edge, 'admin');
    const response = await edge.send('POST', '/api/v1/keys', { headers: { cookie, ...headers }, body: '{"role":"read"}' });
    expect(response.status).toBe(status);
  });
});

describe('keys over HTTP', () => {
  test('are made for the caller’s tenant, and work', async () => {
    const edge = createEdge();
    const key = await edge.key({ role: 'admin', tenant: 'beta' });
    const body = JSON.stringify({ role: 'ingest', client: 'web-1', expires: '90d', requests_per_second: 5 });
    const response = await edge.send('POST', '/api/v1/keys', { key, body });
    expect(response.status).toBe(201);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const made = (await response.json()) as { key: string; key_id: string };
    expect(made).toMatchObject({ tenant: 'beta', role: 'ingest', expires: NOW_MS + 90 * 86_400_000 });
    expect((await edge.push({ metrics: [] }, { key: made.key })).status).toBe(202);
    expect(edge.appender.kept[0]?.push).toMatchObject({ tenant: 'beta', client: 'web-1' });
  });

  const refused = [
    ['a tenant: it comes from the key alone', { role: 'read', tenant: 'other' }, 'tenant'],
    ['a role that there is not', { role: 'root' }, 'role'],
    ['no role', {}, 'role'],
    ['a property that is a typo', { role: 'read', expire: '90d' }, 'expire'],
    ['a duration that is none', { role: 'read', expires: 'soon' }, 'expires'],
    ['a client that is none', { role: 'ingest', client: 'a b' }, 'client'],
    ['a limit of nothing', { role: 'ingest', requests_per_second: 0 }, 'requests_per_second'],
  ] as const;
  test.each(refused)('are refused for %s', async (_, body, field) => {
    const edge = createEdge();
    const response = await edge.send('POST', '/api/v1/keys', {
      key: await edge.key({ role: 'admin' }),
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(422);
    expect(((await response.json()) as { detail: string }).detail).toContain(field);
  });

  test('are revoked by their id, at once', async () => {
    const edge = createEdge();
    const admin = await edge.key({ role: 'admin' });
    const { key, keyId } = await createKey(SECRET, { tenant: 'acme', role: 'read' }, NOW_MS);
    const response = await edge.send('POST', '/api/v1/keys/revoke', { key: admin, body: JSON.stringify({ key_id: keyId }) });
    expect(await response.json()).toEqual({ key_id: keyId, revoked: true });
    expect((await edge.send('GET', '/api/v1/clients', { key })).status).toBe(401);
  });

  test('of another tenant are not there to be revoked', async () => {
    const edge = createEdge();
    const admin = await edge.key({ role: 'admin' });
    const { keyId } = await createKey(SECRET, { tenant: 'beta', role: 'read' }, NOW_MS);
    for (const id of [keyId, 'acme.short', '']) {
      const response = await edge.send('POST', '/api/v1/keys/revoke', { key: admin, body: JSON.stringify({ key_id: id }) });
      expect(response.status).toBe(404);
    }
    expect(edge.keys.isRevoked(keyId)).toBe(false);
  });
});
