/** Packed windows: whatever they are they come back, bit for bit, and what is none of ours is told apart. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineEncoder } from '../../../src/adapters/influxdb/line-encoder.ts';
import { windowPacker } from '../../../src/adapters/influxdb/packed-windows.ts';
import type { WindowWrite } from '../../../src/ports/time-series-store.ts';
import { clientPoints, WINDOWS } from './points.ts';

/** As many samples and corrections as a minute can have, and far beyond. */
const COLUMN = WINDOWS.map((column) => ({
  ...column,
  count: column.count.map((count) => (count % 1e12) + 1),
  revision: column.revision.map((revision) => (revision % 1e12) + 1),
}));

test('windows come back as they were packed, with their series', () => {
  const { pack, unpack } = windowPacker();
  fc.assert(
    fc.property(COLUMN, (column) => {
      expect(unpack(pack(column))).toEqual(column);
    }),
  );
});

test('what is no packed column is undefined, and nothing is thrown', () => {
  const { unpack } = windowPacker();
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      expect(() => unpack(text)).not.toThrow();
    }),
  );
  for (const text of ['', '!', 'AAAA', 'AQ==']) expect(unpack(text)).toBeUndefined();
});

test('a whole block is one more line for each series, at its start, behind the points of its windows', () => {
  fc.assert(
    fc.property(COLUMN, (column) => {
      const start = column.starts[0] ?? 0;
      const inHour = column.starts.filter((ms) => Math.floor(ms / 3_600_000) === Math.floor(start / 3_600_000)).length;
      fc.pre(inHour === column.starts.length);
      const blockStartMs = Math.floor(start / 3_600_000) * 3_600_000;
      const place = { tenant: 'acme', client: 'web-1', datacenter: undefined, environment: undefined };
      const block: WindowWrite = { ...place, resolution: '1m', blockStartMs, columns: [column] };
      const batches = [...lineEncoder().batches([clientPoints({ blocks: [block] })], () => undefined)];
      const lines = batches
        .map(({ bytes }) => new TextDecoder().decode(bytes))
        .join('')
        .trimEnd()
        .split('\n');
      const packed = /packed="([^"]*)" (\d+)$/.exec(lines.at(-1) ?? '');
      expect(lines.filter((line) => line.includes('packed="')).length).toBe(1);
      expect(windowPacker().unpack(packed?.[1] ?? '')).toEqual(column);
      expect(packed?.[2]).toBe(`${blockStartMs}000000`);
    }),
    { numRuns: 300 },
  );
});
