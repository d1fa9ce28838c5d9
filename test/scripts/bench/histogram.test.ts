/** The latency histogram against sorted lists. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { histogram } from '../../../scripts/bench/histogram.ts';

describe('histogram', () => {
  test('a quantile is never below the true one, and above it by at most 0.1 %', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 100_000_000 }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (latencies, q) => {
          const latencyUs = histogram();
          for (const us of latencies) latencyUs.record(us);
          const sorted = [...latencies].sort((a, b) => a - b);
          const exact = sorted[Math.max(1, Math.ceil(latencies.length * q)) - 1] ?? 0;
          expect(latencyUs.quantile(q)).toBeGreaterThanOrEqual(exact);
          expect(latencyUs.quantile(q)).toBeLessThanOrEqual(exact * 1.001);
        },
      ),
    );
  });

  test('what cannot be a latency still counts', () => {
    const latencyUs = histogram();
    for (const us of [-1, Number.NaN, 1e12]) latencyUs.record(us);
    expect([latencyUs.count, latencyUs.quantile(0), latencyUs.quantile(1)]).toEqual([3, 0, 2 ** 31 - 1]);
  });

  test('after a reset there is nothing', () => {
    const latencyUs = histogram();
    latencyUs.record(5);
    latencyUs.reset();
    expect([latencyUs.count, latencyUs.quantile(0.5)]).toEqual([0, 0]);
  });
});
