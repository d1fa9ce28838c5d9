/** Bun's own deflate: without the stream object that node:zlib makes for each call. */
import type { Compression } from '../../ports/compression.ts';
import { zlibCompression } from '../node/compression.ts';

export function bunCompression(): Compression {
  const { inflate } = zlibCompression();
  return {
    deflate: (bytes, level) => Bun.deflateSync(bytes as Uint8Array<ArrayBuffer>, { level }),
    // Only node:zlib stops at a size.
    inflate,
  };
}
