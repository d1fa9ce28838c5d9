/** Who may do what with alerting: generated from the table of routes, so that no row is left out. */
import { describe, expect, test } from 'vitest';
import { routesOf } from '../../../src/edge/app.ts';
import { openDoor } from '../../../src/edge/door.ts';
import { ROLES } from '../../../src/model/access.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { createEdge, NOW_MS, type SendOptions } from '../harness.ts';
import { type AlertLab, alertLab, CHANNEL, fill, MAINTENANCE, ROUTE, RULE_FILE, SILENCE } from './alert-lab.ts';

const { deps } = alertLab();
const bare = createEdge().deps;
const BARE = new Set(routesOf(bare, openDoor(bare)).map(({ method, path }) => `${method} ${path}`));
const TABLE = routesOf(deps, openDoor(deps))
  .map(({ method, path, access }) => ({ route: `${method} ${path}`, method, path, access }))
  .filter(({ route }) => !BARE.has(route));
type Row = (typeof TABLE)[number];

/** A body that each row takes. A new row with a body has to have one here. */
const BODIES: Readonly<Record<string, unknown>> = {
  'PUT /api/v1/rules': { file: RULE_FILE },
  'POST /api/v1/rules/check': { file: RULE_FILE },
  'POST /api/v1/rules/backtest': { file: RULE_FILE, from: NOW_MS - 600_000, to: NOW_MS },
  'POST /api/v1/silences': SILENCE,
  'PUT /api/v1/silences/{id}': SILENCE,
  'POST /api/v1/maintenance': MAINTENANCE,
  'PUT /api/v1/maintenance/{id}': MAINTENANCE,
  'POST /api/v1/channels': CHANNEL,
  'PUT /api/v1/channels/{id}': CHANNEL,
  'POST /api/v1/routes': ROUTE,
  'PUT /api/v1/routes/{id}': ROUTE,
  'POST /api/v1/incidents/{id}/notes': { text: 'looked at it' },
};
const WITH_BODY = TABLE.filter(({ route }) => BODIES[route] !== undefined);
const WITH_ID = TABLE.filter(({ path }) => path.includes('{id}'));
const idIn = (path: string) => (path.includes('/incidents/') ? 'inc-1' : 'one');
const pathOf = ({ path }: Row, id = idIn(path)): string => path.replace('{id}', id).replace('{client}', 'web-1');

function request(lab: AlertLab, row: Row, init: SendOptions, body: unknown = BODIES[row.route]): Promise<Response> {
  return lab.send(row.method, pathOf(row), body === undefined ? init : { ...init, body: JSON.stringify(body) });
}

async function filled(): Promise<AlertLab> {
  const lab = alertLab();
  await fill(lab);
  return lab;
}

/** What a change would leave. */
function traces({ book, desk, trial }: AlertLab): unknown {
  return [book.changes.length, desk.actions.length, trial.trials.length, book.kept.size];
}

test('the table is what this page says of it', () => {
  const read = ['rules', 'rules/active', 'incidents', 'incidents/{id}', 'alerts', 'history', 'response-times'];
  const documents = ['silences', 'maintenance', 'channels', 'routes'];
  expect(Object.fromEntries(TABLE.map(({ route, access }) => [route, access]))).toEqual({
    ...Object.fromEntries(read.map((one) => [`GET /api/v1/${one}`, 'read'])),
    'POST /api/v1/rules/check': 'read',
    'POST /api/v1/rules/backtest': 'read',
    'PUT /api/v1/rules': 'admin',
    ...Object.fromEntries(
      documents.flatMap((one) => [
        [`GET /api/v1/${one}`, 'read'],
        [`GET /api/v1/${one}/{id}`, 'read'],
        [`POST /api/v1/${one}`, 'admin'],
        [`PUT /api/v1/${one}/{id}`, 'admin'],
        [`DELETE /api/v1/${one}/{id}`, 'admin'],
      ]),
    ),
    'POST /api/v1/channels/{id}/test': 'admin',
    'POST /api/v1/clients/{client}/retire': 'admin',
    'POST /api/v1/incidents/{id}/acknowledge': 'admin',
    'POST /api/v1/incidents/{id}/notes': 'admin',
    'POST /api/v1/incidents/{id}/resolve': 'admin',
    'GET /api/v1/audit': 'admin',
    'GET /prometheus/api/v1/rules': 'read',
    'GET /prometheus/api/v1/alerts': 'read',
  });
});

test('a server without alerts has none of these paths', async () => {
  const edge = createEdge();
  const key = await edge.key({ role: 'admin' });
  for (const row of TABLE) expect((await edge.send(row.method, pathOf(row), { key })).status).toBe(404);
});

const MAY = { ingest: ['ingest', 'admin'], read: ['read', 'admin'], admin: ['admin'], public: ROLES } as const;

describe.each(TABLE)('$route', (row) => {
  test.each(ROLES)('with a key of role %s', async (role) => {
    const lab = await filled();
    const before = traces(lab);
    const response = await request(lab, row, { key: await lab.key({ role }) });
    const allowed = MAY[row.access].some((one) => one === role);
    expect(response.status < 300).toBe(allowed);
    if (!allowed) {
      expect(response.status).toBe(403);
      expect(traces(lab)).toEqual(before);
    }
    await response.body?.cancel();
  });

  test.each(['no key', 'a wrong key'] as const)('with %s', async (which) => {
    const lab = await filled();
    const before = traces(lab);
    const response = await request(lab, row, which === 'no key' ? {} : { key: 'wrong' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).not.toBe(null);
    expect(traces(lab)).toEqual(before);
  });

  test('with a key of another tenant shows and changes nothing of the first', async () => {
    const lab = await filled();
    const [kept, actions] = [new Map(lab.book.kept), lab.desk.actions.length];
    const theirs = await request(lab, row, { key: await lab.key({ tenant: 'beta', role: 'admin' }) });
    if (row.path.includes('{id}') && row.method !== 'PUT') expect(theirs.status).toBe(404);
    const makes = row.method === 'PUT' || BODIES[row.route] !== undefined;
    const text = await theirs.text();
    if (!makes) expect(text).not.toContain('secret');
    for (const [key, entry] of kept) expect(lab.book.kept.get(key)).toBe(entry);
    expect(lab.desk.actions).toHaveLength(actions);
    for (const { change } of lab.book.changes.slice(kept.size)) expect(change.tenant).toBe('beta');
    expect(lab.trial.trials.every(({ tenant }) => tenant === 'beta')).toBe(true);
    const mine = await request(lab, row, { key: await lab.key({ role: 'admin' }) });
    const shows = row.method === 'GET' && row.path !== '/api/v1/audit';
    if (shows) expect(await mine.text()).toContain('secret');
  });

  test('answers a method that it does not take with 405 and those that it takes', async () => {
    const lab = alertLab();
    const response = await lab.send('PATCH', pathOf(row), { body: '{}' });
    expect(response.status).toBe(405);
    const allowed = TABLE.filter(({ path }) => path === row.path).map(({ method }) => method);
    expect(
      response.headers
        .get('allow')
        ?.split(', ')
        .filter((one) => one !== 'HEAD'),
    ).toEqual(allowed);
  });

  test('with a cookie changes nothing unless it comes from our own page, and never as a reader', async () => {
    const lab = await filled();
    const cookieOf = async (role: 'read' | 'admin') => {
      const signed = await lab.send('POST', '/api/v1/session', { key: await lab.key({ role }) });
      return signed.headers.get('set-cookie')?.split(';')[0] ?? '';
    };
    const [cookie, reader] = [await cookieOf('admin'), await cookieOf('read')];
    const before = traces(lab);
    const send = (headers: Record<string, string>) => request(lab, row, { headers });
    if (row.method !== 'GET') {
      expect((await send({ cookie })).status).toBe(403);
      expect((await send({ cookie, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
      expect((await send({ cookie, origin: 'https://evil.example' })).status).toBe(403);
    }
    if (row.access === 'admin') expect((await send({ cookie: reader, 'sec-fetch-site': 'same-origin' })).status).toBe(403);
    expect(traces(lab)).toEqual(before);
    expect((await send({ cookie, 'sec-fetch-site': 'same-origin' })).status).toBeLessThan(300);
  });

  test('is counted under its pattern, never under what a client wrote', async () => {
    const lab = await filled();
    await request(lab, row, { key: await lab.key({ role: 'admin' }) });
    const told = await (await lab.send('GET', '/metrics')).text();
    expect(told).toContain(`route="${row.path}"`);
    expect(told).not.toContain('/one');
    expect(told).not.toContain('inc-1');
  });
});

describe.each(WITH_ID)('$route', (row) => {
  test.each(['nowhere', '..', '%2e%2e', 'a%2Fb', 'a%20b', '%E0%A4%A', '%00', '__proto__', 'x'.repeat(300), 'ü'])(
    'has nothing at the id %s',
    async (id) => {
      const lab = await filled();
      const before = traces(lab);
      const body = BODIES[row.route];
      const key = await lab.key({ role: 'admin' });
      const response = await lab.send(row.method, pathOf(row, id), { key, ...(body ? { body: JSON.stringify(body) } : {}) });
      // PUT makes what is not there, where it can be called so.
      if (row.method === 'PUT' && id === 'nowhere') expect(response.status).toBe(201);
      // `..` is taken out of the path by whoever makes the request.
      else if (id === '..' || id === '%2e%2e') expect([200, 404, 405]).toContain(response.status);
      else expect(response.status).toBe(404);
      if (row.method !== 'PUT' || id !== 'nowhere') expect(traces(lab)).toEqual(before);
    },
  );
});

describe.each(WITH_BODY)('$route refuses', (row) => {
  const good = BODIES[row.route] as Record<string, unknown>;
  const refuse = async (init: SendOptions, status: number): Promise<string> => {
    const lab = await filled();
    const before = traces(lab);
    const response = await lab.send(row.method, pathOf(row), { key: await lab.key({ role: 'admin' }), ...init });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(traces(lab)).toEqual(before);
    return response.text();
  };

  test.each(['tenant', 'id', 'by', 'version', '__proto__', 'constructor'])(
    'a property %s, which is not for clients to say',
    async (name) => {
      const body = JSON.stringify(good).replace('{', `{"${name}":"x",`);
      expect(await refuse({ body }, 422)).toContain(name);
    },
  );

  test.each(Object.keys(good))('%s of another type', async (name) => {
    await refuse({ body: JSON.stringify({ ...good, [name]: { deep: { er: 1 } } }) }, 422);
    await refuse({ body: JSON.stringify({ ...good, [name]: '\ud800' }) }, 422);
  });

  test('what is no object', async () => {
    for (const body of ['null', '[]', '1', '"text"', '{}']) await refuse({ body }, 422);
  });

  test('what is no JSON', async () => {
    for (const body of ['', '{', 'groups: []']) await refuse({ body }, 400);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/json; charset=utf-16'])(
    'a body of type %s',
    async (type) => {
      await refuse({ body: JSON.stringify(good), headers: { 'content-type': type } }, 415);
    },
  );

  test('a body that is too large, with its length and in chunks', async () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...good, padding: 'x'.repeat(4 * ALERT_LIMITS.ruleFileBytesMax) }));
    const type = { 'content-type': 'application/json' };
    await refuse({ body: bytes, headers: { ...type, 'content-length': String(bytes.length) } }, 413);
    await refuse({ body: bytes, headers: type }, 413);
  });
});
