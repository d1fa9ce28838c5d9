/** The table of enrichments over HTTP: what may stand in it, who changed it last, and that no tenant meets another. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/model/limits.ts';
import { createEdge, type Edge, NOW_MS, type SendOptions } from './harness.ts';

const TABLE = '/api/v1/enrichment';
const ROW = { datacenter: 'fra', environment: 'production', tags: { rack: 'r7', team: 'web' } };

interface Admin {
  readonly edge: Edge;
  get(path?: string): Promise<{ status: number; etag: string | null; body: unknown }>;
  put(body: unknown, path?: string, headers?: SendOptions['headers']): Promise<Response>;
  remove(path?: string, headers?: SendOptions['headers']): Promise<Response>;
}

async function adminOf(tenant = 'acme', edge = createEdge()): Promise<Admin> {
  const key = await edge.key({ tenant, role: 'admin' });
  return {
    edge,
    async get(path = TABLE) {
      const response = await edge.send('GET', path, { key });
      return { status: response.status, etag: response.headers.get('etag'), body: await response.json() };
    },
    put: (body, path = TABLE, headers = {}) =>
      edge.send('PUT', path, { key, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }),
    remove: (path = TABLE, headers = {}) => edge.send('DELETE', path, { key, headers }),
  };
}

describe('the whole table', () => {
  test('is empty at first, is what was put, and can be emptied; the ETag of a change is that of what is read', async () => {
    const { get, put, remove } = await adminOf();
    const empty = await get();
    expect(empty).toMatchObject({ status: 200, body: { clients: {} }, etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) });
    const changed = await put({ clients: { 'web-2': {}, 'web-1': ROW } });
    expect([changed.status, await changed.text()]).toEqual([204, '']);
    expect(await get()).toEqual({
      status: 200,
      etag: changed.headers.get('etag'),
      body: { clients: { 'web-1': ROW, 'web-2': {} } },
    });
    const removed = await remove();
    expect([removed.status, removed.headers.get('etag')]).toEqual([204, null]);
    expect(await get()).toEqual(empty);
  });

  test('has the same ETag for the same content, in whatever order it was written', async () => {
    const { get, put } = await adminOf();
    await put('{"clients":{"b":{"tags":{"x":"1","a":"2"},"datacenter":"fra"},"a":{}}}');
    const { etag } = await get();
    const again = await put('{"clients":{"a":{},"b":{"datacenter":"fra","tags":{"a":"2","x":"1"}}}}');
    expect(again.headers.get('etag')).toBe(etag);
  });

  test('is put by whoever saw the newest, and nobody else', async () => {
    const { get, put, remove } = await adminOf();
    const { etag: empty } = await get();
    const first = await put({ clients: { a: {} } }, TABLE, { 'if-match': empty ?? '' });
    expect(first.status).toBe(204);
    for (const stale of [empty ?? '', '"x"', 'W/"x"', '', `W/${first.headers.get('etag')}`]) {
      const late = await put({ clients: { b: {} } }, TABLE, { 'if-match': stale });
      expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([412, 'stale']);
      expect((await remove(TABLE, { 'if-match': stale })).status).toBe(412);
    }
    expect((await get()).body).toEqual({ clients: { a: {} } });
    expect((await put({ clients: { b: {} } }, TABLE, { 'if-match': `"x", ${first.headers.get('etag')}` })).status).toBe(204);
    expect((await put({ clients: { c: {} } }, TABLE, { 'if-match': '*' })).status).toBe(204);
  });
});

describe('one client', () => {
  const path = `${TABLE}/web-1`;

  test('is read, put and removed without touching the others', async () => {
    const { get, put, remove } = await adminOf();
    await put({ clients: { 'web-2': ROW } });
    expect(await get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await remove(path)).status).toBe(404);
    const changed = await put({ tags: { rack: 'r8' } }, path);
    expect(changed.status).toBe(204);
    expect(await get(path)).toEqual({ status: 200, etag: changed.headers.get('etag'), body: { tags: { rack: 'r8' } } });
    expect((await get()).body).toEqual({ clients: { 'web-1': { tags: { rack: 'r8' } }, 'web-2': ROW } });
    expect((await remove(path)).status).toBe(204);
    expect((await get()).body).toEqual({ clients: { 'web-2': ROW } });
  });

  test('has an ETag of its own: what becomes of others makes it no older', async () => {
    const { get, put, remove } = await adminOf();
    expect((await put(ROW, path, { 'if-match': '*' })).status).toBe(412);
    const first = (await put(ROW, path)).headers.get('etag') ?? '';
    await put({}, `${TABLE}/web-2`);
    const second = await put({}, path, { 'if-match': first });
    expect(second.status).toBe(204);
    expect((await put(ROW, path, { 'if-match': first })).status).toBe(412);
    expect((await remove(path, { 'if-match': first })).status).toBe(412);
    expect((await remove(path, { 'if-match': second.headers.get('etag') ?? '' })).status).toBe(204);
    expect((await get(path)).status).toBe(404);
  });

  test('may have any name that a client may have', async () => {
    const { get, put } = await adminOf();
    for (const client of ['a:b', 'x'.repeat(128), 'constructor', '10', '...']) {
      expect((await put(ROW, `${TABLE}/${encodeURIComponent(client)}`)).status).toBe(204);
      expect((await get(`${TABLE}/${client}`)).body).toEqual(ROW);
    }
  });

  test.each(['a%20b', 'x'.repeat(129), '%ff', '%00', '__proto__', 'a%2Fb'])('is refused as %s', async (client) => {
    const { get, put, remove } = await adminOf();
    const put422 = await put(ROW, `${TABLE}/${client}`);
    expect([put422.status, ((await put422.json()) as { code: string }).code]).toEqual([422, 'invalid_client']);
    expect((await get(`${TABLE}/${client}`)).status).toBe(422);
    expect((await remove(`${TABLE}/${client}`)).status).toBe(422);
  });
});

const LONG = 'x'.repeat(LIMITS.labelValueLengthMax + 1);
const MANY = Object.fromEntries(Array.from({ length: LIMITS.tagsMax + 1 }, (_, i) => [`tag_${i}`, 'x']));
/** Few enough, and too many bytes. */
const WIDE = Object.fromEntries(Array.from({ length: LIMITS.tagsMax }, (_, i) => [`tag_${i}`, 'é'.repeat(128)]));

const BAD_ROWS: readonly (readonly [title: string, row: string])[] = [
  ['no object', '[]'],
  ['null', 'null'],
  ['an unknown field', '{"labels":{"rack":"r7"}}'],
  ['a datacenter with a blank', '{"datacenter":"fra 1"}'],
  ['a datacenter that is null', '{"datacenter":null}'],
  ['a datacenter that is too long', `{"datacenter":"${'x'.repeat(LIMITS.datacenterLengthMax + 1)}"}`],
  ['an empty environment', '{"environment":""}'],
  ['tags that are a list', '{"tags":["rack"]}'],
  ['a tag that is a number', '{"tags":{"rack":7}}'],
  ['an empty tag', '{"tags":{"rack":""}}'],
  ['a tag without a name', '{"tags":{"":"r7"}}'],
  ['a tag that no label may be called', '{"tags":{"my rack":"r7"}}'],
  ['a tag whose name is too long', `{"tags":{"${'x'.repeat(LIMITS.labelKeyLengthMax + 1)}":"r7"}}`],
  ['a tag that is too long', `{"tags":{"rack":"${LONG}"}}`],
  ['a tag with a control character', '{"tags":{"rack":"r\\u0000"}}'],
  ['half a character', '{"tags":{"rack":"\\ud800"}}'],
  ['the reserved tag host', '{"tags":{"host":"x"}}'],
  ['the reserved tag tenant', '{"tags":{"tenant":"x"}}'],
  ['the reserved tag client_id', '{"tags":{"client_id":"x"}}'],
  ['the reserved tag metric_name', '{"tags":{"metric_name":"x"}}'],
  ['the reserved tag __name__', '{"tags":{"__name__":"x"}}'],
  ['the tag __proto__', '{"tags":{"__proto__":"x"}}'],
  ['datacenter as a tag', '{"tags":{"datacenter":"x"}}'],
  ['environment as a tag', '{"tags":{"environment":"x"}}'],
  ['too many tags', JSON.stringify({ tags: MANY })],
  ['too many bytes of tags', JSON.stringify({ tags: WIDE })],
];

describe('what is refused as 422, and changes nothing', () => {
  test.each(BAD_ROWS)('%s', async (_, row) => {
    const { get, put } = await adminOf();
    await put({ clients: { 'web-1': ROW } });
    const before = await get();
    for (const response of [await put(row, `${TABLE}/web-1`), await put(`{"clients":{"ok":{},"web-1":${row}}}`)]) {
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([422, 'invalid_body']);
    }
    expect(await get()).toEqual(before);
  });

  test.each([
    ['no object', '[]'],
    ['no clients', '{}'],
    ['a member that nobody knows', '{"clients":{},"version":1}'],
    ['clients in a list', '{"clients":[]}'],
    ['a client that none may be called', '{"clients":{"web 1":{}}}'],
    ['the client __proto__', '{"clients":{"__proto__":{}}}'],
  ])('a table that is %s', async (_, table) => {
    const { get, put } = await adminOf();
    const response = await put(table);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([422, 'invalid_body']);
    expect((await get()).body).toEqual({ clients: {} });
  });

  test('a key with tags that a table may not have', async () => {
    const edge = createEdge();
    const key = await edge.key({ role: 'admin' });
    for (const [, row] of BAD_ROWS.filter(([title]) => title.includes('tag'))) {
      const { tags } = JSON.parse(row) as { tags?: unknown };
      if (tags === undefined || row.includes('__proto__')) continue;
      const response = await edge.send('POST', '/api/v1/keys', { key, body: JSON.stringify({ role: 'ingest', tags }) });
      expect(response.status).toBe(422);
    }
  });
});

test('a table, and a client, has no more than its bounds', async () => {
  const { get, put } = await adminOf();
  const rows = (count: number, row: object) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, row]));
  expect((await put({ clients: rows(LIMITS.enrichmentRowsMax + 1, {}) })).status).toBe(422);
  const large = await put({ clients: rows(10_000, { environment: 'e'.repeat(64), tags: { rack: 'r7' } }) });
  expect([large.status, ((await large.json()) as { code: string }).code]).toEqual([413, 'body_too_large']);
  expect((await put({ clients: rows(LIMITS.enrichmentRowsMax, {}) })).status).toBe(204);
  const more = await put({}, `${TABLE}/one-more`);
  expect([more.status, ((await more.json()) as { code: string }).code]).toEqual([413, 'body_too_large']);
  expect((await put(ROW, `${TABLE}/c7`)).status).toBe(204);
  expect((await get(`${TABLE}/c7`)).body).toEqual(ROW);
});

test('a tenant reads, changes and empties its own table alone', async () => {
  const acme = await adminOf('acme');
  const beta = await adminOf('beta', acme.edge);
  await acme.put({ clients: { 'web-1': ROW } });
  expect((await beta.get()).body).toEqual({ clients: {} });
  expect((await beta.get(`${TABLE}/web-1`)).status).toBe(404);
  await beta.put({ datacenter: 'ams' }, `${TABLE}/web-1`);
  expect((await beta.remove()).status).toBe(204);
  expect((await acme.get()).body).toEqual({ clients: { 'web-1': ROW } });
});

test('changes of several clients at once are all made, none on top of another', async () => {
  const { edge, get, put } = await adminOf();
  const { enrichments } = edge.deps;
  // Every change finds that another was quicker, as at two edges.
  let overtaken = 0;
  const replace = enrichments.replace.bind(enrichments);
  Object.assign(enrichments, {
    replace: async (table: Parameters<typeof replace>[0]) => {
      if (overtaken++ === 0) await replace({ ...(await enrichments.read('acme')), text: '{"quick":{}}' });
      return replace(table);
    },
  });
  expect((await put(ROW, `${TABLE}/web-1`)).status).toBe(204);
  expect((await get()).body).toEqual({ clients: { quick: {}, 'web-1': ROW } });
});

test('where others change it all the time a change is given up, and can be made again', async () => {
  const { edge, put } = await adminOf();
  Object.assign(edge.deps.enrichments, { replace: async () => undefined });
  const response = await put(ROW, `${TABLE}/web-1`);
  expect([response.status, response.headers.has('retry-after')]).toEqual([503, true]);
});

test('a key keeps its tags, its session does without them', async () => {
  const edge = createEdge();
  const admin = await edge.key({ role: 'admin', tags: [['rack', 'r7']] });
  const made = await edge.send('POST', '/api/v1/keys', {
    key: admin,
    body: JSON.stringify({ role: 'ingest', tags: { team: 'web', rack: 'r8' } }),
  });
  const { key } = (await made.json()) as { key: string };
  await edge.push({ client_id: 'web-1', metrics: [{ name: 'load1', value: 1, timestamp: NOW_MS }] }, { key });
  expect(edge.appender.kept[0]?.push.shape.series[0]?.labels).toEqual([
    ['rack', 'r8'],
    ['team', 'web'],
  ]);
  const cookie = (await edge.send('POST', '/api/v1/session', { key: admin })).headers.get('set-cookie') ?? '';
  const payload = JSON.parse(atob(cookie.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? ''));
  expect(payload).toMatchObject({ tenant: 'acme', role: 'admin' });
  expect(payload.tags).toBeUndefined();
});
