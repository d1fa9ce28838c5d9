/** The contract of the compression port. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetricStreamError } from '../../../src/model/errors.ts';
import type { Compression } from '../../../src/ports/compression.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc.tuple(fc.nat(255), fc.nat(5000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
);
const level = fc.constantFrom(1 as const, 9 as const);

export function describeCompression(name: string, create: () => Compression): void {
  const compression = create();

  describe(`compression: ${name}`, () => {
    test('what was deflated inflates to the same bytes, and bytesMax may be exactly their number', () => {
      fc.assert(
        fc.property(bytes, level, (input, one) => {
          const output = compression.inflate(compression.deflate(input, one), Math.max(1, input.length));
          expect(new Uint8Array(output)).toEqual(input);
        }),
      );
    });

    test.each([32_768, 50_000, 100_000, 131_072, 170_000, 330_000, 700_000, 4_194_304])(
      'output of %i bytes fits into as many, and not into one less',
      (size) => {
        const deflated = compression.deflate(new Uint8Array(size), 1);
        expect(compression.inflate(deflated, size).length).toBe(size);
        expect(codeOf(() => compression.inflate(deflated, size - 1))).toBe('corrupt_data');
      },
    );

    test('the input may change afterwards', () => {
      const input = new Uint8Array(100).fill(1);
      const deflated = compression.deflate(input, 9);
      input.fill(2);
      expect(new Uint8Array(compression.inflate(deflated, 100))).toEqual(new Uint8Array(100).fill(1));
    });

    test('what comes out is a plain Uint8Array, whose slice is a copy', () => {
      for (const size of [0, 5, 100_000]) {
        const deflated = compression.deflate(new Uint8Array(size).fill(1), 9);
        const inflated = compression.inflate(deflated, 100_000);
        for (const output of [deflated, inflated]) expect(Object.getPrototypeOf(output) === Uint8Array.prototype).toBe(true);
        inflated.slice().fill(2);
        expect(inflated).toEqual(new Uint8Array(size).fill(1));
      }
    });

    test('it is raw DEFLATE: a stored block of RFC 1951 can be read', () => {
      const stored = new Uint8Array([1, 2, 0, 0xfd, 0xff, 0x68, 0x69]);
      expect(new TextDecoder().decode(compression.inflate(stored, 10))).toBe('hi');
    });

    test('what would grow past bytesMax is corrupt_data', () => {
      const bomb = compression.deflate(new Uint8Array(10_000_000), 9);
      for (const bytesMax of [1, 1000, 9_999_999]) expect(codeOf(() => compression.inflate(bomb, bytesMax))).toBe('corrupt_data');
    });

    test('a stream that ends early is corrupt_data, wherever it ends', () => {
      const whole = compression.deflate(new TextEncoder().encode('a stream that ends early '.repeat(5)), 9);
      for (let end = 0; end < whole.length; end++) {
        expect(codeOf(() => compression.inflate(whole.subarray(0, end), 1000))).toBe('corrupt_data');
      }
    });

    test('any bytes inflate or are corrupt_data', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (input) => {
          expect(['corrupt_data', undefined]).toContain(codeOf(() => compression.inflate(input, 10_000)));
        }),
      );
    });
  });
}

/** @returns undefined where nothing is thrown. */
function codeOf(body: () => unknown): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    if (error instanceof MetricStreamError) return error.code;
    throw error;
  }
}
