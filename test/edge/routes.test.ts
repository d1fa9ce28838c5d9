/** The table of routes: who may do what, that nobody sees another tenant, and what every answer has in common. */
import { describe, expect, test } from 'vitest';
import { type EdgeDependencies, routesOf } from '../../src/edge/app.ts';
import { openDoor } from '../../src/edge/door.ts';
import { ROLES } from '../../src/model/access.ts';
import { createEdge, type Edge, NOW_MS, pushOf, type SendOptions } from './harness.ts';

const ASSETS: EdgeDependencies['assets'] = new Map([
  ['/', { body: new TextEncoder().encode('<!doctype html>'), contentType: 'text/html; charset=utf-8', etag: '"1"' }],
]);
const SHELL_HEADERS = { 'content-security-policy': "default-src 'none'; script-src 'self'" };

function edgeWithPage(): Edge {
  return createEdge({ assets: ASSETS, shellHeaders: SHELL_HEADERS });
}

const { deps } = edgeWithPage();
const TABLE = routesOf(deps, openDoor(deps)).map(({ method, path, access, operation }) => ({
  route: `${method} ${path}`,
  method,
  path,
  access,
  operation,
}));

/** A request that each route answers well, if the key may make it. A new route has to have one here. `before`: is put there first. */
const REQUESTS: Readonly<Record<string, { readonly query?: string; readonly body?: unknown; readonly before?: unknown }>> = {
  'POST /metrics': { body: pushOf('web-1', 1) },
  'GET /metrics': {},
  'GET /health': {},
  'GET /ready': {},
  'GET /openapi.json': {},
  'GET /api/v1/windows': { query: `start=${NOW_MS - 600_000}&end=${NOW_MS}&open=true` },
  'GET /api/v1/samples': { query: `start=${NOW_MS - 600_000}&end=${NOW_MS + 1}` },
  'GET /api/v1/clients': {},
  'GET /api/v1/metrics': {},
  'GET /api/v1/live': {},
  'POST /api/v1/session': {},
  'DELETE /api/v1/session': {},
  'POST /api/v1/keys': { body: { role: 'read' } },
  'POST /api/v1/keys/revoke': { body: { key_id: `acme.${'A'.repeat(22)}` } },
  'GET /api/v1/enrichment': {},
  'PUT /api/v1/enrichment': { body: { clients: { 'web-1': { datacenter: 'fra' } } } },
  'DELETE /api/v1/enrichment': {},
  'GET /api/v1/enrichment/{client}': { before: { datacenter: 'fra' } },
  'PUT /api/v1/enrichment/{client}': { body: { datacenter: 'fra' } },
  'DELETE /api/v1/enrichment/{client}': { before: { datacenter: 'fra' } },
  'GET /': {},
};

async function request(edge: Edge, route: (typeof TABLE)[number], init: SendOptions): Promise<Response> {
  const { query, body, before } = REQUESTS[route.route] ?? expect.fail(`no request for ${route.route}`);
  const path = route.path.replace('{client}', 'web-1');
  if (before !== undefined)
    await edge.send('PUT', path, { key: await edge.key({ role: 'admin' }), body: JSON.stringify(before) });
  const sent = body === undefined ? init : { ...init, body: JSON.stringify(body) };
  return edge.send(route.method, query === undefined ? path : `${path}?${query}`, sent);
}

test('the table is what this page says of it', () => {
  expect(Object.fromEntries(TABLE.map(({ route, access }) => [route, access]))).toEqual({
    'POST /metrics': 'ingest',
    'GET /metrics': 'public',
    'GET /health': 'public',
    'GET /ready': 'public',
    'GET /openapi.json': 'public',
    'GET /api/v1/windows': 'read',
    'GET /api/v1/samples': 'read',
    'GET /api/v1/clients': 'read',
    'GET /api/v1/metrics': 'read',
    'GET /api/v1/live': 'read',
    'POST /api/v1/session': 'read',
    'DELETE /api/v1/session': 'public',
    'POST /api/v1/keys': 'admin',
    'POST /api/v1/keys/revoke': 'admin',
    'GET /api/v1/enrichment': 'admin',
    'PUT /api/v1/enrichment': 'admin',
    'DELETE /api/v1/enrichment': 'admin',
    'GET /api/v1/enrichment/{client}': 'admin',
    'PUT /api/v1/enrichment/{client}': 'admin',
    'DELETE /api/v1/enrichment/{client}': 'admin',
    'GET /': 'public',
  });
});

const MAY = { ingest: ['ingest', 'admin'], read: ['read', 'admin'], admin: ['admin'] } as const;

describe.each(TABLE)('$route', (route) => {
  const { access } = route;

  test.each(ROLES)('with a key of role %s', async (role) => {
    const edge = edgeWithPage();
    const response = await request(edge, route, { key: await edge.key({ role }) });
    const allowed = access === 'public' || MAY[access].some((one) => one === role);
    expect(response.status < 300).toBe(allowed);
    if (!allowed) expect(response.status).toBe(403);
    await response.body?.cancel();
  });

  test.each(['no key', 'a wrong key'] as const)('with %s', async (which) => {
    const edge = edgeWithPage();
    const response = await request(edge, route, which === 'no key' ? {} : { key: 'wrong' });
    if (access === 'public') expect(response.status).toBeLessThan(300);
    else expect(response.status).toBe(401);
    expect(edge.appender.kept).toHaveLength(0);
    await response.body?.cancel();
  });

  test('with a key of another tenant shows nothing of the first', async () => {
    const edge = edgeWithPage();
    await edge.push(
      { client_id: 'secret-host', metrics: [{ name: 'secret_metric', value: 1, timestamp: NOW_MS - 1000 }] },
      { key: await edge.key({ tenant: 'acme' }) },
    );
    const mine = await request(edge, route, { key: await edge.key({ tenant: 'acme', role: 'admin' }) });
    const theirs = await request(edge, route, { key: await edge.key({ tenant: 'beta', role: 'admin' }) });
    if (route.path === '/api/v1/live') return void (await Promise.all([mine.body?.cancel(), theirs.body?.cancel()]));
    expect(await theirs.text()).not.toContain('secret');
    if (access === 'read' && route.method === 'GET') expect(await mine.text()).toContain('secret');
  });

  test('answers a method that it does not take with 405 and those that it takes', async () => {
    const edge = edgeWithPage();
    const response = await edge.send('PATCH', route.path, { body: '{}' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')?.split(', ')).toContain(route.method);
    expect(await response.json()).toMatchObject({ code: 'method_not_allowed', status: 405 });
  });
});

test('a path that is not in the table is 404, whoever asks', async () => {
  const edge = edgeWithPage();
  for (const path of [
    '/metric',
    '/metrics/',
    '/api/v1',
    '/api/v1/keys/x',
    '/api/v1/enrichment/',
    '/api/v1/enrichment/x/y',
    '/api/v1/:client',
    '/..%2f',
    '/constructor',
    '/%00',
  ]) {
    const response = await edge.send('GET', path);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404, code: 'not_found' });
  }
});

describe('every answer but the push’s', () => {
  test.each(TABLE.filter(({ method }) => method !== 'POST'))(
    'of $route cannot be framed, sniffed, cached or followed',
    async (route) => {
      const edge = edgeWithPage();
      const response = await request(edge, route, { key: await edge.key({ role: 'admin' }) });
      const { headers } = response;
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('cache-control')).toBe(route.path === '/' ? 'no-cache' : 'no-store');
      expect(headers.get('x-correlation-id')).not.toBe(null);
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
      await response.body?.cancel();
    },
  );

  test('brings back the correlation id and the trace', async () => {
    const edge = edgeWithPage();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
    const response = await edge.send('GET', '/nowhere', { headers: { 'x-correlation-id': 'abc', traceparent } });
    expect(response.headers.get('x-correlation-id')).toBe('abc');
    expect(response.headers.get('traceparent')).toBe(traceparent);
    expect(await response.json()).toMatchObject({ correlation_id: 'abc' });
  });
});

describe('the page’s files', () => {
  test('come with their type, their etag and the page’s own policy', async () => {
    const response = await edgeWithPage().send('GET', '/');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('etag')).toBe('"1"');
    expect(response.headers.get('content-security-policy')).toBe(SHELL_HEADERS['content-security-policy']);
    expect(await response.text()).toBe('<!doctype html>');
  });

  test('are not sent again to who has them', async () => {
    const edge = edgeWithPage();
    for (const etag of ['"1"', 'W/"1"', '"0", "1"']) {
      expect((await edge.send('GET', '/', { headers: { 'if-none-match': etag } })).status).toBe(304);
    }
    expect((await edge.send('GET', '/', { headers: { 'if-none-match': '"2"' } })).status).toBe(200);
  });
});

test('readiness says why not, and when to ask again', async () => {
  const edge = createEdge({ ready: () => ({ ready: false, reason: 'The log is being replayed.' }) });
  const response = await edge.send('GET', '/ready');
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await response.json()).toMatchObject({ code: 'unavailable', detail: 'The log is being replayed.' });
  expect((await edge.send('GET', '/health')).status).toBe(200);
});

test('a handler that breaks is 500 without a word of why, and the operator reads it', async () => {
  const edge = createEdge();
  Object.assign(edge.deps.reader, { clients: () => Promise.reject(new TypeError('x is undefined in /srv/app.ts')) });
  const response = await edge.send('GET', '/api/v1/clients', { key: await edge.key({ role: 'read' }) });
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('undefined');
  expect(edge.logLines.join()).toContain('x is undefined');
});

test('HEAD answers as GET does without a body, and holds nothing', async () => {
  const edge = createEdge();
  const key = await edge.key({ role: 'read' });
  for (let i = 0; i < 250; i++) {
    const response = await edge.send('HEAD', '/api/v1/live', { key });
    expect(response.status).toBe(200);
    expect(response.body).toBe(null);
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(edge.feed.listeners()).toBe(0);
});
