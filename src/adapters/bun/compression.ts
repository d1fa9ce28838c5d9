/** Bun's own deflate: without the stream object that node:zlib makes for each call. */
import type { Compression } from '../../ports/compression.ts';
import { zlibCompression } from '../node/compression.ts';

export function bunCompression(): Compression {
  const { inflate } = zlibCompression();
  return {
    // For blocks libdeflate at 6 is as small as zlib at 9, in a third of the time; for small batches its start costs too much.
    deflate: (bytes, level) =>
      Bun.deflateSync(bytes as Uint8Array<ArrayBuffer>, level === 1 ? { level } : { level: 6, library: 'libdeflate' }),
    // Only node:zlib stops at a size.
    inflate,
  };
}
