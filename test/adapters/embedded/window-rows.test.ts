/** Rows of window blocks: nothing is lost, none is larger than asked, and no bytes break a reader. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packRows, ROW_MS, readRow } from '../../../src/adapters/embedded/window-rows.ts';
import { MetricStreamError } from '../../../src/model/errors.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import { HOUR_MS } from '../../../src/model/window.ts';

const START_MS = 1_795_478_400_000;
const HOURS = ROW_MS['1m'] / HOUR_MS;

const blocks = fc
  .array(fc.tuple(fc.nat(HOURS - 1), fc.oneof(fc.nat(50), fc.nat(2 * LIMITS.windowRowBytes))), { maxLength: 12 })
  .map((list) =>
    list
      .sort(([a], [b]) => a - b)
      .map(([hour, length], i) => ({ startMs: START_MS + hour * HOUR_MS, bytes: new Uint8Array(length).fill(i) })),
  );

test('blocks come back in their order from rows that each say their first', () => {
  fc.assert(
    fc.property(blocks, (list) => {
      const rows = packRows(START_MS, '1m', list);
      const read = rows.map(({ body }) => readRow(START_MS, '1m', body));
      expect(read.flat()).toEqual(list);
      expect(rows.map(({ firstMs }) => firstMs)).toEqual(read.map(([first]) => first?.startMs));
      for (const [i, { body }] of rows.entries()) {
        if ((read[i]?.length ?? 0) > 1) expect(body.length).toBeLessThanOrEqual(LIMITS.windowRowBytes + 100);
      }
    }),
  );
});

test('any bytes are blocks of the row\u2019s time or corrupt_data', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        const list = readRow(START_MS, '1m', Uint8Array.of(1, ...bytes));
        expect(list.length).toBeGreaterThan(0);
        for (const { startMs } of list) expect(Math.floor(startMs / ROW_MS['1m']) * ROW_MS['1m']).toBe(START_MS);
      } catch (error) {
        expect(error).toMatchObject({ code: 'corrupt_data' });
      }
    }),
    { numRuns: 1000 },
  );
  expect(() => readRow(START_MS, '1m', Uint8Array.of(2, 0, 0))).toThrow(MetricStreamError);
  expect(() => readRow(START_MS, '1m', Uint8Array.of(1, 3, 0, 2, 0))).toThrow('another time');
});
