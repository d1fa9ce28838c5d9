/** Incidents that wait cost nothing while nothing happens to them: with each transition of anyone all that is open is looked at. */
import { expect, test } from 'vitest';
import { settle } from '../../../src/alerts/incident-pages.ts';
import { IncidentStore } from '../../../src/alerts/incident-store.ts';
import { readTenantBook } from '../../../src/alerts/incident-turn.ts';
import { fires, lab, MAIL, MINUTE_MS, PAGER, ROUTE, START_MS } from './lab.ts';

/** How often silences are asked about alerts in one more turn. */
function looks(it: ReturnType<typeof lab>, turns: number): number {
  let asked = 0;
  const plain = readTenantBook(it.store, 'acme');
  const silences = plain.silences.map((one) => ({
    ...one,
    matches: (transition: Parameters<typeof one.matches>[0]) => {
      asked += 1;
      return one.matches(transition);
    },
  }));
  const book = { ...plain, silences };
  const state = new IncidentStore(it.store);
  for (let i = 0; i < turns; i++)
    for (const open of [...state.incidents()])
      settle({ state, nowMs: it.nowMs + i, book: () => book, hostCount: () => 1, link: () => undefined }, open);
  return asked;
}

const SILENCE = {
  id: 'quiet',
  match: { host: 'web-1' },
  by: 'acme.ann',
  comment: '',
  startsMs: START_MS,
  endsMs: START_MS + 60 * MINUTE_MS,
};

test('one that is silenced is not asked about again and again, and pages when the silence ends or is taken away', () => {
  for (const end of ['time', 'removal']) {
    const it = lab(PAGER);
    it.set('silence', SILENCE);
    it.take(fires(START_MS));
    it.pass(10 * MINUTE_MS);
    expect(it.one().delivery).toBe('silenced');
    expect(looks(it, 50)).toBe(1);
    if (end === 'removal') it.unset('silence', 'quiet');
    it.pass(end === 'time' ? 50 * MINUTE_MS : 1_000);
    expect(it.told()).toEqual(['trigger pager']);
  }
});

test('one that is silenced and gets an alert that is not pages', () => {
  const it = lab(PAGER);
  it.set('silence', SILENCE);
  it.take(fires(START_MS));
  it.pass(10 * MINUTE_MS);
  it.take(fires(it.nowMs, { client: 'web-2' }));
  it.pass(MINUTE_MS);
  expect(it.told()).toEqual(['trigger pager']);
});

test('one that has no channel is not asked about again and again, and pages when there is one', () => {
  const it = lab();
  it.set('route', ROUTE);
  it.set('silence', { ...SILENCE, match: { host: 'other' } });
  it.take(fires(START_MS));
  it.pass(10 * MINUTE_MS);
  expect(it.one().delivery).toBe('undelivered');
  expect(looks(it, 50)).toBe(1);
  it.set('channel', MAIL);
  it.pass(1_000);
  expect(it.told()).toEqual(['trigger mail']);
});
