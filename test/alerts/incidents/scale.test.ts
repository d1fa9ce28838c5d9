/** Thousands of alerts at once: few pages, bounded documents. */
import { expect, test } from 'vitest';
import { memoryDocumentStore } from '../../../src/adapters/memory/document-store.ts';
import type { TrackedAlert } from '../../../src/alerts/incident-state.ts';
import { IncidentStore, NOT_WAITING } from '../../../src/alerts/incident-store.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { ends, fires, lab, MAIL, MINUTE_MS, PAGER, START_MS } from './lab.ts';

const COUNT = 10_000;
const series = Array.from({ length: COUNT }, (_, i) => ({
  client: `web-${i % 1_000}`,
  labels: { mount: `/${i}` },
  rule: 'DiskFull',
}));

test('10,000 series that cross at once are one incident and one page, and one end', () => {
  const it = lab(PAGER, MAIL);
  const fallen = series.map((one) => fires(START_MS, one));
  for (let at = 0; at < COUNT; at += 1_000) it.take(...fallen.slice(at, at + 1_000));
  it.pass(MINUTE_MS);
  expect(it.told()).toEqual(['trigger pager']);
  expect(it.one()).toMatchObject({ alertCount: COUNT, title: 'DiskFull on 1000 hosts (web-0, web-1, web-10, …)' });
  expect(it.one().alerts).toHaveLength(ALERT_LIMITS.incidentAlertsMax);
  it.crash();
  it.take(...fallen);
  it.take(...series.slice(1).map((one) => ends(START_MS + MINUTE_MS, one)));
  expect(it.one().state).toBe('open');
  it.take(...series.slice(0, 1).map((one) => ends(START_MS + MINUTE_MS, one)));
  expect(it.told()).toEqual(['trigger pager', 'resolve pager']);
  expect(it.one().state).toBe('resolved');
});

test('alerts and notes in wide characters leave an incident that fits in a row', () => {
  const it = lab(PAGER);
  const annotations = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`text${i}`, '満'.repeat(500)]));
  const labels = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`label${i}`, '杯'.repeat(256)]));
  it.take(...series.slice(0, 100).map((one) => fires(START_MS, { ...one, annotations })));
  const other = (alert: number) => ({ rule: 'Other', alert: `other-${alert}`, id: `other-${alert}`, labels });
  it.take(...series.slice(0, 50).map(({ client }, i) => fires(START_MS, { client, ...other(i) })));
  it.pass(MINUTE_MS);
  for (const { id } of it.all())
    for (let i = 0; i < ALERT_LIMITS.notesMax; i++)
      it.keeper.act('acme', id, { kind: 'note', text: `${i} ${'記'.repeat(3_990)}` }, 'acme.ann', it.nowMs);
  it.pass(10 * 60 * MINUTE_MS);
  for (const kind of ['incident', 'outbox', 'open', 'alert', 'history'])
    for (const { body } of it.store.list({ tenant: undefined, kind, max: 1_000 }))
      expect(new TextEncoder().encode(body).length).toBeLessThan(1_800_000);
  for (const { notes } of it.all()) expect(notes.at(-1)?.text).toContain('99 記');
});

test('a tenant with as many alerts as it may have takes no room from another, and has room again when one is over', () => {
  const state = new IncidentStore(memoryDocumentStore());
  const tracked = (alert: string): TrackedAlert => {
    const transition = { ...fires(START_MS), tenant: 'flood', alert };
    return { transition, burning: false, incident: '', fired: [], ...NOT_WAITING };
  };
  for (let i = 0; i < ALERT_LIMITS.trackedAlertsPerTenantMax; i++) {
    if (state.isFull('flood')) throw new Error(`it is full with ${i}`);
    // Twice is once.
    for (let times = 0; times < 2; times++) state.putAlert(tracked(`a${i}`));
  }
  expect([state.isFull('flood'), state.isFull('acme')]).toEqual([true, false]);
  state.dropAlert(tracked('a0'));
  expect(state.isFull('flood')).toBe(false);
});

test('alerts with the largest texts leave an incident that fits in a row', () => {
  const it = lab(PAGER);
  const annotations = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`text${i}`, 'x'.repeat(4_000)]));
  const labels = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`label${i}`, 'y'.repeat(256)]));
  it.take(...series.slice(0, 100).map((one) => fires(START_MS, { ...one, annotations, labels: { ...labels, ...one.labels } })));
  it.pass(MINUTE_MS);
  for (const kind of ['incident', 'outbox', 'open', 'alert', 'history']) {
    for (const { body } of it.store.list({ tenant: undefined, kind, max: 1_000 })) expect(body.length).toBeLessThan(1_800_000);
  }
});

test('an incident that stays open for longer than history is kept is opened anew, and told of', () => {
  const it = lab(PAGER);
  it.take(fires(START_MS));
  it.pass(MINUTE_MS);
  it.keeper.act('acme', it.one().id, { kind: 'acknowledge' }, 'acme.ann', it.nowMs);
  it.pass(ALERT_LIMITS.historyAgeMs + ALERT_LIMITS.sweepMs);
  it.crash();
  it.pass(MINUTE_MS);
  expect(it.one()).toMatchObject({ state: 'open', delivery: 'sending', openedMs: expect.any(Number) });
  expect(it.told().slice(-1)).toEqual(['trigger pager']);
});

test('what is known is forgotten when it is over, and old history goes', () => {
  const it = lab(PAGER);
  it.take(...series.slice(0, 100).map((one) => fires(START_MS, one)));
  it.pass(MINUTE_MS);
  it.take(...series.slice(0, 100).map((one) => ends(START_MS + MINUTE_MS, one)));
  it.pass(2 * ALERT_LIMITS.flapWindowMs + ALERT_LIMITS.sweepMs);
  for (const kind of ['alert', 'open']) expect(it.store.list({ tenant: undefined, kind, max: 10 })).toEqual([]);
  expect(it.keeper.nextDueMs(it.nowMs)).toBeUndefined();
  it.pass(ALERT_LIMITS.historyAgeMs);
  for (const kind of ['history', 'incident']) expect(it.store.list({ tenant: undefined, kind, max: 10 })).toEqual([]);
});
