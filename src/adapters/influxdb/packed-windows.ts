/** All windows of one series and block as one text beside their points: what is read back of hours and days that are whole. */
import { MetricStreamError } from '../../model/errors.ts';
import type { Compression } from '../../ports/compression.ts';
import type { WindowColumn } from '../../ports/time-series-store.ts';
import { base64Of, bytesOfBase64 } from '../../protocols/base64.ts';
import { shapeInterner } from '../../protocols/log-record.ts';
import { blockCodec } from '../embedded/block-codec.ts';

/*
 * packed = base64( the block of windows that the embedded store keeps, of one series, its body not deflated )
 *
 * A minute is eight rows of an answer in text. A whole hour as this is one, not longer than ten of those, and it says all of its
 * series, unit and kind included.
 */

export interface WindowPacker {
  /** @param column the windows of one block. */
  pack(column: WindowColumn): string;
  /** @returns undefined for what is none of ours. */
  unpack(text: string): WindowColumn | undefined;
}

/** A block of one series has nothing that repeats. */
const AS_IT_IS: Compression = { deflate: (bytes) => bytes, inflate: (bytes) => bytes };

export function windowPacker(): WindowPacker {
  const codec = blockCodec(AS_IT_IS, shapeInterner());
  return {
    pack(column) {
      const bytes = codec.encodeWindows([column]);
      if (bytes === undefined) throw new MetricStreamError('internal', 'A block of one series is larger than a row.');
      return base64Of(bytes);
    },
    unpack(text) {
      const bytes = bytesOfBase64(text);
      if (bytes === undefined) return undefined;
      try {
        return codec.decodeWindows(bytes, undefined)[0];
      } catch {
        return undefined;
      }
    },
  };
}
