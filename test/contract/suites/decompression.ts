/** The contract of the decompression port. */
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import type { ContentCoding, Decompression } from '../../../src/ports/decompression.ts';

const ENCODERS = { gzip: gzipSync, deflate: deflateSync } as const;
const TEXT = new TextEncoder().encode('{"client_id":"web-1","metrics":[{"name":"cpu","value":1}]}'.repeat(20));
const INVALID = expect.objectContaining({ code: 'invalid_compression' });

function encode(bytes: Uint8Array, coding: ContentCoding): Uint8Array {
  return Uint8Array.from(ENCODERS[coding](bytes));
}

export function describeDecompression(name: string, create: () => Decompression): void {
  const { decompress } = create();

  describe.each(['gzip', 'deflate'] as const)(`decompression: ${name}, %s`, (coding) => {
    test('what was compressed comes back, and bytesMax may be exactly its length', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
          expect(decompress(encode(bytes, coding), coding, Math.max(1, bytes.length))).toEqual(bytes);
        }),
      );
    });

    test('what would be longer than bytesMax is undefined', () => {
      for (const bytesMax of [1, 100, TEXT.length - 1])
        expect(decompress(encode(TEXT, coding), coding, bytesMax)).toBe(undefined);
    });

    test('a bomb makes no more than its bound, however much there is in it', () => {
      const bomb = encode(new Uint8Array(256 * 1024 * 1024), coding);
      const beforeKib = process.resourceUsage().maxRSS;
      for (let i = 0; i < 4; i++) expect(decompress(bomb, coding, LIMITS.bodyBytesMax)).toBe(undefined);
      // Four times the bound and room for what else the process does: a tenth of what is in the bomb.
      expect(process.resourceUsage().maxRSS - beforeKib).toBeLessThan(32 * 1024);
    });

    test('a stream that ends early is invalid, wherever it ends', () => {
      const whole = encode(TEXT, coding);
      for (let end = 0; end < whole.length; end++) {
        expect(() => decompress(whole.subarray(0, end), coding, 10_000)).toThrow(INVALID);
      }
    });

    test('what stands behind the end is invalid', () => {
      const whole = encode(TEXT, coding);
      for (const more of [[0], [1, 2, 3], [0x1f, 0x8b], new TextEncoder().encode('garbage')]) {
        expect(() => decompress(Uint8Array.from([...whole, ...more]), coding, 10_000)).toThrow(INVALID);
      }
    });

    test('a wrong checksum is invalid', () => {
      const wrong = encode(TEXT, coding);
      const at = wrong.length - (coding === 'gzip' ? 8 : 4);
      wrong[at] = (wrong[at] ?? 0) ^ 1;
      expect(() => decompress(wrong, coding, 10_000)).toThrow(INVALID);
    });

    test('the other coding is invalid, and so are any other bytes', () => {
      const other = coding === 'gzip' ? 'deflate' : 'gzip';
      expect(() => decompress(encode(TEXT, other), coding, 10_000)).toThrow(INVALID);
      expect(() => decompress(TEXT, coding, 10_000)).toThrow(INVALID);
    });
  });
}
