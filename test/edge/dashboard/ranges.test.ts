/** Ranges read no more points than a chart can show, and addresses lead back to where they came from. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseStep, PRESETS, type Range, readsSamples, refreshMs, spanOf } from '../../../src/edge/dashboard/ranges.ts';
import { hostHash, parseRoute } from '../../../src/edge/dashboard/routes.ts';
import { LIMITS } from '../../../src/model/limits.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('the step of a range', () => {
  test.each([
    [HOUR_MS, '1m', '1m'],
    [DAY_MS, '5m', '1m'],
    [7 * DAY_MS, '1h', '1h'],
    [90 * DAY_MS, '6h', '1h'],
  ])('%d ms is read in steps of %s from %s', (spanMs, step, resolution) => {
    expect(chooseStep(spanMs)).toMatchObject({ step, resolution });
  });

  test('keeps to pagePointsMax up to a year, and is a multiple of what is read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60_000, max: 365 * DAY_MS }), (spanMs) => {
        const { stepMs, resolution } = chooseStep(spanMs);
        expect(spanMs / stepMs).toBeLessThanOrEqual(LIMITS.pagePointsMax);
        expect(stepMs % (resolution === '1h' ? HOUR_MS : 60_000)).toBe(0);
      }),
    );
  });

  test('gets coarser with each try, until it is a day', () => {
    expect([0, 1, 2].map((tries) => chooseStep(DAY_MS, tries).step)).toEqual(['5m', '10m', '15m']);
    expect(chooseStep(DAY_MS, 99).step).toBe('24h');
  });
});

describe('the span of a range', () => {
  test('ends now, and stays where it was drawn', () => {
    expect(spanOf('1h', 10 * HOUR_MS)).toEqual({ startMs: 9 * HOUR_MS, endMs: 10 * HOUR_MS });
    expect(spanOf({ startMs: 1, endMs: 2 }, 10 * HOUR_MS)).toEqual({ startMs: 1, endMs: 2 });
  });

  test('begins with the first sample of a new host, two minutes at least', () => {
    const nowMs = DAY_MS;
    const length = (firstMs: number | undefined): number => nowMs - spanOf('live', nowMs, firstMs).startMs;
    expect(length(undefined)).toBe(LIMITS.pageLiveSpanMs);
    expect(length(0)).toBe(LIMITS.pageLiveSpanMs);
    expect(length(nowMs - 5 * 60_000)).toBe(5 * 60_000);
    expect(length(nowMs - 1_000)).toBe(LIMITS.pageLiveSpanMsMin);
    expect(length(Number.POSITIVE_INFINITY)).toBe(LIMITS.pageLiveSpanMsMin);
  });

  test('samples are read for short ones only, and a drawn one is read once', () => {
    expect((Object.keys(PRESETS) as (keyof typeof PRESETS)[]).filter(readsSamples)).toEqual(['live']);
    expect(readsSamples({ startMs: 0, endMs: LIMITS.pageSamplesSpanMs })).toBe(true);
    expect(readsSamples({ startMs: 0, endMs: LIMITS.pageSamplesSpanMs + 1 })).toBe(false);
    expect(refreshMs({ startMs: 0, endMs: HOUR_MS })).toBeUndefined();
    expect(refreshMs('7d')).toBe(5 * 60_000);
  });
});

describe('addresses', () => {
  test('lead back to the same host and range', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.constantFrom<Range>('live', '1h', '24h', '7d', { startMs: 5, endMs: 6 }),
        (client, range) => {
          expect(parseRoute(hostHash(client, range))).toEqual({ view: 'host', client, range });
        },
      ),
    );
  });

  test.each(['', '#', '#/', '#/nowhere', '#/host', '#/host/', '#main'])('%s is the list of hosts', (hash) => {
    expect(parseRoute(hash)).toEqual({ view: 'fleet' });
  });

  test.each(['#/host/a/soon', '#/host/a/9-5', '#/host/a/5-', '#/host/a/-5-9'])('%s is the live range', (hash) => {
    expect(parseRoute(hash)).toEqual({ view: 'host', client: 'a', range: 'live' });
  });

  test('a key is taken whole, and broken escapes do not break the page', () => {
    expect(parseRoute('#key=a.b/c')).toEqual({ view: 'key', key: 'a.b/c' });
    expect(parseRoute('#/host/%E0%A4%A')).toEqual({ view: 'host', client: '%E0%A4%A', range: 'live' });
  });
});
