/** Raw DEFLATE (RFC 1951), synchronous: it runs inside transactions and slices. */

export interface Compression {
  /** @param level 1 (fast, for the log) or 9 (small, for the store). @returns a fresh array: a plain Uint8Array, no class derived from it. */
  deflate(bytes: Uint8Array, level: 1 | 9): Uint8Array;
  /**
   * @returns a fresh array: a plain Uint8Array, no class derived from it, whose slice() would be a view.
   * @throws corrupt_data when the input is no DEFLATE stream or would grow past `bytesMax`.
   */
  inflate(bytes: Uint8Array, bytesMax: number): Uint8Array;
}
