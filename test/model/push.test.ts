/** Push ids and windows of time: small rules that headers and stored keys depend on. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePushId } from '../../src/model/push.ts';
import { createSeries, seriesKey } from '../../src/model/series.ts';
import { HOUR_MS, MINUTE_MS, windowStart } from '../../src/model/window.ts';

describe('a push id', () => {
  test('is a boot and a dense sequence', () => {
    expect(parsePushId('boot-1:0', undefined)).toEqual({ boot: 'boot-1', sequence: 0, previous: undefined });
    expect(parsePushId('b:42', 'a:17')).toEqual({ boot: 'b', sequence: 42, previous: { boot: 'a', count: 17 } });
  });

  test.each([
    [''],
    ['boot'],
    ['boot:'],
    [':1'],
    ['boot:-1'],
    ['boot:01'],
    ['boot:1.5'],
    ['boot:1e3'],
    [' boot:1'],
    ['bo_ot:1'],
    ['boot:1:2'],
    [`${'b'.repeat(65)}:1`],
    ['boot:9007199254740992'],
    ['boot:99999999999999999'],
  ])('is not %j', (text) => {
    expect(parsePushId(text, undefined)).toBeUndefined();
  });

  test('takes the greatest sequence that a double holds exactly', () => {
    expect(parsePushId('b:9007199254740991', undefined)?.sequence).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('passes over a predecessor that is not well formed', () => {
    expect(parsePushId('b:1', 'what')?.previous).toBeUndefined();
  });
});

describe('a series', () => {
  const label = fc.stringMatching(/^[a-z]{1,3}$/);
  test('has one key however its labels were ordered', () => {
    fc.assert(
      fc.property(fc.dictionary(label, fc.string({ unit: 'grapheme' })), (labels) => {
        const pairs = Object.entries(labels);
        const key = createSeries('m', pairs, '', 'gauge').key;
        expect(createSeries('m', pairs.toReversed(), '', 'gauge').key).toBe(key);
      }),
    );
  });

  test('has another key when name, label or value differ, however they are cut', () => {
    const keys = [
      seriesKey('ab', []),
      seriesKey('a', [['b', '']]),
      seriesKey('a', [['b', 'c']]),
      seriesKey('a', [['bc', '']]),
      seriesKey('a', [
        ['b', ''],
        ['c', ''],
      ]),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});

test('a window starts at the multiple of its width at or before a time', () => {
  expect(windowStart(MINUTE_MS - 1, MINUTE_MS)).toBe(0);
  expect(windowStart(MINUTE_MS, MINUTE_MS)).toBe(MINUTE_MS);
  fc.assert(
    fc.property(fc.nat(4e15), fc.constantFrom(MINUTE_MS, HOUR_MS), (timeMs, stepMs) => {
      const start = windowStart(timeMs, stepMs);
      expect(start % stepMs).toBe(0);
      expect(start <= timeMs && timeMs < start + stepMs).toBe(true);
    }),
  );
});
