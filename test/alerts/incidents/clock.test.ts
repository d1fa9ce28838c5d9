/** A clock of the control role that was wrong: pages are late by their own waits at most, and not doubled. */
import { expect, test } from 'vitest';
import { ends, fires, lab, MINUTE_MS, PAGER, START_MS } from './lab.ts';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

test('a first page that was planned while the clock ran a day ahead goes out when it is set right', () => {
  const it = lab(PAGER);
  it.nowMs = START_MS + DAY_MS;
  it.take(fires(START_MS));
  it.nowMs = START_MS;
  it.pass(2 * MINUTE_MS);
  expect(it.told()).toEqual(['trigger pager']);
});

test('news and repeats do not wait for the time that the clock showed once, and nothing is told twice', () => {
  const it = lab(PAGER);
  it.nowMs = START_MS + DAY_MS;
  it.take(fires(START_MS));
  it.pass(2 * MINUTE_MS);
  it.nowMs = START_MS;
  it.take(fires(START_MS, { client: 'web-9' }));
  it.pass(20 * MINUTE_MS);
  const told = (): string[] => it.added.map(({ event }) => event);
  expect(told()).toEqual(['trigger', 'update']);
  it.pass(4 * HOUR_MS);
  expect(told()).toEqual(['trigger', 'update', 'update']);
});

test('a clock that steps back by seconds tells nothing again', () => {
  const it = lab(PAGER);
  it.take(fires(START_MS));
  it.pass(MINUTE_MS);
  for (let i = 0; i < 5; i++) {
    it.nowMs -= 2_000;
    it.pass(1_000);
  }
  expect(it.told()).toEqual(['trigger pager']);
});

test('a host that fell silent, and one that was dismissed, do not wait for the time that the clock showed once', () => {
  const it = lab(PAGER);
  it.nowMs = START_MS + DAY_MS;
  it.take(fires(START_MS, { rule: 'HostSilent', labels: {} }));
  it.take(fires(START_MS, { client: 'web-9', labels: {} }));
  it.pass(10_000);
  const dismissed = it.all().find(({ title }) => title.includes('web-9'));
  it.keeper.act('acme', dismissed?.id ?? '', { kind: 'resolve' }, 'acme.ann', it.nowMs);
  it.nowMs = START_MS;
  it.pass(2 * MINUTE_MS);
  const open = it.all().filter(({ state }) => state === 'open');
  expect(open.map(({ title }) => title).sort()).toEqual(['CpuHigh on web-9', 'HostSilent on web-1']);
});

test('one that flapped is over although the clock was set back', () => {
  const it = lab(PAGER);
  it.nowMs = START_MS + DAY_MS;
  for (let i = 0; i < 4; i++) {
    it.take(fires(START_MS + 2 * i * MINUTE_MS));
    it.take(ends(START_MS + (2 * i + 1) * MINUTE_MS));
  }
  it.nowMs = START_MS;
  it.pass(30 * MINUTE_MS);
  expect(new Set(it.all().map(({ state }) => state))).toEqual(new Set(['resolved']));
});
