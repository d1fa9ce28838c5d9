/** Timestamps: every form that clients write, exact to the nanosecond, and nothing that only looks like one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatTimestamp, parseTimestamp } from '../../src/protocols/timestamp.ts';

describe('a timestamp', () => {
  test.each([
    ['Unix ms', 1763910767123, 1763910767123, 0],
    ['the epoch', 0, 0, 0],
    ['a fraction of a ms, cut', 1763910767123.9, 1763910767123, 0],
    ['Unix ns', '1763910767123456789', 1763910767123, 456789],
    ['Unix ns below a ms', '5', 0, 5],
    ['nineteen digits', '9999999999999999999', 9999999999999, 999999],
    ['ns with zeros in front', '0000000001763910767', 1763, 910767],
    ['RFC 3339', '2025-11-23T15:12:47Z', 1763910767000, 0],
    ['lower case', '2025-11-23t15:12:47z', 1763910767000, 0],
    ['a blank for the T', '2025-11-23 15:12:47Z', 1763910767000, 0],
    ['tenths', '2025-11-23T15:12:47.1Z', 1763910767100, 0],
    ['nanoseconds', '2025-11-23T15:12:47.123456789Z', 1763910767123, 456789],
    ['more digits than ns, cut', '2025-11-23T15:12:47.1234567899999Z', 1763910767123, 456789],
    ['an offset ahead', '2025-11-23T16:12:47+01:00', 1763910767000, 0],
    ['an offset behind', '2025-11-23T09:42:47.000000001-05:30', 1763910767000, 1],
    ['an unknown offset', '2025-11-23T15:12:47-00:00', 1763910767000, 0],
    ['a leap day', '2024-02-29T00:00:00Z', 1709164800000, 0],
    ['the epoch as text', '1970-01-01T00:00:00Z', 0, 0],
  ])('may be %s', (_form, text, ms, ns) => {
    expect(parseTimestamp(text)).toEqual({ ms, ns });
  });

  test.each([
    [-1],
    [-0.5],
    [2 ** 53],
    [1e18],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [''],
    ['-5'],
    ['+5'],
    ['1.5'],
    ['1e18'],
    ['12345678901234567890'],
    [' 1763910767123456789'],
    ['2025-11-23'],
    ['2025-11-23T15:12:47'],
    ['2025-11-23T15:12Z'],
    ['2025-11-23T15:12:47.Z'],
    ['2025-11-23T15:12:60Z'],
    ['2025-11-23T24:00:00Z'],
    ['2025-11-23T15:60:00Z'],
    ['2025-13-01T00:00:00Z'],
    ['2025-00-01T00:00:00Z'],
    ['2025-02-29T00:00:00Z'],
    ['2025-04-31T00:00:00Z'],
    ['0070-01-01T00:00:00Z'],
    ['1969-12-31T23:59:59Z'],
    ['1970-01-01T00:30:00+01:00'],
    ['2025-11-23T15:12:47+24:00'],
    ['2025-11-23T15:12:47+01:60'],
    ['2025-11-23T15:12:47+0100'],
    ['2025-11-23T15:12:47Z\n'],
    [null],
    [true],
    [{}],
    [[1763910767123]],
  ])('is not %j', (value) => {
    expect(parseTimestamp(value)).toBeUndefined();
  });

  test('as answered is read again as the same instant, to the nanosecond', () => {
    fc.assert(
      fc.property(fc.nat(9_999_999_999_999), fc.oneof(fc.constant(0), fc.nat(999_999)), (ms, ns) => {
        expect(parseTimestamp(formatTimestamp(ms, ns))).toEqual({ ms, ns });
      }),
    );
  });

  test('in RFC 3339 is the instant that the platform reads, at every ms', () => {
    fc.assert(
      fc.property(fc.nat(4_102_444_800_000), fc.nat(999_999), (ms, ns) => {
        const text = new Date(ms).toISOString().replace('Z', `${String(ns).padStart(6, '0')}Z`);
        expect(parseTimestamp(text)).toEqual({ ms, ns });
      }),
    );
  });
});
