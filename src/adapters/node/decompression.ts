/** node:zlib as the decompression port; Bun and Deno have it too. */
import { gunzipSync, inflateSync, type ZlibOptions } from 'node:zlib';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Decompression } from '../../ports/decompression.ts';

const DECODERS = { gzip: gunzipSync, deflate: inflateSync } as const;

const STEP = LIMITS.inflateStepBytes;

/** With `info`, which the types do not know, zlib tells how much of the input it has used. */
interface Decoded {
  readonly buffer: Buffer<ArrayBuffer>;
  readonly engine: { readonly bytesWritten: number };
}

/** In one call: for a small body the stream of the platform costs five times as much on Node, and a bomb ten times. */
export function zlibDecompression(): Decompression {
  return {
    decompress(bytes, coding, bytesMax) {
      const options: ZlibOptions = { maxOutputLength: bytesMax + STEP, chunkSize: STEP, info: true };
      let decoded: Decoded;
      try {
        decoded = DECODERS[coding](bytes, options) as unknown as Decoded;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
        throw new MetricStreamError('invalid_compression', undefined, { cause });
      }
      const { buffer, engine } = decoded;
      if (buffer.length > bytesMax) return undefined;
      if (engine.bytesWritten !== bytes.length) throw new MetricStreamError('invalid_compression');
      return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    },
  };
}
