/** What keeps a page back: silences, maintenance, inhibition, flapping; and many hosts that fall silent at once. */
import { describe, expect, test } from 'vitest';
import type { Silence } from '../../../src/model/incident.ts';
import { ends, fires, type Lab, lab, MAIL, MINUTE_MS, move, PAGER, ROUTE, START_MS } from './lab.ts';

const HOUR_MS = 60 * MINUTE_MS;
const SILENCE: Silence = {
  id: 'one',
  match: { host: 'web-*' },
  by: 'acme.ann',
  comment: 'moving racks',
  startsMs: START_MS,
  endsMs: START_MS + HOUR_MS,
};
const SILENT = { rule: 'HostSilent' };

describe('a silence', () => {
  test('holds the page, says so, and lets it go when it ends while the alert still fires', () => {
    const it = lab(PAGER);
    it.set('silence', SILENCE);
    it.take(fires(START_MS));
    it.pass(59 * MINUTE_MS);
    expect(it.told()).toEqual([]);
    expect(it.one()).toMatchObject({ state: 'open', delivery: 'silenced' });
    it.pass(2 * MINUTE_MS);
    expect(it.told()).toEqual(['trigger pager']);
    expect(it.pages()[0]?.atMs).toBe(SILENCE.endsMs);
    expect(it.history(it.one().id)).toEqual(['transition', 'opened', 'held', 'notified']);
  });

  test('that is taken back lets it go at once', () => {
    const it = lab(PAGER);
    it.set('silence', SILENCE);
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    it.unset('silence', 'one');
    it.pass(0);
    expect(it.told()).toEqual(['trigger pager']);
  });

  test('spares what ends under it', () => {
    const it = lab(PAGER);
    it.set('silence', SILENCE);
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    it.take(ends(START_MS + MINUTE_MS));
    it.pass(2 * HOUR_MS);
    expect(it.told()).toEqual([]);
    expect(it.one()).toMatchObject({ state: 'resolved', delivery: 'silenced' });
  });

  test('of some alerts of a group leaves the page to the others', () => {
    const it = lab(PAGER);
    it.set('silence', SILENCE);
    it.take(fires(START_MS), fires(START_MS, { client: 'db-1' }));
    it.pass(MINUTE_MS);
    expect(it.pages().map(({ incident }) => incident.alerts.map(({ client }) => client))).toEqual([['db-1']]);
    expect(it.pages()[0]?.incident.alertCount).toBe(1);
    expect(it.one().alertCount).toBe(2);
  });

  test('begins when it says; what was paged before is not told again under it, and its end is', () => {
    const it = lab(PAGER);
    it.set('silence', { ...SILENCE, startsMs: START_MS + HOUR_MS, endsMs: START_MS + 9 * HOUR_MS });
    it.take(fires(START_MS));
    it.pass(8 * HOUR_MS);
    expect(it.told()).toEqual(['trigger pager']);
    expect(it.one().delivery).toBe('silenced');
    it.take(ends(START_MS + HOUR_MS));
    expect(it.told()).toEqual(['trigger pager', 'resolve pager']);
  });

  test('that ends after someone acknowledged what it held leaves nothing due', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS));
    it.pass(MINUTE_MS);
    it.set('silence', { ...SILENCE, endsMs: START_MS + 6 * HOUR_MS });
    it.pass(5 * HOUR_MS);
    expect(it.one().delivery).toBe('silenced');
    it.keeper.act('acme', it.one().id, { kind: 'acknowledge' }, 'acme.ann', it.nowMs);
    it.pass(24 * HOUR_MS);
    expect(it.told()).toEqual(['trigger pager', 'acknowledge pager']);
    expect(it.one()).toMatchObject({ state: 'acknowledged', delivery: 'sending' });
  });

  test('of one tenant does not hold the pages of another', () => {
    const it = lab(PAGER);
    it.set('silence', SILENCE);
    it.store.commit([{ tenant: 'other', kind: 'channel', id: 'pager', atMs: 0, parent: '', body: JSON.stringify(PAGER) }]);
    it.take(fires(START_MS, { tenant: 'other' }));
    it.pass(MINUTE_MS);
    expect(it.pages().map(({ tenant }) => tenant)).toEqual(['other']);
  });
});

describe('maintenance', () => {
  const MAINTENANCE = {
    id: 'nightly',
    match: { host: '*' },
    comment: 'backups',
    by: 'acme.ann',
    cron: '0 2 * * *',
    timeZone: 'Europe/Berlin',
    durationMs: HOUR_MS,
  };
  /** 2:00 in Berlin, in summer. */
  const NIGHT_MS = Date.parse('2026-05-29T00:00:00Z');

  test.each([
    [NIGHT_MS - 1, 'sending'],
    [NIGHT_MS, 'maintenance'],
    [NIGHT_MS + HOUR_MS - 1, 'maintenance'],
    [NIGHT_MS + HOUR_MS, 'sending'],
    [NIGHT_MS + 24 * HOUR_MS + 1, 'maintenance'],
  ])('is when its schedule says, in its time zone: at %i a page is %s', (pageMs, delivery) => {
    const it = lab(PAGER);
    it.set('maintenance', MAINTENANCE);
    it.nowMs = pageMs - 5_000;
    it.take(fires(it.nowMs));
    it.pass(5_000);
    expect(it.one().delivery).toBe(delivery);
  });

  test('ends, and what still fires is told of then', () => {
    const it = lab(PAGER);
    it.set('maintenance', MAINTENANCE);
    it.nowMs = NIGHT_MS + MINUTE_MS;
    it.take(fires(it.nowMs));
    it.pass(2 * HOUR_MS);
    expect(it.pages().map(({ atMs }) => atMs)).toEqual([NIGHT_MS + HOUR_MS]);
  });

  test('whose stretches overlap never ends in between', () => {
    const it = lab(PAGER);
    it.set('maintenance', { ...MAINTENANCE, cron: '0 * * * *', durationMs: 90 * MINUTE_MS });
    it.take(fires(START_MS));
    it.pass(30 * HOUR_MS);
    expect(it.told()).toEqual([]);
    expect(it.history(it.one().id).filter((kind) => kind === 'held')).toHaveLength(1);
  });
});

describe('a silent host', () => {
  test('silences its other alerts, also those that wait, and no other host; they are told of when it is back', () => {
    const it = lab(PAGER);
    it.set('route', { ...ROUTE, channels: ['pager'], groupBy: ['rule', 'host'], groupWaitMs: 5_000 });
    it.take(fires(START_MS), fires(START_MS, { client: 'web-2' }), fires(START_MS, SILENT));
    it.pass(20_000);
    expect(it.pages().map(({ incident }) => incident.title)).toEqual(['CpuHigh on web-2']);
    it.pass(HOUR_MS);
    expect(it.pages().map(({ incident }) => incident.title)).toEqual(['CpuHigh on web-2', 'HostSilent on web-1']);
    expect(it.all().map(({ delivery }) => delivery)).toContain('inhibited');
    it.take(ends(START_MS + HOUR_MS, SILENT));
    expect(it.told().filter((line) => line.startsWith('trigger'))).toHaveLength(3);
  });

  test('that is back before others could follow pages nobody', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS, SILENT));
    it.pass(10_000);
    it.take(ends(START_MS + 10_000, SILENT));
    it.pass(HOUR_MS);
    expect(it.all()).toEqual([]);
    expect(it.history('')).toEqual(['transition', 'transition']);
  });

  test('whose data are missing stays silent', () => {
    const it = lab(PAGER);
    it.take(fires(START_MS, SILENT), move('firing', 'unknown', START_MS + 1, SILENT));
    it.pass(MINUTE_MS);
    expect(it.told()).toEqual(['trigger pager']);
  });
});

describe('hosts that fall silent at once', () => {
  const fall = (it: Lab, from: number, to: number): void => {
    const hosts = Array.from({ length: to - from }, (_, i) => `h-${from + i}`);
    // They lie in several groups.
    it.take(...hosts.map((client, i) => fires(it.nowMs + i, { ...SILENT, client, datacenter: i % 2 === 0 ? 'eu' : 'us' })));
  };

  test('are one incident when they are more than a fifth, and those that follow join it', () => {
    const it = lab(PAGER);
    it.hosts = 40;
    fall(it, 0, 5);
    it.pass(15_000);
    fall(it, 5, 12);
    it.pass(20_000);
    expect(it.one()).toMatchObject({ title: '12 of 40 hosts are silent', alertCount: 12, severity: 'critical' });
    expect(it.told()).toEqual(['trigger pager']);
    expect(it.pages()[0]?.atMs).toBe(START_MS + 30_000);
    it.pass(30_000);
    fall(it, 12, 15);
    it.pass(2 * MINUTE_MS);
    expect(it.one()).toMatchObject({ title: '15 of 40 hosts are silent', alertCount: 15 });
    expect(it.told()).toEqual(['trigger pager', 'update pager']);
    it.take(...Array.from({ length: 15 }, (_, i) => ends(it.nowMs, { ...SILENT, client: `h-${i}` })));
    expect(it.one().state).toBe('resolved');
    expect(it.history(it.one().id).filter((kind) => kind === 'transition')).toHaveLength(30);
  });

  test.each([
    [8, 40, 2],
    [9, 40, 1],
    [2, 3, 2],
    [3, 3, 1],
    [3, 14, 1],
    [3, 15, 2],
  ])('%i of %i are told of by %i incidents', (silent, hosts, incidents) => {
    const it = lab(PAGER);
    it.hosts = hosts;
    fall(it, 0, silent);
    it.pass(MINUTE_MS);
    expect(it.all()).toHaveLength(incidents);
  });

  test('are one incident, too, while nobody knows how many hosts there are', () => {
    const it = lab(PAGER);
    it.hosts = 0;
    fall(it, 0, 5);
    it.pass(MINUTE_MS);
    expect(it.one().title).toBe('5 hosts are silent');
  });

  test('are none when they did not fall at once', () => {
    const it = lab(PAGER);
    it.hosts = 10;
    for (let i = 0; i < 4; i++) {
      fall(it, i, i + 1);
      it.pass(3 * MINUTE_MS);
    }
    expect(it.all().map(({ title }) => title)).toEqual([expect.stringContaining('4 hosts')]);
  });

  test('silence their other alerts', () => {
    const it = lab(PAGER);
    it.hosts = 10;
    it.take(fires(START_MS, { client: 'h-1' }));
    fall(it, 0, 5);
    it.pass(HOUR_MS);
    expect(it.pages().map(({ incident }) => incident.title)).toEqual(['5 of 10 hosts are silent']);
  });
});

describe('an alert that flaps', () => {
  test('is held open: after a few times nobody is told that it ends and begins, until it was quiet', () => {
    const it = lab(PAGER);
    for (let i = 0; i < 6; i++) {
      it.take(fires(it.nowMs));
      it.pass(2 * MINUTE_MS);
      it.take(ends(it.nowMs));
      it.pass(2 * MINUTE_MS);
    }
    const before = ['trigger pager', 'resolve pager', 'trigger pager', 'resolve pager', 'trigger pager'];
    expect(it.told()).toEqual(before);
    expect(it.all().map(({ state }) => state)).toEqual(['resolved', 'resolved', 'open']);
    it.pass(9 * MINUTE_MS);
    expect(it.told()).toEqual([...before, 'resolve pager']);
  });

  test('and fires now and then is told of each time', () => {
    const it = lab(PAGER);
    for (let i = 0; i < 4; i++) {
      it.take(fires(it.nowMs));
      it.pass(2 * MINUTE_MS);
      it.take(ends(it.nowMs));
      it.pass(20 * MINUTE_MS);
    }
    expect(it.told().filter((line) => line === 'resolve pager')).toHaveLength(4);
  });

  test('keeps its incident in mind over a crash', () => {
    const it = lab(MAIL);
    for (let i = 0; i < 6; i++) {
      it.take(fires(it.nowMs, { severity: 'high' }));
      it.crash();
      it.pass(2 * MINUTE_MS);
      it.take(ends(it.nowMs, { severity: 'high' }));
      it.crash();
      it.pass(MINUTE_MS);
    }
    expect(it.told()).toHaveLength(5);
  });
});
