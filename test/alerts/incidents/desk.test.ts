/** The incident desk: lists, history, response times, alerts. */
import { describe, expect, test } from 'vitest';
import { incidentDesk } from '../../../src/alerts/desk.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import type { HistoryQuery } from '../../../src/ports/alert-book.ts';
import { ends, fires, type Lab, lab, MINUTE_MS, move, PAGER, START_MS } from './lab.ts';

const EVER = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const HISTORY: HistoryQuery = { tenant: 'acme', incident: undefined, rule: undefined, client: undefined, ...EVER, max: 100 };

function deskOf(it: Lab) {
  return incidentDesk({ store: it.store, incidents: it.keeper, nowMs: () => it.nowMs });
}

/** Three incidents an hour apart, of which the first is open and the others are resolved. */
function threeIncidents(): Lab {
  const it = lab(PAGER);
  const rules = ['CpuHigh', 'MemoryHigh', 'DiskFull'];
  for (const [i, rule] of rules.entries()) {
    it.take(fires(it.nowMs, { rule, client: `web-${i}`, labels: { team: 'web' } }));
    it.pass(MINUTE_MS);
    if (i > 0) it.take(ends(it.nowMs, { rule, client: `web-${i}`, labels: { team: 'web' } }));
    it.pass(59 * MINUTE_MS);
  }
  return it;
}

describe('incidents', () => {
  const asked = { tenant: 'acme', ...EVER, max: 10 };
  const namesOf = async (it: Lab, query: Partial<Parameters<ReturnType<typeof deskOf>['incidents']>[0]>) =>
    (await deskOf(it).incidents({ ...asked, state: undefined, ...query })).map(({ title }) => title);

  test('are listed by state, newest first, as many as are asked for, of the own tenant', async () => {
    const it = threeIncidents();
    expect(await namesOf(it, {})).toEqual(['DiskFull on web-2', 'MemoryHigh on web-1', 'CpuHigh on web-0']);
    expect(await namesOf(it, { state: 'resolved' })).toEqual(['DiskFull on web-2', 'MemoryHigh on web-1']);
    expect(await namesOf(it, { max: 1 })).toEqual(['DiskFull on web-2']);
    expect(await namesOf(it, { tenant: 'other' })).toEqual([]);
    await deskOf(it).act('acme', it.all().find(({ state }) => state === 'open')?.id ?? '', { kind: 'acknowledge' }, 'acme.ann');
    for (const state of ['active', 'acknowledged'] as const) expect(await namesOf(it, { state })).toEqual(['CpuHigh on web-0']);
    expect(await namesOf(it, { state: 'open' })).toEqual([]);
  });

  test('are found by id, old and resolved ones, too, of the own tenant', async () => {
    const it = threeIncidents();
    for (const { id, title } of it.all()) {
      expect(await namesOf(it, { id })).toEqual([title]);
      expect(await namesOf(it, { id, tenant: 'other' })).toEqual([]);
    }
    expect(await namesOf(it, { id: 'none' })).toEqual([]);
  });

  test('that are open reach until now; the others are where they were opened', async () => {
    const it = threeIncidents();
    const fromMs = START_MS + 90 * MINUTE_MS;
    expect(await namesOf(it, { fromMs })).toEqual(['DiskFull on web-2', 'CpuHigh on web-0']);
    expect(await namesOf(it, { toMs: START_MS + MINUTE_MS })).toEqual(['CpuHigh on web-0']);
  });
});

test('history is ascending by time, of one incident, rule or host, and within bounds', async () => {
  const it = threeIncidents();
  it.take(move('inactive', 'pending', it.nowMs, { client: 'db-1' }));
  const ask = (change: Partial<HistoryQuery>) => deskOf(it).history({ ...HISTORY, ...change });
  const all = await ask({});
  expect(all.map(({ atMs }) => atMs)).toEqual(all.map(({ atMs }) => atMs).sort((a, b) => a - b));
  const [open] = it.all().filter(({ state }) => state === 'open');
  expect((await ask({ incident: open?.id })).map(({ kind }) => kind)).toEqual(['transition', 'opened', 'notified']);
  expect((await ask({ rule: 'DiskFull' })).map(({ text }) => text)).toEqual([
    'DiskFull on web-2: pending → firing',
    'DiskFull on web-2: firing → resolved',
  ]);
  expect(await ask({ rule: 'builtin/DiskFull' })).toHaveLength(2);
  expect(await ask({ client: 'db-1' })).toHaveLength(1);
  expect(await ask({ max: 2 })).toEqual(all.slice(0, 2));
  expect(await ask({ tenant: 'other' })).toEqual([]);
  expect(await ask({ toMs: START_MS })).toEqual([]);
});

test('history that would take too long to search is refused, not cut short without a word', async () => {
  const it = lab();
  const line = (i: number) =>
    JSON.stringify({ tenant: 'acme', kind: 'note', id: `n${i}`, incident: '', atMs: i, by: '', text: '' });
  const writes = Array.from({ length: ALERT_LIMITS.historyScanMax }, (_, i) => {
    return { tenant: 'acme', kind: 'history', id: `n${i}`, atMs: i, parent: '', body: line(i) };
  });
  it.store.commit(writes);
  const ask = (change: Partial<HistoryQuery>) => deskOf(it).history({ ...HISTORY, client: 'web-1', ...change });
  it.take(fires(START_MS, { client: 'web-1' }));
  await expect(ask({})).rejects.toMatchObject({ code: 'too_many_points' });
  expect(await ask({ fromMs: 10 })).toHaveLength(1);
});

test('response times run from onset in event time to the first page, and from opening to the end, of what was resolved', async () => {
  const it = threeIncidents();
  const desk = deskOf(it);
  const times = { incidents: 1, mttdMs: 5 * MINUTE_MS + 5_000, mttrMs: MINUTE_MS };
  expect(await desk.responseTimes('acme', 'rule', 0, it.nowMs)).toEqual([
    { key: 'builtin/DiskFull', ...times },
    { key: 'builtin/MemoryHigh', ...times },
  ]);
  expect((await desk.responseTimes('acme', 'host', 0, it.nowMs)).map(({ key }) => key)).toEqual(['web-1', 'web-2']);
  expect(await desk.responseTimes('acme', 'label:team', 0, it.nowMs)).toEqual([{ key: 'web', ...times, incidents: 2 }]);
  expect(await desk.responseTimes('acme', 'label:toString', 0, it.nowMs)).toEqual([]);
  expect(await desk.responseTimes('acme', 'rule', START_MS + 100 * MINUTE_MS, it.nowMs)).toHaveLength(1);
});

test('what was over before anyone was told has no time to detection', async () => {
  const it = lab(PAGER);
  it.take(fires(START_MS), ends(START_MS + 1));
  it.pass(MINUTE_MS);
  expect(await deskOf(it).responseTimes('acme', 'rule', 0, it.nowMs)).toEqual([
    { key: 'builtin/CpuHigh', incidents: 1, mttdMs: undefined, mttrMs: 0 },
  ]);
});

test('alerts are those that are not over, pending ones, too, each with its incident', async () => {
  const it = lab(PAGER);
  it.take(fires(START_MS), move('inactive', 'pending', START_MS, { client: 'web-2' }), fires(START_MS, { client: 'web-3' }));
  it.take(ends(START_MS + 1, { client: 'web-3' }), move('firing', 'unknown', START_MS + 2));
  const alerts = await deskOf(it).alerts('acme');
  expect(alerts.map(({ transition, incident }) => [transition.client, transition.to, incident])).toEqual([
    ['web-1', 'unknown', it.one().id],
    ['web-2', 'pending', ''],
  ]);
  expect(await deskOf(it).alerts('other')).toEqual([]);
});
