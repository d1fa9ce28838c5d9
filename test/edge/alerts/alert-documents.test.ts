/** Silences, maintenance, channels and routes: made, read, changed and removed, each under its ETag. */
import { describe, expect, test } from 'vitest';
import { NOW_MS } from '../harness.ts';
import { type AlertLab, alertLab, CHANNEL, DOCUMENTS, fill, ROUTE, SILENCE, TENANT } from './alert-lab.ts';

interface Document {
  readonly id: string;
  readonly version: number;
}

async function admin(
  lab: AlertLab,
): Promise<(method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Response>> {
  const key = await lab.key({ role: 'admin' });
  return (method, path, body, headers = {}) =>
    lab.send(method, path, { key, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

describe.each(DOCUMENTS)('$name', ({ name, kind, body }) => {
  const list = `/api/v1/${name}`;

  test('are made under an id of ours, listed, read, changed and removed', async () => {
    const lab = alertLab();
    const send = await admin(lab);
    const made = await send('POST', list, body);
    expect(made.status).toBe(201);
    const { id } = (await made.json()) as Document;
    expect(id).toMatch(/^[0-9a-z]{12}$/);
    expect(made.headers.get('location')).toBe(`${list}/${id}`);
    expect(made.headers.get('etag')).toBe('"1"');

    const listed = (await (await send('GET', list)).json()) as Record<string, Document[]>;
    expect(listed[name]?.map((one) => [one.id, one.version])).toEqual([[id, 1]]);
    const read = await send('GET', `${list}/${id}`);
    expect([read.status, read.headers.get('etag')]).toEqual([200, '"1"']);
    const { secrets: _, ...shown } = body as Record<string, unknown>;
    expect(await read.json()).toMatchObject({ ...shown, id, version: 1, changed_ms: NOW_MS });

    const changed = await send('PUT', `${list}/${id}`, body, { 'if-match': '"1"' });
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
    expect((await send('DELETE', `${list}/${id}`, undefined, { 'if-match': '"2"' })).status).toBe(204);
    expect((await send('GET', `${list}/${id}`)).status).toBe(404);
    expect((await send('DELETE', `${list}/${id}`)).status).toBe(404);
    expect(lab.book.changes.map(({ change }) => [change.tenant, change.kind])).toEqual(Array(3).fill([TENANT, kind]));
  });

  test('are not changed by who read an older version', async () => {
    const lab = alertLab();
    const send = await admin(lab);
    await send('PUT', `${list}/one`, body);
    await send('PUT', `${list}/one`, body);
    for (const method of ['PUT', 'DELETE']) {
      const sent = method === 'PUT' ? body : undefined;
      const stale = await send(method, `${list}/one`, sent, { 'if-match': '"1"' });
      expect([stale.status, stale.headers.get('etag')]).toEqual([412, '"2"']);
      expect(await stale.json()).toMatchObject({ code: 'stale', version: 2 });
      expect((await send(method, `${list}/one`, sent, { 'if-none-match': '*' })).status).toBe(412);
    }
    expect(lab.book.changes).toHaveLength(2);
    expect((await send('PUT', `${list}/one`, body, { 'if-match': '"1", "2"' })).status).toBe(200);
    expect((await send('PUT', `${list}/two`, body, { 'if-match': '*' })).status).toBe(412);
    expect((await send('PUT', `${list}/two`, body, { 'if-none-match': '*' })).status).toBe(201);
  });

  test('are not sent again to who has them', async () => {
    const lab = alertLab();
    await fill(lab);
    const send = await admin(lab);
    const known = await send('GET', `${list}/one`, undefined, { 'if-none-match': '"1"' });
    expect([known.status, known.headers.get('etag'), await known.text()]).toEqual([304, '"1"', '']);
    expect((await send('GET', `${list}/one`, undefined, { 'if-none-match': '"2"' })).status).toBe(200);
  });

  test('refuse a parameter that there is not', async () => {
    const lab = alertLab();
    await fill(lab);
    const send = await admin(lab);
    for (const path of [list, `${list}/one`]) expect((await send('GET', `${path}?tenant=beta`)).status).toBe(422);
  });

  test('say which field is wrong where the book refuses it', async () => {
    const problems = [{ line: 0, path: 'match.host', message: 'is too long' }];
    const lab = alertLab();
    Object.assign(lab.book, { put: async () => ({ kind: 'invalid', problems }) });
    const send = await admin(lab);
    for (const [method, path] of [
      ['POST', list],
      ['PUT', `${list}/one`],
    ] as const) {
      const refused = await send(method, path, body);
      expect(refused.status).toBe(422);
      expect(await refused.json()).toMatchObject({ code: 'invalid_body', detail: 'match.host: is too long', problems });
    }
  });
});

test('an id that is taken is not taken again, and one that is never free is no endless search', async () => {
  let low = Number.POSITIVE_INFINITY;
  const lab = alertLab({ random: () => (low-- > 0 ? 0.1 : 0.9) });
  const send = await admin(lab);
  low = 12 + 12;
  // Whoever brings a correlation id is given none, for which chance is asked, too.
  const make = () => send('POST', '/api/v1/silences', SILENCE, { 'x-correlation-id': 'mine' });
  const ids = [];
  for (let i = 0; i < 2; i++) ids.push(((await (await make()).json()) as Document).id);
  expect(ids).toEqual(['3'.repeat(12), 'w'.repeat(12)]);
  expect((await make()).status).toBe(503);
});

test('the book is handed the model’s names, the key’s id and nothing that a client says of itself', async () => {
  const lab = alertLab();
  const send = await admin(lab);
  await send('POST', '/api/v1/silences', SILENCE);
  await send('PUT', '/api/v1/routes/pager', ROUTE);
  await send('PUT', '/api/v1/routes/plain', { match: {}, channels: [] });
  const [silence, route, plain] = lab.book.changes;
  expect(silence?.body).toEqual({ match: SILENCE.match, comment: SILENCE.comment, startsMs: NOW_MS, endsMs: SILENCE.ends_ms });
  expect(silence?.change).toMatchObject({ tenant: TENANT, ifVersion: 0 });
  expect(silence?.change.actor).toMatch(/^acme\.[A-Za-z0-9_-]{22}$/);
  expect(route?.body).toEqual({
    match: ROUTE.match,
    channels: ROUTE.channels,
    groupBy: ROUTE.group_by,
    groupWaitMs: 5_000,
    groupIntervalMs: 60_000,
    repeatMs: 14_400_000,
    escalateAfterMs: 900_000,
    escalateTo: ['boss'],
  });
  expect(plain?.body).toEqual({ match: {}, channels: [], escalateTo: [] });
});

describe('a channel’s secrets', () => {
  test('are handed to the book and never come back, even where the book shows them', async () => {
    const lab = alertLab();
    const send = await admin(lab);
    const answers = [
      await send('PUT', '/api/v1/channels/pager', CHANNEL),
      await send('GET', '/api/v1/channels/pager'),
      await send('GET', '/api/v1/channels'),
      await send('GET', '/api/v1/audit'),
    ];
    for (const answer of answers) expect(await answer.text()).not.toContain('TOP');
    expect(lab.book.changes[0]?.body).toMatchObject({ secrets: { token: 'TOP' } });
    expect(JSON.stringify([...lab.book.kept.values()])).toContain('TOP');
  });

  test('are not handed over where none were sent: those that there are stay', async () => {
    const lab = alertLab();
    const send = await admin(lab);
    await send('PUT', '/api/v1/channels/pager', { type: 'slack' });
    expect(lab.book.changes[0]?.body).toEqual({ type: 'slack', settings: {}, canaryEveryMs: undefined, enabled: true });
  });
});

test('a channel is tested on request; one that there is not is 404', async () => {
  const lab = alertLab();
  await fill(lab);
  const send = await admin(lab);
  const tested = await send('POST', '/api/v1/channels/one/test');
  expect([tested.status, await tested.json()]).toEqual([200, { delivered: true, detail: '250 OK' }]);
  expect((await send('POST', '/api/v1/channels/two/test')).status).toBe(404);
});

describe('refused is', () => {
  const rows = [
    ['a silence of everything by an oversight', 'silences', { ...SILENCE, match: {} }],
    ['a silence that ends before it starts', 'silences', { ...SILENCE, starts_ms: SILENCE.ends_ms }],
    ['a matcher by a reserved name', 'silences', { ...SILENCE, match: { __name__: 'x' } }],
    ['a matcher with a line break', 'silences', { ...SILENCE, match: { host: 'a\nb' } }],
    ['a comment without end', 'silences', { ...SILENCE, comment: 'x'.repeat(1_001) }],
    ['a channel of no type that there is', 'channels', { ...CHANNEL, type: 'fax' }],
    ['a canary of no time at all', 'channels', { ...CHANNEL, canary_every_ms: 0 }],
    ['a route with a negative wait', 'routes', { ...ROUTE, group_wait_ms: -1 }],
    ['a route to what can be no channel', 'routes', { ...ROUTE, channels: ['a/b'] }],
    ['a time that is no whole number', 'silences', { ...SILENCE, ends_ms: NOW_MS + 0.5 }],
  ] as const;
  test.each(rows)('%s', async (_, name, body) => {
    const lab = alertLab();
    const send = await admin(lab);
    expect((await send('POST', `/api/v1/${name}`, body)).status).toBe(422);
    expect(lab.book.changes).toEqual([]);
  });
});

test('a book that does not answer is 503 in time, and nobody waits for ever', async () => {
  const lab = alertLab();
  let asked = false;
  const list = () => {
    asked = true;
    return new Promise(() => {});
  };
  Object.assign(lab.book, { list });
  const send = await admin(lab);
  const waiting = send('GET', '/api/v1/silences');
  while (!asked) await new Promise((resolve) => setTimeout(resolve, 1));
  lab.clock.advance(60_000);
  expect((await waiting).status).toBe(503);
});
