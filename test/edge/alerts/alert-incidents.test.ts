/** Incidents, their history, and the times of response. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { NOW_MS } from '../harness.ts';
import { type AlertLab, alertLab, entryOf, fill, transitionOf } from './alert-lab.ts';

async function get(lab: AlertLab, path: string): Promise<Response> {
  return lab.send('GET', path, { key: await lab.key({ role: 'admin' }) });
}

const idsOf = async (response: Response): Promise<string[]> =>
  ((await response.json()) as { incidents: { id: string }[] }).incidents.map(({ id }) => id);

describe('incidents', () => {
  test('are listed by their state and time, without their alerts', async () => {
    const lab = alertLab();
    const all = await get(lab, '/api/v1/incidents');
    const { incidents } = (await all.json()) as { incidents: Record<string, unknown>[] };
    expect(incidents.map(({ id }) => id)).toEqual(['inc-1', 'inc-2']);
    expect(incidents[0]).toMatchObject({ state: 'open', delivery: 'delivered', alert_count: 1, acknowledged_ms: null });
    expect(incidents[0]).not.toHaveProperty('alerts');
    expect(incidents[0]).not.toHaveProperty('tenant');
    expect(await idsOf(await get(lab, '/api/v1/incidents?state=active'))).toEqual(['inc-1']);
    expect(await idsOf(await get(lab, '/api/v1/incidents?state=resolved'))).toEqual(['inc-2']);
    expect(await idsOf(await get(lab, '/api/v1/incidents?limit=1'))).toEqual(['inc-1']);
    expect(await idsOf(await get(lab, `/api/v1/incidents?end=${NOW_MS - 50_000}`))).toEqual([]);
  });

  test('that are open are shown however old they are', async () => {
    const lab = alertLab();
    lab.desk.kept[0] = { ...lab.desk.kept[0], openedMs: 1_000 } as (typeof lab.desk.kept)[number];
    expect(await idsOf(await get(lab, '/api/v1/incidents?state=active'))).toEqual(['inc-1']);
  });

  test('come one by one with alerts and the whole timeline', async () => {
    const answer = await (await get(alertLab(), '/api/v1/incidents/inc-1')).json();
    expect(answer).toMatchObject({
      incident: { id: 'inc-1', alerts: [{ client_id: 'secret-host', state: 'firing', values: { 'avg(cpu)': 93.2 } }], notes: [] },
      timeline: [{ id: 'h1', kind: 'transition', transition: { from: 'pending', to: 'firing', environment: null } }],
    });
  });

  test('are acknowledged, noted and resolved in the name of the key', async () => {
    const lab = alertLab();
    const key = await lab.key({ role: 'admin' });
    const acknowledged = await lab.send('POST', '/api/v1/incidents/inc-1/acknowledge', { key });
    expect(await acknowledged.json()).toMatchObject({ incident: { state: 'acknowledged' } });
    const text = 'mended it\nby hand';
    await lab.send('POST', '/api/v1/incidents/inc-1/notes', { key, body: JSON.stringify({ text }) });
    await lab.send('POST', '/api/v1/incidents/inc-1/resolve', { key });
    expect(lab.desk.actions.map(({ action }) => action)).toEqual([
      { kind: 'acknowledge' },
      { kind: 'note', text },
      { kind: 'resolve' },
    ]);
    for (const { actor } of lab.desk.actions) expect(actor).toMatch(/^acme\.[A-Za-z0-9_-]{22}$/);
  });

  test('take no empty note and none without end', async () => {
    const lab = alertLab();
    const key = await lab.key({ role: 'admin' });
    for (const text of ['', ' \n', 'x'.repeat(ALERT_LIMITS.noteLengthMax + 1), 'a\u0007b']) {
      const response = await lab.send('POST', '/api/v1/incidents/inc-1/notes', { key, body: JSON.stringify({ text }) });
      expect(response.status).toBe(422);
    }
    expect(lab.desk.actions).toEqual([]);
  });
});

test('alerts are shown with their state and incident', async () => {
  const lab = alertLab();
  lab.trial.active.push({ transition: transitionOf({ id: 't2', from: 'inactive', to: 'pending' }), incident: '' });
  const { alerts } = (await (await get(lab, '/api/v1/alerts')).json()) as { alerts: unknown[] };
  expect(alerts).toMatchObject([
    { state: 'firing', incident: 'inc-1', client_id: 'secret-host', onset_ms: NOW_MS - 360_000 },
    { state: 'pending', incident: null },
  ]);
});

describe('history', () => {
  test('is asked by rule, client, incident and time', async () => {
    const lab = alertLab();
    const path = `/api/v1/history?rule=HighCpu&client=web-1&incident=inc-1&start=5&end=9`;
    expect(await (await get(lab, path)).json()).toEqual({ history: [] });
    expect(lab.desk.asked[0]).toMatchObject({
      tenant: 'acme',
      rule: 'HighCpu',
      client: 'web-1',
      incident: 'inc-1',
      fromMs: 5,
      toMs: 9,
    });
  });

  test('as JSON is never a part that looks like the whole', async () => {
    const lab = alertLab();
    lab.desk.told.length = 0;
    for (let i = 0; i <= ALERT_LIMITS.historyShownMax; i++) lab.desk.told.push(entryOf({ id: `h${i}`, transition: undefined }));
    const response = await get(lab, '/api/v1/history');
    expect([response.status, await response.json()]).toEqual([422, expect.objectContaining({ code: 'too_many_points' })]);
  });

  test('as CSV runs nothing in a spreadsheet', async () => {
    const lab = alertLab();
    const attacks = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '"x",=1', 'a\r\n=1'];
    lab.desk.told.length = 0;
    attacks.forEach((text, i) => {
      lab.desk.told.push(
        entryOf({ id: `h${i}`, text, by: text, incident: text, transition: transitionOf({ rule: text, group: text }) }),
      );
    });
    const response = await get(lab, '/api/v1/history?format=csv');
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    const records = parseCsv(await response.text());
    expect(records).toHaveLength(attacks.length + 1);
    for (const record of records) {
      expect(record).toHaveLength(16);
      for (const cell of record) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
    }
    expect(records[1]?.[0]).toBe(new Date(NOW_MS - 60_000).toISOString());
    expect(records[1]?.[13]).toBe("'=1+1");
  });

  test('as CSV has every entry once, however many share a millisecond', async () => {
    const page = ALERT_LIMITS.historyPageMax;
    const runs = fc.array(fc.constantFrom(1, 2, page - 1, page, page + 1, 2 * page + 3), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(runs, async (counts) => {
        const lab = alertLab();
        lab.desk.told.length = 0;
        counts.forEach((count, time) => {
          for (let i = 0; i < count; i++) {
            lab.desk.told.push(
              entryOf({ id: `${time}-${i}`, text: `${time}-${i}`, atMs: NOW_MS - 1_000 + time, transition: undefined }),
            );
          }
        });
        const lines = (await (await get(lab, '/api/v1/history?format=csv')).text()).trimEnd().split('\r\n').slice(1);
        expect(lines.map((line) => line.split(',')[13])).toEqual(lab.desk.told.map(({ text }) => text));
      }),
      { numRuns: 12 },
    );
  });

  test('as CSV that breaks off is cut, not ended', async () => {
    const lab = alertLab();
    Object.assign(lab.desk, { history: () => Promise.reject(new Error('broken')) });
    const response = await get(lab, '/api/v1/history?format=csv');
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });
});

test('times of response are told by rule, host or a label', async () => {
  const lab = alertLab();
  for (const by of ['rule', 'host', 'label:team']) {
    expect(await (await get(lab, `/api/v1/response-times?by=${by}`)).json()).toEqual({
      by,
      response_times: [{ key: `secret ${by}`, incidents: 1, mttd_ms: 320_000, mttr_ms: null }],
    });
  }
});

test('the audit log says who changed what', async () => {
  const lab = alertLab();
  await fill(lab);
  const { audit } = (await (await get(lab, '/api/v1/audit?limit=2')).json()) as { audit: unknown[] };
  expect(audit).toEqual([
    { at_ms: NOW_MS, actor: 'acme.someone', action: 'put', kind: 'silence', id: 'one' },
    { at_ms: NOW_MS, actor: 'acme.someone', action: 'put', kind: 'maintenance', id: 'one' },
  ]);
});

test.each([
  '/api/v1/incidents?state=closed',
  '/api/v1/incidents?limit=0',
  '/api/v1/incidents?limit=1001',
  '/api/v1/incidents?start=9&end=5',
  '/api/v1/incidents?tenant=beta',
  '/api/v1/incidents/inc-1?x=1',
  '/api/v1/history?format=xml',
  '/api/v1/history?start=now',
  '/api/v1/history?start=1&start=2',
  '/api/v1/history?client=a%20b',
  '/api/v1/response-times?by=tenant',
  '/api/v1/response-times?by=label:',
  '/api/v1/audit?start=-1',
  '/api/v1/alerts?state=firing',
])('%s is refused', async (path) => {
  const response = await get(alertLab(), path);
  expect([response.status, await response.json()]).toEqual([422, expect.objectContaining({ code: 'invalid_query' })]);
});

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r\n)/g)) {
    record.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === ',') continue;
    records.push(record);
    record = [];
  }
  return records;
}
