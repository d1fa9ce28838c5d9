/** node:zlib as the compression port; Bun has it too. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { MetricStreamError } from '../../model/errors.ts';
import type { Compression } from '../../ports/compression.ts';

export function zlibCompression(): Compression {
  return {
    deflate: (bytes, level) => deflateRawSync(bytes, { level }),
    inflate(bytes, bytesMax) {
      try {
        return inflateRawSync(bytes, { maxOutputLength: bytesMax });
      } catch (cause) {
        throw new MetricStreamError('corrupt_data', 'A compressed block cannot be read.', { cause });
      }
    },
  };
}
