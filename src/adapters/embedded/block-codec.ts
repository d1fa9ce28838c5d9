/** Blocks of samples and of windows as they lie in a row: a version, the bits of the columns, then the deflated body. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Series } from '../../model/series.ts';
import type { Compression } from '../../ports/compression.ts';
import type { SampleBlock, WindowColumn } from '../../ports/time-series-store.ts';
import { ByteReader, ByteWriter } from '../../protocols/bytes.ts';
import type { ShapeInterner } from '../../protocols/log-record.ts';
import { type ColumnsReader, columnsReader, columnsWriter } from './block-columns.ts';
import { readRawBody, writeRawBody } from './raw-block.ts';
import { readWindowBody, writeWindowBody } from './window-block.ts';

/* block = version:u8 length:varint bit{8·length} deflate(body)      version 1; a block says everything about itself */
const VERSION = 1;

type Want = ((series: Series) => boolean) | undefined;

export interface BlockCodec {
  /** @returns undefined when the block is too large for one row: its columns have to be split. */
  encodeSamples(block: SampleBlock): Uint8Array | undefined;
  /** Only the wanted columns; undefined: all. @throws corrupt_data for whatever the encoder cannot have written. */
  decodeSamples(bytes: Uint8Array, want: Want): SampleBlock;
  /** @returns undefined when the windows are too many for one row: their columns have to be split. */
  encodeWindows(columns: readonly WindowColumn[]): Uint8Array | undefined;
  /** Only the wanted columns; undefined: all. @throws corrupt_data for whatever the encoder cannot have written. */
  decodeWindows(bytes: Uint8Array, want: Want): WindowColumn[];
}

export function blockCodec(compression: Compression, shapes: ShapeInterner): BlockCodec {
  const writer = columnsWriter();
  const packed = new ByteWriter(64 * 1024);

  const pack = (): Uint8Array | undefined => {
    const { body, bits } = writer;
    if (body.length + bits.length > LIMITS.blockBytesMax) return undefined;
    packed.reset();
    packed.u8(VERSION);
    packed.block(bits);
    packed.raw(compression.deflate(body.copy(), 9));
    return packed.length > LIMITS.rowBytesMax ? undefined : packed.copy();
  };
  const unpack = (bytes: Uint8Array): ColumnsReader => {
    if (bytes[0] !== VERSION) throw new MetricStreamError('corrupt_data', 'A stored block has an unknown version.');
    const reader = new ByteReader(bytes, 1);
    const { length } = reader.block();
    const end = reader.position;
    const row = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return columnsReader(compression.inflate(bytes.subarray(end), LIMITS.blockBytesMax), row, end - length, end);
  };
  return {
    encodeSamples(block) {
      const points = block.columns.reduce((sum, column) => sum + column.values.length, block.timesMs.length);
      if (points > LIMITS.blockPointsMax) return undefined;
      writer.reset();
      writeRawBody(writer, block, shapes);
      return pack();
    },
    decodeSamples: (bytes, want) => readRawBody(unpack(bytes), shapes, want),
    encodeWindows(columns) {
      const points = columns.reduce((sum, column) => sum + column.starts.length, 0);
      // The starts of all columns together are at most as many again.
      if (2 * points > LIMITS.blockPointsMax) return undefined;
      writer.reset();
      writeWindowBody(writer, columns, shapes);
      return pack();
    },
    decodeWindows: (bytes, want) => readWindowBody(unpack(bytes), shapes, want),
  };
}
