/** What a page says: useful at 3 a.m., one line a text, whatever labels and annotations hold. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { composeMessage, cut, durationText, oneLine, plainText, webLink } from '../../../src/alerts/notifiers/message.ts';
import { alertOf, incidentOf, NOW_MS, notificationOf } from './pages.ts';

test('a page of a new incident says all that one needs, in the order of need', () => {
  expect(plainText(composeMessage(notificationOf('trigger')))).toBe(
    [
      'A new incident with 1 alert.',
      '',
      'Severity: critical',
      'Since: 2026-03-01 02:14:05 UTC',
      'rule: CpuHigh',
      'datacenter: fra',
      'Incident: incident-1',
      'Runbook: https://runbooks.example.com/cpu',
      'Look at it: https://metrics.example.com/#incident-1',
      '',
      'web-1: CpuHigh {core="3"} (firing, since 2026-03-01 02:14:05 UTC)',
      '  The processor is busy.',
      '  avg(cpu) = 93.2457',
      '  3.9× the usual spread for Sundays 02:00',
      '',
    ].join('\n'),
  );
});

test.each([
  ['trigger', {}, 'FIRING', 'A new incident with 1 alert.'],
  ['update', {}, 'STILL FIRING', 'The incident goes on since 5 m 55 s, now with 1 alert.'],
  ['acknowledge', { acknowledgedBy: 'ana' }, 'ACKNOWLEDGED', 'ana has taken it on; nothing more to do unless that is you.'],
  ['resolve', { resolvedMs: NOW_MS, state: 'resolved' }, 'RESOLVED', 'The incident is over; it lasted 5 m 55 s.'],
  [
    'update',
    { escalations: 2 },
    'ESCALATED',
    'Nobody has acknowledged this incident since 2026-03-01 02:20:00 UTC; it is passed on to you, at step 2.',
  ],
  ['test', {}, 'TEST', 'Someone is testing this channel. Nothing is wrong, and nothing is to be done.'],
  ['canary', {}, 'CANARY', 'A regular proof that this channel works. Nothing is wrong, and nothing is to be done.'],
] as const)('%s of %j reads %s', (event, changes, status, reason) => {
  expect(composeMessage(notificationOf(event, { incident: incidentOf(changes) }))).toMatchObject({ status, reason });
});

test('alerts that still hold come first, and those beyond the bound are counted', () => {
  const over = Array.from({ length: 15 }, (_, n) => alertOf({ client: `over-${n}`, state: 'resolved' }));
  const firing = Array.from({ length: 15 }, (_, n) => alertOf({ client: `firing-${n}` }));
  const incident = incidentOf({ alerts: [...over, ...firing], alertCount: 40 });
  const message = composeMessage(notificationOf('update', { incident }));
  expect(message.alerts.map(({ name }) => name.split(':')[0]).slice(0, 16)).toEqual([
    ...firing.map(({ client }) => client),
    'over-0',
  ]);
  expect(message.alerts.length + message.moreAlerts).toBe(40);
});

test('an alert whose data are missing is not said to be over', () => {
  const incident = incidentOf({ alerts: [alertOf({ state: 'unknown' })] });
  expect(plainText(composeMessage(notificationOf('update', { incident })))).toContain('unknown: its data are missing');
});

test.each([
  [0, '0 s'],
  [999, '1 s'],
  [61_000, '1 m 1 s'],
  [3_600_000, '1 h'],
  [90_061_000, '1 d 1 h'],
  [-5, '0 s'],
])('%i ms reads %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  ['javascript:alert(1)', undefined],
  ['file:///etc/passwd', undefined],
  ['https://a.example/\r\nX: y', undefined],
  ['https://a.example/x|y>z', 'https://a.example/x%7Cy%3Ez'],
  ['not a link', undefined],
  [undefined, undefined],
])('the link %j becomes %j', (text, link) => {
  expect(webLink(text)).toBe(link);
});

test('whatever text comes in, a line comes out: bounded, well formed, without control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 1, max: 300 }), (text, lengthMax) => {
      const line = oneLine(text, lengthMax);
      expect(line).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      expect(line.length).toBeLessThanOrEqual(lengthMax);
      expect(line.isWellFormed()).toBe(true);
    }),
  );
  expect(cut('ab😀', 3)).toBe('ab…');
});
