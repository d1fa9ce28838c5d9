/** What an answer means, and how long to wait. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, judge, retryAfterMs } from '../../src/agent/retry.ts';

describe('judge', () => {
  test.each([
    [undefined, 'failed'],
    [200, 'delivered'],
    [202, 'delivered'],
    [204, 'delivered'],
    [301, 'failed'],
    [307, 'failed'],
    [400, 'http_400'],
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [404, 'http_4xx'],
    [408, 'failed'],
    [413, 'http_413'],
    [415, 'http_4xx'],
    [422, 'http_422'],
    [429, 'limited'],
    [500, 'failed'],
    [503, 'failed'],
    [599, 'failed'],
    [Number.NaN, 'failed'],
  ])('%s means %s', (status, meaning) => {
    const verdict = judge(status);
    expect(verdict.kind === 'dropped' ? verdict.reason : verdict.kind).toBe(meaning);
  });
});

describe('backoffMs', () => {
  test('is 1, 2, 4, 8, 16, 16 s without jitter, and at most 20 % off with it', () => {
    const steps = [1, 2, 3, 4, 5, 6, 100];
    expect(steps.map((attempts) => backoffMs(attempts, 0.5))).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000]);
    expect(steps.map((attempts) => backoffMs(attempts, 0))).toEqual([800, 1_600, 3_200, 6_400, 12_800, 12_800, 12_800]);
    expect(backoffMs(1, 1 - Number.EPSILON)).toBe(1_200);
  });
});

describe('retryAfterMs', () => {
  const now = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT');

  test.each([
    ['30', 30_000],
    [' 7 ', 7_000],
    ['0', 0],
    ['300', 300_000],
    ['301', 300_000],
    ['99999999999999999999999999999999', 300_000],
    [`1${'0'.repeat(400)}`, 300_000],
    ['Wed, 21 Oct 2026 07:28:10 GMT', 10_000],
    ['Wed, 21 Oct 2026 07:27:00 GMT', 0],
    ['Fri, 01 Jan 2055 00:00:00 GMT', 300_000],
  ])('%s is understood', (header, expected) => {
    expect(retryAfterMs(header, now, 0)).toBe(expected);
  });

  test.each([
    undefined,
    '',
    'soon',
    '-5',
    '1.5',
    '1e3',
    '5 s',
    '0x10',
    'Wed, 99 Oct 2026 07:28:00 GMT',
    '2026-10-21T07:28:00Z',
    '١',
  ])('%s is garbage, and none', (header) => {
    expect(retryAfterMs(header, now, 0)).toBeUndefined();
  });

  test('never less than asked, never a fifth more, never beyond five minutes', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (seconds, random) => {
        const waitMs = retryAfterMs(String(seconds), now, random) ?? -1;
        expect(waitMs).toBeGreaterThanOrEqual(Math.min(seconds * 1_000, 300_000));
        expect(waitMs).toBeLessThanOrEqual(Math.min(seconds * 1_200, 300_000));
      }),
    );
  });
});
