/** Numbers and texts of stored bytes: what was written is read, and nothing is read that was not written. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MetricStreamError } from '../../src/model/errors.ts';
import { ByteReader, ByteWriter } from '../../src/protocols/bytes.ts';

const written = (write: (writer: ByteWriter) => void): ByteReader => {
  const writer = new ByteWriter(1);
  write(writer);
  return new ByteReader(writer.copy());
};

const refuses = (read: () => unknown): void => {
  expect(read).toThrow(expect.objectContaining({ code: 'corrupt_data' }) as MetricStreamError);
};

describe('bytes', () => {
  test('bring back every non-negative integer to 2^53 as a varint', () => {
    const edges = Array.from({ length: 54 }, (_, bits) => 2 ** bits).flatMap((edge) => [edge - 1, edge]);
    const numbers = edges.filter(Number.isSafeInteger);
    const reader = written((writer) => {
      for (const number of numbers) writer.varint(number);
    });
    expect(numbers.map(() => reader.varint())).toEqual(numbers);
    fc.assert(fc.property(fc.maxSafeNat(), (number) => written((writer) => writer.varint(number)).varint() === number));
  });

  test('bring back every text that is well formed', () => {
    const texts = fc.array(
      fc.oneof(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.constantFrom('', '\ufeff', 'é'.repeat(127))),
    );
    fc.assert(
      fc.property(texts, (list) => {
        const reader = written((writer) => {
          for (const text of list) writer.text(text);
        });
        expect(list.map(() => reader.text())).toEqual(list);
        expect(reader.remaining).toBe(0);
      }),
    );
  });

  test('bring back doubles bit for bit, at any place', () => {
    fc.assert(
      fc.property(fc.float64Array(), fc.uint8Array({ maxLength: 9 }), (values, before) => {
        const reader = written((writer) => {
          writer.raw(before);
          writer.floats(values);
          for (const value of values) writer.f64(value);
        });
        for (let i = 0; i < before.length; i++) reader.u8();
        expect(reader.floats(values.length)).toEqual(values);
        for (const value of values) expect(reader.f64()).toBe(value);
      }),
    );
  });

  test('written after a reset hold nothing of what was there before', () => {
    const writer = new ByteWriter(4);
    writer.text('a longer text than that');
    writer.reset();
    writer.u8(7);
    expect(writer.copy()).toEqual(Uint8Array.of(7));
  });
});

describe('a reader', () => {
  test('never reads past its end, whatever is asked for', () => {
    const asks: ((reader: ByteReader) => unknown)[] = [
      (reader) => reader.u8(),
      (reader) => reader.u32(),
      (reader) => reader.f64(),
      (reader) => reader.varint(),
      (reader) => reader.text(),
      (reader) => reader.block(),
      (reader) => reader.floats(1),
      (reader) => reader.floats(Number.MAX_SAFE_INTEGER),
    ];
    for (const ask of asks) refuses(() => ask(new ByteReader(new Uint8Array(64), 8, 8)));
  });

  test('refuses a varint over 2^53, one without an end, a count beyond what is left and bytes that are no UTF-8', () => {
    refuses(() => new ByteReader(Uint8Array.of(128, 128, 128, 128, 128, 128, 128, 16)).varint());
    refuses(() => new ByteReader(new Uint8Array(20).fill(0xff)).varint());
    refuses(() => new ByteReader(Uint8Array.of(3, 0, 0)).count());
    refuses(() => new ByteReader(Uint8Array.of(2, 0, 0, 0, 0)).count(3));
    refuses(() => new ByteReader(Uint8Array.of(1, 0xff)).text());
  });
});
