/** Matchers, waves of silent hosts and titles: the small parts, for all inputs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { notificationId, readNotificationId } from '../../../src/alerts/incident-id.ts';
import { severityRank, titleOf } from '../../../src/alerts/incident-view.ts';
import { waveOf } from '../../../src/alerts/mass-silence.ts';
import { compileMatchers } from '../../../src/alerts/matchers.ts';
import { ALERT_LIMITS } from '../../../src/model/alert-limits.ts';
import { fires, START_MS } from './lab.ts';

const matches = (pattern: string, text: string): boolean =>
  compileMatchers({ mount: pattern })(fires(START_MS, { labels: text === '' ? {} : { mount: text } }));

describe('a matcher', () => {
  test.each([
    ['/var', '/var', true],
    ['/var', '/var/log', false],
    ['/var*', '/var/log', true],
    ['*log', '/var/log', true],
    ['/*/log', '/var/log', true],
    ['/*/log', '/log', false],
    ['ab*ba', 'aba', false],
    ['*', '', false],
    ['*', '/', true],
    ['', '', true],
    ['', '/', false],
    ['!/var', '/', true],
    ['!/var', '', true],
    ['!*', '', true],
    ['!*', '/', false],
    ['a.c', 'abc', false],
  ])('%s of %s says %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test('says what a regular expression would', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(letters, text, (pattern, value) => {
        expect(matches(pattern, value)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(value));
      }),
    );
  });

  test('is quick with a pattern that is made to be slow', () => {
    expect(matches(`${'a*'.repeat(120)}b`, 'a'.repeat(100_000))).toBe(false);
  });

  test('knows the fields of an alert, and no property that objects have by themselves', () => {
    const alert = fires(START_MS, { environment: 'prod', labels: { host: 'x' } });
    const fields = {
      host: 'web-1',
      rule: 'CpuHigh',
      group: 'builtin',
      severity: 'critical',
      datacenter: 'eu',
      environment: 'prod',
    };
    expect(compileMatchers(fields)(alert)).toBe(true);
    expect(compileMatchers({ constructor: '*' })(alert)).toBe(false);
    expect(compileMatchers({})(alert)).toBe(true);
  });
});

test('a wave is what a look at every stretch of time finds', () => {
  const host = fc.record({ atMs: fc.nat(400_000), waits: fc.boolean() });
  fc.assert(
    fc.property(fc.array(host, { maxLength: 20 }), fc.nat(60), (hosts, count) => {
      const fallen = hosts.map((one, i) => ({ ...one, alert: `a${i}` }));
      const within = (fromMs: number) =>
        fallen.filter(({ atMs }) => atMs >= fromMs && atMs <= fromMs + ALERT_LIMITS.massWindowMs);
      const isWave = (all: readonly unknown[]) =>
        all.length >= ALERT_LIMITS.massHostsMin && all.length > count * ALERT_LIMITS.massShare;
      const expected = new Set(
        fallen.flatMap(({ atMs }) => (isWave(within(atMs)) ? within(atMs) : [])).map(({ alert }) => alert),
      );
      const found = waveOf(fallen, count).map(({ alert }) => alert);
      expect(found.toSorted()).toEqual(
        fallen.flatMap(({ alert, waits }) => (waits && expected.has(alert) ? [alert] : [])).toSorted(),
      );
    }),
  );
});

test('a title is one line of bounded length, whatever an annotation says', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (summary) => {
      const title = titleOf([fires(START_MS, { annotations: { summary } })]);
      expect(title).toMatch(/^[^\u0000-\u001f\u007f\u0085\u2028\u2029]*$/);
      expect(title.length).toBeLessThanOrEqual(ALERT_LIMITS.incidentTitleLengthMax);
      expect(title.isWellFormed()).toBe(true);
    }),
  );
});

test('severities are ordered, custom ones above informational', () => {
  const order = ['critical', 'informational', 'page the boss', 'high', ''].sort((a, b) => severityRank(b) - severityRank(a));
  expect(order).toEqual(['critical', 'high', 'page the boss', '', 'informational']);
});

test('the id of a notification says whose it is', () => {
  expect(readNotificationId(notificationId('acme', 'abc', 12, 'mail-1'))).toEqual({
    tenant: 'acme',
    incident: 'abc',
    channel: 'mail-1',
  });
  expect(readNotificationId('canary:acme:mail')).toBeUndefined();
});
