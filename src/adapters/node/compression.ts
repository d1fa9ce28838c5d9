/** node:zlib as the compression port; Bun and workerd have it too. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Compression } from '../../ports/compression.ts';

export function zlibCompression(): Compression {
  return {
    deflate: (bytes, level) => plain(deflateRawSync(bytes, { level })),
    inflate(bytes, bytesMax) {
      let output: Uint8Array;
      try {
        output = inflateRawSync(bytes, { maxOutputLength: bytesMax + LIMITS.inflateStepBytes });
      } catch (cause) {
        throw unreadable(cause);
      }
      if (output.length > bytesMax) throw unreadable();
      return plain(output);
    },
  };
}

function unreadable(cause?: unknown): MetricStreamError {
  return new MetricStreamError('corrupt_data', 'A compressed block cannot be read.', { cause });
}

/** The same bytes, not copied, without Buffer's ways: its slice() is a view of the same memory. */
function plain({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
