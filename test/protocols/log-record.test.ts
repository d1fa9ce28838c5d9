/** The log record: what was acknowledged comes back as it was, and damage is told, never guessed at. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetricStreamError } from '../../src/model/errors.ts';
import type { Push } from '../../src/model/push.ts';
import { createSeries } from '../../src/model/series.ts';
import { ByteWriter } from '../../src/protocols/bytes.ts';
import { decodeRecord, encodePush, encodeTick, type LogEntry, shapeInterner } from '../../src/protocols/log-record.ts';
import { arbitraryPush, series } from './arbitrary-push.ts';

const shapes = shapeInterner();
const push = arbitraryPush(shapes);
const writer = new ByteWriter(8);
const encode = (one: Push): Uint8Array => encodePush(one, writer);

/** Valid records to damage. */
const records = fc.sample(push, { numRuns: 100, seed: 3 }).map(encode);
const record = fc.nat(records.length - 1).map((place) => (records[place] ?? encodeTick()).slice());

/** Decodes damaged bytes: what they say, or undefined when corrupt_data is told; any other error fails the test. */
function decodeDamaged(bytes: Uint8Array): LogEntry | undefined {
  try {
    return decodeRecord(bytes, shapes);
  } catch (error) {
    if (error instanceof MetricStreamError && error.code === 'corrupt_data') return undefined;
    throw error;
  }
}

describe('a record', () => {
  test('brings back the push as it was, bit for bit', () => {
    fc.assert(
      fc.property(push, (one) => {
        expect(decodeRecord(encode(one), shapes)).toEqual({ type: 'push', push: one });
      }),
      { numRuns: 300 },
    );
  });

  test('brings back the same in a process that has seen no shape yet', () => {
    fc.assert(
      fc.property(push, (one) => {
        const entry = decodeRecord(encode(one), shapeInterner());
        expect(entry).toEqual({ type: 'push', push: one });
        expect(encode((entry as { push: Push }).push)).toEqual(encode(one));
      }),
    );
  });

  test('is a fresh array: the next record does not write into it', () => {
    const [one, other] = fc.sample(push, 2) as [Push, Push];
    const bytes = encode(one);
    const copy = bytes.slice();
    encode(other);
    expect(bytes).toEqual(copy);
  });

  test('may be a tick, which is two bytes', () => {
    expect(decodeRecord(encodeTick(), shapes)).toEqual({ type: 'tick' });
    expect(encodeTick().length).toBe(2);
  });

  test('of ten catalogue metrics of a known host with a shared time takes under 200 bytes', () => {
    const shape = shapes.intern(
      ['cpu', 'memory_used', 'load1', 'load5', 'load15', 'uptime_seconds', 'memory_cached', 'memory_total', 'memory_available']
        .map((name) => createSeries(name, [], '', 'gauge'))
        .concat(createSeries('disk_used', [['mount', '/']], '', 'gauge')),
    );
    const [one] = fc.sample(push, 1) as [Push];
    const plain = { ...one, tenant: 'default', client: 'web-1', correlationId: 'x'.repeat(32), rejected: [], shape };
    const bare = { ...plain, sentMs: undefined, pushId: undefined, traceparent: undefined, datacenter: undefined };
    const samples = { values: new Float64Array(10), timesMs: Float64Array.of(1.7e12), timesNs: undefined };
    expect(encode({ ...bare, environment: undefined, ...samples }).length).toBeLessThan(200);
  });
});

describe('damage', () => {
  test('by truncation is refused at every place', () => {
    for (const bytes of records) {
      for (let length = 0; length < bytes.length; length++) {
        if (decodeDamaged(bytes.subarray(0, length)) !== undefined) expect.fail(`${length} of ${bytes.length} bytes were read`);
      }
    }
  });

  test('by bytes behind the record is refused', () => {
    for (const bytes of [...records, encodeTick()]) expect(decodeDamaged(Uint8Array.of(...bytes, 0))).toBeUndefined();
  });

  test('of any kind gives a record or corrupt_data, and no sample that no push can have', () => {
    const flip = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(record, fc.array(flip, { minLength: 1, maxLength: 4 }), (bytes, flips) => {
        for (const [at, bits] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ bits;
        const entry = decodeDamaged(bytes);
        if (entry?.type !== 'push') return;
        const { shape, values, timesMs, timesNs } = entry.push;
        const sound = values.every(Number.isFinite) && timesMs.every(Number.isSafeInteger);
        const exact = timesNs?.every((ns) => ns >= 0 && ns < 1_000_000) ?? true;
        expect([sound, exact, values.length]).toEqual([true, true, shape.series.length]);
      }),
      { numRuns: 10_000 },
    );
  });

  test('that claims sizes beyond the record is refused before anything of that size is made', () => {
    const most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    const cases = [
      [1, 0, 0, ...most],
      [1, 0, ...most, ...most],
      [1, 0, 0, 1, 97, 1, 97, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, ...most],
      [1, 0, 0, 1, 97, 1, 97, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 8, ...most],
    ];
    for (const bytes of cases) expect(decodeDamaged(Uint8Array.from(bytes))).toBeUndefined();
  });

  test('of all bytes gives a record or corrupt_data', () => {
    const start = fc.constantFrom([], [1], [1, 0], [1, 0, 0], [1, 0, 0xff, 7]);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 100 }), (head, tail) => {
        decodeDamaged(Uint8Array.of(...head, ...tail));
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('interning', () => {
  test('gives equal lists of series one object, from series as from bytes', () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 5 }), (list) => {
        const interner = shapeInterner();
        const shape = interner.intern(list);
        expect(interner.intern(list.map((one) => ({ ...one })))).toBe(shape);
        expect(interner.internBytes(shape.bytes.slice())).toBe(shape);
        expect(shape.series).toEqual(list);
      }),
    );
  });

  test('tells lists apart that differ in order, unit, kind or length', () => {
    const a = createSeries('a', [], '', 'gauge');
    const b = createSeries('b', [], '', 'gauge');
    const lists = [[a, b], [b, a], [a], [a, a], [{ ...a, unit: 'x' }], [{ ...a, kind: 'counter' as const }], []];
    const interner = shapeInterner();
    expect(new Set(lists.map((list) => interner.intern(list))).size).toBe(lists.length);
    expect(interner.intern([a, a]).distinct).toBe(false);
  });

  test('refuses bytes behind a shape, which would be another shape of the same series', () => {
    expect(() => shapeInterner().internBytes(Uint8Array.of(0, 0))).toThrow(expect.objectContaining({ code: 'corrupt_data' }));
  });

  test("keeps its own copy of the bytes, a Buffer's too, whose slice is a view", () => {
    const { bytes } = shapeInterner().intern([createSeries('a', [], '', 'gauge')]);
    const fresh = shapeInterner();
    const record = Buffer.concat([bytes, new Uint8Array(1_000)]);
    const shape = fresh.internBytes(record.subarray(0, bytes.length));
    record.fill(0);
    expect(shape.bytes).toEqual(bytes);
    expect(shape.bytes.buffer.byteLength).toBe(bytes.length);
  });

  test('forgets when it is full, and goes on', () => {
    const interner = shapeInterner();
    const one = createSeries('a', [], '', 'gauge');
    const first = interner.intern([one]);
    for (let i = 0; i < 20_000; i++) interner.intern([createSeries(`m${i}`, [], '', 'gauge')]);
    expect(interner.intern([one])).toEqual(first);
  });
});
