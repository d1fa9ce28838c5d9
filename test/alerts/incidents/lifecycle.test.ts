/** What becomes of an alert until someone is told, and until it is over. */
import { describe, expect, test } from 'vitest';
import { ends, fires, HOOK, lab, MAIL, MINUTE_MS, move, PAGER, ROUTE, SLACK, START_MS } from './lab.ts';

const HOUR_MS = 60 * MINUTE_MS;

describe('a page', () => {
  test('of a critical alert goes out within seconds, to PagerDuty, and its end is told there', () => {
    const it = lab(PAGER, MAIL, SLACK, HOOK);
    it.take(fires(START_MS));
    expect(it.told()).toEqual([]);
    expect(it.one()).toMatchObject({ state: 'open', delivery: 'waiting', title: 'CpuHigh on web-1' });
    it.pass(10_000);
    expect(it.told()).toEqual(['trigger pager']);
    expect(it.one()).toMatchObject({
      state: 'open',
      delivery: 'sending',
      notifiedMs: START_MS + 5_000,
      onsetMs: START_MS - 300_000,
    });
    it.take(ends(START_MS + MINUTE_MS));
    expect(it.told()).toEqual(['trigger pager', 'resolve pager']);
    expect(it.one()).toMatchObject({ state: 'resolved', resolvedMs: START_MS + 10_000 });
    const [trigger, resolve] = it.pages();
    expect(resolve?.dedupKey).toBe(trigger?.dedupKey);
    expect(trigger?.link).toBe(`https://metrics.test/acme/${it.one().id}`);
    expect(it.history(it.one().id)).toEqual(['transition', 'opened', 'notified', 'resolved', 'transition']);
    expect(it.added.map(({ id }) => id)).toEqual(it.pages().map(({ id }) => id));
  });

  test.each([
    ['critical', 'pager'],
    ['high', 'mail'],
    ['informational', 'slack'],
    ['database team', 'hook'],
  ])('of severity %s goes to %s, where no route says otherwise', (severity, channel) => {
    const it = lab(PAGER, MAIL, SLACK, HOOK);
    it.take(fires(START_MS, { severity }));
    it.pass(MINUTE_MS);
    expect(it.told()).toEqual([`trigger ${channel}`]);
  });

  test('goes where the first route says that matches, by the order of their ids', () => {
    const it = lab(PAGER, MAIL, SLACK, HOOK);
    it.set('route', { ...ROUTE, id: '20-all', channels: ['slack'] });
    it.set('route', { ...ROUTE, id: '10-web', match: { host: 'web-*', rule: '!Disk*' }, channels: ['mail', 'hook'] });
    it.take(fires(START_MS), fires(START_MS, { client: 'db-1' }));
    it.pass(MINUTE_MS);
    expect(it.told().sort()).toEqual(['trigger hook', 'trigger mail', 'trigger slack']);
  });

  test('that nobody acknowledges is told again, and no more once someone has', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS));
    it.pass(9 * HOUR_MS);
    expect(it.told()).toEqual(['trigger pager', 'update pager', 'update pager']);
    it.keeper.act('acme', it.one().id, { kind: 'acknowledge' }, 'acme.ann', it.nowMs);
    it.pass(24 * HOUR_MS);
    expect(it.told().slice(3)).toEqual(['acknowledge pager']);
    expect(it.one()).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'acme.ann' });
  });

  test('is not sent for what is over before it was due', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS), ends(START_MS + MINUTE_MS));
    it.pass(HOUR_MS);
    expect(it.told()).toEqual([]);
    expect(it.one()).toMatchObject({ state: 'resolved', delivery: 'not_needed' });
  });

  test('without a channel waits for one: the incident is undelivered until it is there', () => {
    const it = lab(MAIL);
    it.take(fires(START_MS));
    it.pass(HOUR_MS);
    expect(it.one().delivery).toBe('undelivered');
    expect(it.history(it.one().id)).toEqual(['transition', 'opened', 'undelivered']);
    it.set('channel', { ...PAGER, enabled: false });
    it.pass(MINUTE_MS);
    expect(it.told()).toEqual([]);
    it.set('channel', PAGER);
    it.pass(0);
    expect(it.told()).toEqual(['trigger pager']);
    expect(it.one().delivery).toBe('sending');
  });

  test('without a channel goes by a route that is made while it waits', () => {
    const it = lab(MAIL);
    it.take(fires(START_MS));
    it.pass(HOUR_MS);
    it.set('route', ROUTE);
    it.pass(0);
    expect(it.told()).toEqual(['trigger mail']);
    expect(it.one().route).toBe('one');
  });

  test('that was lost with its channels is sent when they are back', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    it.unset('channel', 'pager');
    it.pass(5 * HOUR_MS);
    expect(it.one().delivery).toBe('undelivered');
    it.set('channel', PAGER);
    it.pass(0);
    expect(it.told()).toEqual(['trigger pager', 'update pager']);
  });
});

describe('missing data', () => {
  test('never resolves: the incident stays open, is shown as unknown, and pages go on', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    it.take({ ...move('firing', 'unknown', START_MS + MINUTE_MS), reason: 'no_data' });
    it.pass(5 * HOUR_MS);
    expect(it.one()).toMatchObject({ state: 'open', alerts: [{ state: 'unknown' }] });
    expect(it.told()).toEqual(['trigger pager', 'update pager']);
    it.take(move('unknown', 'firing', START_MS + 2 * MINUTE_MS));
    expect(it.one().alertCount).toBe(1);
    it.take(ends(START_MS + 3 * MINUTE_MS));
    expect(it.one().state).toBe('resolved');
  });

  test('of a pending alert is history only', () => {
    const it = lab(PAGER);
    it.take(move('inactive', 'pending', START_MS), move('pending', 'inactive', START_MS + 1));
    it.pass(HOUR_MS);
    expect(it.all()).toEqual([]);
    expect(it.history('')).toEqual(['transition', 'transition']);
  });
});

describe('late corrections', () => {
  test('are in the history of their incident and change nothing else', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    const before = it.one();
    it.take(ends(START_MS, { amended: true }), fires(START_MS + 1, { amended: true, client: 'web-2' }));
    it.pass(MINUTE_MS);
    expect(it.one()).toEqual(before);
    expect(it.told()).toEqual(['trigger pager']);
    expect(it.history(before.id).filter((kind) => kind === 'transition')).toHaveLength(2);
    expect(it.history('')).toHaveLength(1);
  });
});

describe('a group', () => {
  test('pages once for what comes within its wait, and again for what joins later', () => {
    const it = lab(MAIL);
    const high = { severity: 'high' };
    it.take(fires(START_MS, high), fires(START_MS, { ...high, client: 'web-2' }));
    it.pass(20_000);
    it.take(fires(START_MS + 20_000, { ...high, client: 'web-3' }));
    it.pass(MINUTE_MS);
    expect(it.told()).toEqual(['trigger mail']);
    expect(it.pages()[0]?.incident).toMatchObject({ alertCount: 3, title: 'CpuHigh on 3 hosts (web-1, web-2, web-3)' });
    it.take(fires(START_MS + 80_000, { ...high, client: 'web-4' }));
    it.pass(MINUTE_MS);
    expect(it.told()).toHaveLength(1);
    it.pass(4 * MINUTE_MS);
    expect(it.told()).toEqual(['trigger mail', 'update mail']);
    expect(it.one().groupLabels).toEqual({ rule: 'CpuHigh', datacenter: 'eu' });
  });

  test('is kept apart by what it is grouped by', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS), fires(START_MS, { client: 'us-1', datacenter: 'us' }), fires(START_MS, { rule: 'MemoryHigh' }));
    expect(it.all()).toHaveLength(3);
    expect(new Set(it.all().map(({ id }) => id)).size).toBe(3);
  });

  test('is resolved when the last of it is, and what fires after that is another incident', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS), fires(START_MS, { client: 'web-2' }));
    it.pass(MINUTE_MS);
    it.take(ends(START_MS + MINUTE_MS));
    expect(it.one().state).toBe('open');
    it.take(ends(START_MS + MINUTE_MS, { client: 'web-2' }));
    expect(it.one().state).toBe('resolved');
    it.pass(MINUTE_MS);
    it.take(fires(START_MS + 2 * MINUTE_MS));
    expect(it.all().map(({ state }) => state)).toEqual(['resolved', 'open']);
  });

  test('that was acknowledged is open again when it grows worse', () => {
    const it = lab(PAGER, MAIL);
    it.set('route', { ...ROUTE, channels: ['pager', 'mail'] });
    it.take(fires(START_MS, { severity: 'high' }));
    it.pass(MINUTE_MS);
    it.keeper.act('acme', it.one().id, { kind: 'acknowledge' }, 'acme.ann', it.nowMs);
    it.take(fires(START_MS + MINUTE_MS, { severity: 'high', client: 'web-2' }));
    expect(it.one()).toMatchObject({ state: 'acknowledged', severity: 'high' });
    it.take(fires(START_MS + 2 * MINUTE_MS, { severity: 'critical', client: 'web-3' }));
    expect(it.one()).toMatchObject({ state: 'open', severity: 'critical' });
    it.pass(10 * MINUTE_MS);
    expect(it.told().filter((line) => line.startsWith('update'))).toEqual(['update mail', 'update pager']);
  });
});

describe('escalation', () => {
  test('goes to others when nobody acknowledged in time, and not when someone did', () => {
    const it = lab(MAIL, PAGER);
    it.set('route', { ...ROUTE, escalateAfterMs: 15 * MINUTE_MS, escalateTo: ['pager'] });
    it.take(fires(START_MS));
    it.pass(16 * MINUTE_MS);
    expect(it.told()).toEqual(['trigger mail', 'trigger pager']);
    it.pass(15 * MINUTE_MS);
    expect(it.told().slice(2)).toEqual(['update pager']);
    expect(it.one().escalations).toBe(2);
    it.keeper.act('acme', it.one().id, { kind: 'acknowledge' }, 'acme.ann', it.nowMs);
    it.pass(2 * HOUR_MS);
    expect(it.told().slice(3)).toEqual(['acknowledge pager']);
  });

  test('ends after a few, and reaches whom it can where the first channel is missing', () => {
    const it = lab(PAGER);
    it.set('route', { ...ROUTE, escalateAfterMs: 15 * MINUTE_MS, escalateTo: ['pager'] });
    it.take(fires(START_MS));
    it.pass(16 * MINUTE_MS);
    expect(it.told()).toEqual(['trigger pager']);
    it.pass(10 * HOUR_MS);
    expect(it.one().escalations).toBe(5);
  });
});

describe('retired hosts', () => {
  test('end without a page; PagerDuty alone is told that it is over', () => {
    const it = lab(PAGER, MAIL);
    it.set('route', { ...ROUTE, channels: ['pager', 'mail'] });
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    it.take(ends(START_MS + MINUTE_MS, { reason: 'retired' }));
    it.pass(HOUR_MS);
    expect(it.told()).toEqual(['trigger mail', 'trigger pager', 'resolve pager']);
    expect(it.one().state).toBe('resolved');
  });
});

describe('people', () => {
  test('resolve by hand; what fires on is told of again after the repeat interval, and what ended is not', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS), fires(START_MS, { rule: 'MemoryHigh' }));
    it.pass(MINUTE_MS);
    for (const { id } of it.all()) it.keeper.act('acme', id, { kind: 'resolve' }, 'acme.ann', it.nowMs);
    expect(it.all().map(({ state }) => state)).toEqual(['resolved', 'resolved']);
    it.take(move('firing', 'unknown', START_MS + 1), move('unknown', 'firing', START_MS + 2));
    it.take(ends(START_MS + 3, { rule: 'MemoryHigh' }));
    it.pass(3 * HOUR_MS);
    expect(it.all()).toHaveLength(2);
    it.pass(2 * HOUR_MS);
    expect(it.all()).toHaveLength(3);
    expect(it.told().slice(-1)).toEqual(['trigger pager']);
    expect(new Set(it.pages().map(({ dedupKey }) => dedupKey)).size).toBe(3);
  });

  test('who acknowledges before the page spares it', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS));
    it.keeper.act('acme', it.one().id, { kind: 'acknowledge' }, 'acme.ann', it.nowMs);
    it.pass(10 * HOUR_MS);
    expect(it.told()).toEqual([]);
  });

  test('note, on what is resolved, too, and only of their own tenant', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS));
    const { id } = it.one();
    it.keeper.act('acme', id, { kind: 'note', text: 'a disk?' }, 'acme.ann', it.nowMs);
    it.take(ends(START_MS + 1));
    it.keeper.act('acme', id, { kind: 'note', text: 'a disk.' }, 'acme.bob', it.nowMs);
    expect(it.one().notes.map(({ by, text }) => [by, text])).toEqual([
      ['acme.ann', 'a disk?'],
      ['acme.bob', 'a disk.'],
    ]);
    expect(it.history(id).filter((kind) => kind === 'note')).toHaveLength(2);
    for (const kind of ['acknowledge', 'resolve'] as const) {
      expect(it.keeper.act('other', id, { kind }, 'other.eve', it.nowMs)).toBeUndefined();
      expect(it.keeper.act('acme', id, { kind }, 'acme.ann', it.nowMs)).toEqual(it.one());
    }
    expect(it.keeper.act('acme', 'nothing', { kind: 'resolve' }, 'acme.ann', it.nowMs)).toBeUndefined();
  });
});

describe('deliveries', () => {
  test('come back to the incident, one channel that has it is enough, and what is told twice is written once', () => {
    const it = lab(MAIL, SLACK);
    it.set('route', { ...ROUTE, channels: ['mail', 'slack'] });
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    const [mail = '', slack = ''] = it.pages().map(({ id }) => id);
    it.keeper.delivered(mail, false, 'no such mailbox', it.nowMs);
    expect(it.one().delivery).toBe('sending');
    it.keeper.delivered(slack, true, 'ok', it.nowMs);
    it.keeper.delivered(slack, true, 'ok', it.nowMs);
    expect(it.one().delivery).toBe('delivered');
    expect(it.history(it.one().id).filter((kind) => kind.startsWith('deliver'))).toEqual(['delivery_failed', 'delivered']);
  });

  test('that fail everywhere show so, until one succeeds', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    it.keeper.delivered(it.pages()[0]?.id ?? '', false, 'refused', it.nowMs);
    expect(it.one().delivery).toBe('failed');
    it.pass(5 * HOUR_MS);
    expect(it.one().delivery).toBe('sending');
    it.keeper.delivered(it.pages()[1]?.id ?? '', true, 'ok', it.nowMs);
    expect(it.one().delivery).toBe('delivered');
  });

  test('of what is resolved, and of what no incident sent, are taken, too', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    it.take(ends(START_MS + 1));
    it.crash();
    for (const { id } of it.pages()) it.keeper.delivered(id, true, 'ok', it.nowMs);
    expect(it.one()).toMatchObject({ state: 'resolved', delivery: 'delivered' });
    for (const id of ['', 'canary', 'acme:x:y:z', 'acme:nothing:1:pager']) it.keeper.delivered(id, true, 'ok', it.nowMs);
  });
});
