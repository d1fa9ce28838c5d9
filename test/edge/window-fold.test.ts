/** Wide windows field by field: bit for bit what folding whole aggregates gives. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countWindows, eachWindow, FIELD_READERS, FIELDS, fieldsRead, isOpen } from '../../src/edge/window-fold.ts';
import { emptyAggregate, foldAggregate } from '../../src/model/aggregate.ts';
import { createSeries } from '../../src/model/series.ts';
import type { WindowColumn } from '../../src/ports/time-series-store.ts';

const MINUTE_MS = 60_000;
const STEP_MS = 5 * MINUTE_MS;
const value = fc.oneof(
  fc.constantFrom(0, -0, 0.1, 1e308, -1e308),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
);

const column: fc.Arbitrary<WindowColumn> = fc
  .uniqueArray(fc.nat(40), { maxLength: 20 })
  .map((minutes) => minutes.sort((a, b) => a - b))
  .chain((minutes) => {
    const field = (one: fc.Arbitrary<number>): fc.Arbitrary<Float64Array> =>
      fc.array(one, { minLength: minutes.length, maxLength: minutes.length }).map((list) => Float64Array.from(list));
    const positive = fc.integer({ min: 1, max: 9 });
    return fc.record({
      series: fc.constant(createSeries('a', [], '', 'gauge')),
      starts: fc.constant(Float64Array.from(minutes, (minute) => minute * MINUTE_MS)),
      count: field(positive),
      sum: field(value),
      min: field(value),
      max: field(value),
      first: field(value),
      last: field(value),
      increase: field(value),
      revision: field(positive),
    });
  });

test('each field of a wide window is that of the fold of its windows', () => {
  fc.assert(
    fc.property(column, fc.nat(45), (windows, openFrom) => {
      let places = 0;
      let wide = 0;
      eachWindow(windows, STEP_MS, (startMs, from, to) => {
        expect(from).toBe(places);
        const inside = windows.starts.slice(from, to);
        expect(inside.every((start) => Math.floor(start / STEP_MS) * STEP_MS === startMs)).toBe(true);
        expect(windows.starts[to] ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(startMs + STEP_MS);
        const fold = emptyAggregate();
        let revision = 1;
        for (let i = from; i < to; i++) {
          const part = emptyAggregate();
          for (const name of ['count', 'sum', 'min', 'max', 'first', 'last', 'increase'] as const)
            part[name] = windows[name][i] ?? 0;
          foldAggregate(fold, part);
          revision += (windows.revision[i] ?? 1) - 1;
        }
        const expected = { ...fold, avg: fold.sum / fold.count, revision };
        for (const name of Object.keys(expected) as (keyof typeof expected)[]) {
          expect(FIELD_READERS[name](windows, from, to)).toBe(expected[name]);
        }
        expect(isOpen(windows, to, openFrom * MINUTE_MS)).toBe(inside.some((start) => start >= openFrom * MINUTE_MS));
        places = to;
        wide += 1;
      });
      expect(places).toBe(windows.starts.length);
      expect(countWindows(windows, STEP_MS)).toBe(wide);
    }),
  );
});

test('a field is the same where nothing but what it reads is known', () => {
  fc.assert(
    fc.property(column, fc.constantFrom(...FIELDS), (windows, field) => {
      const unknown = windows.starts.map(() => Number.NaN);
      const all = { count: unknown, sum: unknown, min: unknown, max: unknown, first: unknown, last: unknown };
      const read = Object.fromEntries(fieldsRead([field]).map((name) => [name, windows[name]]));
      const known: WindowColumn = { ...windows, ...all, increase: unknown, revision: unknown, ...read };
      eachWindow(windows, STEP_MS, (_startMs, from, to) => {
        expect(FIELD_READERS[field](known, from, to)).toBe(FIELD_READERS[field](windows, from, to));
      });
    }),
  );
});
