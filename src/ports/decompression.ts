/** Undoes the Content-Encoding of a body, within a bound. */

/** `gzip` is RFC 1952; `deflate` is the zlib format (RFC 1950), as HTTP means it (RFC 9110, 8.4.1.2). */
export type ContentCoding = 'gzip' | 'deflate';

export interface Decompression {
  /**
   * @returns a fresh array; undefined when it would be longer than `bytesMax`: then no more than that, and one step, was ever made.
   * @throws invalid_compression when `bytes` are not, from the first to the last, of that coding.
   */
  decompress(bytes: Uint8Array, coding: ContentCoding, bytesMax: number): Uint8Array<ArrayBuffer> | undefined;
}
