/** The alert book: what may stand in it, who changed it, and that secrets never come out. */
import { describe, expect, test } from 'vitest';
import { memoryDocumentStore } from '../../../src/adapters/memory/document-store.ts';
import { alertBook, ruleFileOf } from '../../../src/alerts/book.ts';
import { channelOpener } from '../../../src/alerts/book-channel.ts';
import { readTenantBook } from '../../../src/alerts/incident-turn.ts';
import { secretBox } from '../../../src/alerts/secret-box.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import type { BookKind } from '../../../src/model/incident.ts';
import type { BookProblem, ChangeOutcome } from '../../../src/ports/alert-book.ts';
import { START_MS } from './lab.ts';

const SECRET = 'a secret of the server that is long enough for tests';
const SILENCE = { match: { host: 'web-*' }, comment: 'racks', startsMs: START_MS, endsMs: START_MS + 60_000 };
const MAINTENANCE = { match: { host: '*' }, comment: '', cron: '0 2 * * *', timeZone: 'Europe/Berlin', durationMs: 3_600_000 };
const CHANNEL = { type: 'webhook', settings: { url: 'https://hooks.test/a' }, secrets: { token: 'swordfish' } };
const ROUTE = { match: { severity: 'critical' }, channels: ['hook'] };

function lab(secret = SECRET, store = memoryDocumentStore()) {
  const told: string[] = [];
  const clock = { nowMs: START_MS };
  const box = secretBox({ secret });
  const book = alertBook({
    store,
    nowMs: () => clock.nowMs++,
    box,
    checkRules: (text) => (text.includes('bad') ? [{ line: 3, path: 'groups.0', message: 'is bad' }] : []),
    checkChannel: ({ settings, secrets }) => (settings.url === 'bad' ? [`no target; it has ${Object.keys(secrets).length}`] : []),
    rulesChanged: (tenant) => told.push(`rules ${tenant}`),
    changed: (tenant) => told.push(`book ${tenant}`),
  });
  const change = (kind: BookKind, id: string, ifVersion?: number) => ({ tenant: 'acme', kind, id, actor: 'acme.ann', ifVersion });
  const put = (kind: BookKind, id: string, body: unknown, ifVersion?: number) => book.put(change(kind, id, ifVersion), body);
  const remove = (kind: BookKind, id: string, ifVersion?: number) => book.remove(change(kind, id, ifVersion));
  const opened = channelOpener({ store, box });
  return { store, told, clock, book, put, remove, opened };
}

function problemsOf(outcome: ChangeOutcome): readonly BookProblem[] {
  return outcome.kind === 'invalid' ? outcome.problems : expect.fail(`it was ${outcome.kind}`);
}

describe('documents', () => {
  test('are kept with what is usual filled in, by whom, and are what incidents read', async () => {
    const { book, put, store, told } = lab();
    await put('silence', 'racks', SILENCE);
    await put('maintenance', 'nightly', MAINTENANCE);
    await put('channel', 'hook', CHANNEL);
    await put('route', 'all', ROUTE);
    expect((await book.list('acme', 'silence'))[0]?.body).toEqual({ ...SILENCE, by: 'acme.ann' });
    expect((await book.list('acme', 'maintenance'))[0]?.body).toEqual({ ...MAINTENANCE, by: 'acme.ann' });
    expect((await book.list('acme', 'route'))[0]).toMatchObject({
      id: 'all',
      version: 1,
      body: {
        ...ROUTE,
        groupBy: ['rule', 'datacenter'],
        groupWaitMs: ALERT_LIMITS.criticalWaitMs,
        repeatMs: ALERT_LIMITS.repeatMs,
      },
    });
    const read = readTenantBook(store, 'acme');
    expect(read.channels[0]).toMatchObject({ id: 'hook', type: 'webhook', enabled: true });
    expect(read.routes[0]).toMatchObject({ id: 'all', channels: ['hook'], escalateTo: [] });
    expect(read.silences[0]).toMatchObject({ id: 'racks', by: 'acme.ann' });
    expect(read.maintenances[0]?.id).toBe('nightly');
    expect(told).toEqual(Array(4).fill('book acme'));
    expect(await book.list('other', 'silence')).toEqual([]);
  });

  test.each<[string, BookKind, string, unknown, string]>([
    ['no object', 'silence', 'a', 'x', ''],
    ['an unknown field', 'silence', 'a', { ...SILENCE, until: 1 }, ''],
    ['no matcher', 'silence', 'a', { ...SILENCE, match: {} }, 'match'],
    ['a reserved name', 'silence', 'a', { ...SILENCE, match: { __x: 'y' } }, 'match.__x'],
    ['a line break in a matcher', 'silence', 'a', { ...SILENCE, match: { host: 'a\r\nb' } }, 'match.host'],
    ['an end before its start', 'silence', 'a', { ...SILENCE, endsMs: START_MS }, 'endsMs'],
    ['an end in years', 'silence', 'a', { ...SILENCE, endsMs: START_MS + 400 * 86_400_000 }, 'endsMs'],
    ['half an end', 'silence', 'a', { ...SILENCE, endsMs: START_MS + 0.5 }, 'endsMs'],
    ['a comment of a megabyte', 'silence', 'a', { ...SILENCE, comment: 'x'.repeat(1_000_000) }, 'comment'],
    ['a lone surrogate', 'silence', 'a', { ...SILENCE, comment: '\ud800' }, 'comment'],
    ['a bad id', 'silence', 'a/b', SILENCE, 'id'],
    ['an id that breaks a header', 'channel', 'a\nb', CHANNEL, 'id'],
    ['six cron fields', 'maintenance', 'a', { ...MAINTENANCE, cron: '0 0 2 * * *' }, 'cron'],
    ['a cron nickname', 'maintenance', 'a', { ...MAINTENANCE, cron: '@daily' }, 'cron'],
    ['a time that never comes', 'maintenance', 'a', { ...MAINTENANCE, cron: '0 0 30 2 *' }, 'cron'],
    ['a minute that is none', 'maintenance', 'a', { ...MAINTENANCE, cron: '61 * * * *' }, 'cron'],
    ['a zone that is none', 'maintenance', 'a', { ...MAINTENANCE, timeZone: 'Mars/Olympus' }, 'cron'],
    ['a year of maintenance', 'maintenance', 'a', { ...MAINTENANCE, durationMs: 365 * 86_400_000 }, 'durationMs'],
    ['an unknown type', 'channel', 'a', { ...CHANNEL, type: 'pigeon' }, 'type'],
    [
      'a line break in a setting',
      'channel',
      'a',
      { ...CHANNEL, settings: { from: 'a@b.test\r\nBcc: c@d.test' } },
      'settings.from',
    ],
    ['a line break in a secret', 'channel', 'a', { ...CHANNEL, secrets: { token: 'a\nb' } }, 'secrets.token'],
    ['a hasty canary', 'channel', 'a', { ...CHANNEL, canaryEveryMs: 10 }, 'canaryEveryMs'],
    ['what the channel itself finds wrong', 'channel', 'a', { ...CHANNEL, settings: { url: 'bad' } }, ''],
    ['a reserved id', 'route', 'default-critical', ROUTE, 'id'],
    ['no channel', 'route', 'a', { ...ROUTE, channels: [] }, 'channels'],
    ['a channel that is not there', 'route', 'a', { ...ROUTE, channels: ['nobody'] }, 'channels'],
    ['an escalation to nobody', 'route', 'a', { ...ROUTE, escalateAfterMs: 600_000 }, 'escalateTo'],
    ['a page each second', 'route', 'a', { ...ROUTE, repeatMs: 1_000 }, 'repeatMs'],
    ['a bad rule', 'rules', 'file', 'bad', 'groups.0'],
    ['no text', 'rules', 'file', { text: 'x' }, ''],
    ['another file', 'rules', 'other', 'groups: []', 'id'],
  ])('with %s are refused, with the place', async (_, kind, id, body, path) => {
    const { put, book, told } = lab();
    await put('channel', 'hook', CHANNEL);
    const outcome = await put(kind, id, body);
    expect(problemsOf(outcome)[0]?.path).toBe(path);
    expect(await book.list('acme', kind)).toHaveLength(kind === 'channel' ? 1 : 0);
    expect(told).toHaveLength(1);
  });

  test('have a version: a change of what is not any more is refused, and says what is', async () => {
    const { put, remove } = lab();
    expect(await put('silence', 'a', SILENCE, 1)).toEqual({ kind: 'stale', version: 0 });
    expect(await put('silence', 'a', SILENCE, 0)).toMatchObject({ kind: 'done', entry: { version: 1 } });
    expect(await put('silence', 'a', SILENCE, 0)).toEqual({ kind: 'stale', version: 1 });
    expect(await put('silence', 'a', { ...SILENCE, comment: 'b' }, 1)).toMatchObject({ kind: 'done', entry: { version: 2 } });
    expect(await remove('silence', 'a', 1)).toEqual({ kind: 'stale', version: 2 });
    expect(await remove('silence', 'a', 2)).toEqual({ kind: 'done', entry: undefined });
    expect(await remove('silence', 'a')).toEqual({ kind: 'absent' });
  });

  test('of a kind are so many at most; those that are there can be changed', async () => {
    const { put, remove } = lab();
    for (let i = 0; i < ALERT_LIMITS.maintenancesMax; i++) await put('maintenance', `m${i}`, MAINTENANCE);
    expect(await put('maintenance', 'more', MAINTENANCE)).toMatchObject({ kind: 'invalid' });
    expect(await put('maintenance', 'm7', MAINTENANCE)).toMatchObject({ kind: 'done' });
    await remove('maintenance', 'm7');
    expect(await put('maintenance', 'more', MAINTENANCE)).toMatchObject({ kind: 'done' });
  });

  test('that a route names stay', async () => {
    const { put, remove } = lab();
    await put('channel', 'hook', CHANNEL);
    await put('route', 'all', ROUTE);
    expect(problemsOf(await remove('channel', 'hook'))[0]?.message).toContain('all');
    await remove('route', 'all');
    expect(await remove('channel', 'hook')).toMatchObject({ kind: 'done' });
  });

  test('are audited: who did what, the newest first, of the own tenant only; and nothing secret is in it', async () => {
    const { put, remove, book, clock, store } = lab();
    await put('channel', 'hook', CHANNEL);
    await put('channel', 'hook', { ...CHANNEL, enabled: false });
    await put('silence', 'bad', {});
    clock.nowMs += 1_000;
    await remove('channel', 'hook');
    const audit = await book.audit('acme', 0, 10);
    expect(audit.map(({ actor, action, kind, id }) => [actor, action, kind, id].join(' '))).toEqual([
      'acme.ann remove channel hook',
      'acme.ann change channel hook',
      'acme.ann create channel hook',
    ]);
    expect(await book.audit('acme', START_MS + 1_000, 10)).toHaveLength(1);
    expect(await book.audit('acme', 0, 1)).toHaveLength(1);
    expect(await book.audit('other', 0, 10)).toEqual([]);
    expect(JSON.stringify(store.list({ tenant: 'acme', kind: 'audit', max: 10 }))).not.toContain('swordfish');
  });

  test('that change within one ms are audited each', async () => {
    const { book, clock, put } = lab();
    for (const id of ['a', 'b', 'c']) {
      clock.nowMs = START_MS;
      await put('silence', id, SILENCE);
    }
    expect((await book.audit('acme', 0, 10)).map(({ id }) => id)).toHaveLength(3);
  });
});

describe('secrets of a channel', () => {
  test('are opened for a page, and for nothing else: neither lists nor the store show them', async () => {
    const { put, book, opened, store } = lab();
    const outcome = await put('channel', 'hook', CHANNEL);
    const shown = await book.list('acme', 'channel');
    expect(shown[0]?.body).toMatchObject({ type: 'webhook', settings: CHANNEL.settings, secretsSet: ['token'] });
    const all = ['channel', 'audit'].flatMap((kind) => store.list({ tenant: undefined, kind, max: 100 }));
    expect(JSON.stringify([outcome, shown, all])).not.toContain('swordfish');
    expect(JSON.stringify([outcome, shown])).not.toContain('"secrets"');
    expect(await opened('acme', 'hook')).toMatchObject({ id: 'hook', secrets: { token: 'swordfish' } });
    expect(await opened('acme', 'other')).toBeUndefined();
    expect(await opened('other', 'hook')).toBeUndefined();
  });

  test('stay where none are handed in, one by one; an empty one goes', async () => {
    const { put, opened } = lab();
    await put('channel', 'hook', { ...CHANNEL, secrets: { token: 'swordfish', key: 'two' } });
    await put('channel', 'hook', { ...CHANNEL, secrets: undefined, enabled: false });
    expect(await opened('acme', 'hook')).toMatchObject({ enabled: false, secrets: { token: 'swordfish', key: 'two' } });
    await put('channel', 'hook', { ...CHANNEL, secrets: { token: 'new', key: '' } });
    expect((await opened('acme', 'hook'))?.secrets).toEqual({ token: 'new' });
  });

  test('are not told another target: it needs its own', async () => {
    const { put, opened } = lab();
    await put('channel', 'hook', CHANNEL);
    const elsewhere = { ...CHANNEL, settings: { url: 'https://evil.test/' } };
    expect(problemsOf(await put('channel', 'hook', { ...elsewhere, secrets: undefined }))[0]?.path).toBe('secrets.token');
    expect((await opened('acme', 'hook'))?.settings.url).toBe(CHANNEL.settings.url);
    expect(await put('channel', 'hook', elsewhere)).toMatchObject({ kind: 'done' });
  });

  test('are not told a new secret target, nor that which is left when a secret one goes', async () => {
    const { put, opened } = lab();
    const secrets = { token: 'swordfish', url: 'https://hooks.test/secret' };
    await put('channel', 'hook', { ...CHANNEL, secrets });
    for (const url of ['https://evil.test/', '']) {
      expect(problemsOf(await put('channel', 'hook', { ...CHANNEL, secrets: { url } }))[0]?.path).toBe('secrets.token');
      expect((await opened('acme', 'hook'))?.secrets).toEqual(secrets);
    }
    expect(await put('channel', 'hook', { ...CHANNEL, secrets: { url: 'https://new.test/', token: 'x' } })).toMatchObject({
      kind: 'done',
    });
  });

  test('that another server secret sealed keep the channel from being used, not from being handed in anew', async () => {
    const { store, put } = lab();
    await put('channel', 'hook', CHANNEL);
    const other = lab('another secret of the server, as long as that one', store);
    await expect(other.opened('acme', 'hook')).rejects.toMatchObject({ code: 'misconfigured' });
    expect(await other.put('channel', 'hook', CHANNEL)).toMatchObject({ kind: 'done' });
    expect(await other.opened('acme', 'hook')).toMatchObject({ secrets: CHANNEL.secrets });
  });

  test('are those of one of two changes at once, never of both', async () => {
    const { put, opened, store } = lab();
    await put('channel', 'hook', CHANNEL);
    const change = (token: string) => put('channel', 'hook', { ...CHANNEL, secrets: { token } }, 1);
    const outcomes = await Promise.all([change('a'), change('b')]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['done', 'stale']);
    expect(store.get({ tenant: 'acme', kind: 'channel', id: 'hook' })?.version).toBe(2);
    expect(['a', 'b']).toContain((await opened('acme', 'hook'))?.secrets.token);
  });
});

describe('rules', () => {
  test('are one text, whose version rises even when it is removed and written anew', async () => {
    const { put, remove, book, store, told } = lab();
    expect(ruleFileOf(store, 'acme')).toEqual({ version: 0, text: undefined });
    expect(await put('rules', 'file', 'groups: []', 0)).toMatchObject({
      kind: 'done',
      entry: { version: 1, body: 'groups: []' },
    });
    expect((await book.list('acme', 'rules'))[0]?.body).toBe('groups: []');
    expect(await remove('rules', 'file', 1)).toMatchObject({ kind: 'done' });
    expect(await book.list('acme', 'rules')).toEqual([]);
    expect(ruleFileOf(store, 'acme')).toEqual({ version: 2, text: undefined });
    expect(await remove('rules', 'file')).toEqual({ kind: 'absent' });
    expect(await put('rules', 'file', 'groups: [] # 2', 0)).toMatchObject({ kind: 'done', entry: { version: 3 } });
    expect(told).toEqual(Array(3).fill('rules acme'));
  });

  test('with problems are refused with their lines', async () => {
    const { put } = lab();
    expect(problemsOf(await put('rules', 'file', 'bad'))).toEqual([{ line: 3, path: 'groups.0', message: 'is bad' }]);
  });
});
