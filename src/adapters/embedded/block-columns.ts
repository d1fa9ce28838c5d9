/** The columns of a block, each with its bytes and its bits, so that a reader passes over what it does not want. */
import { MetricStreamError } from '../../model/errors.ts';
import { ByteReader, ByteWriter } from '../../protocols/bytes.ts';
import { ColumnReader, ColumnWriter } from '../../protocols/column-bytes.ts';
import { bitReader, bitWriter, type ColumnIn, type ColumnOut } from './packed-bits.ts';

/* column = b:varint length:varint byte{length}      and the next b bytes of the block's bits */

/** Reused between blocks: `reset`, write, then take `body` and `bits`. */
export interface ColumnsWriter {
  readonly body: ByteWriter;
  /** Valid until the next write. */
  readonly bits: Uint8Array;
  reset(): void;
  column(write: (out: ColumnOut) => void): void;
}

/** Where a column begins. */
export interface ColumnPlace {
  readonly body: number;
  readonly bits: number;
}

/** Reads what a ColumnsWriter wrote; whatever else it meets, it throws corrupt_data. */
export interface ColumnsReader {
  varint(): number;
  block(): Uint8Array;
  /** The next column. */
  column(): ColumnIn;
  /** Passes over the next column. */
  skip(): void;
  /** Where the next column begins. */
  place(): ColumnPlace;
  /** The column at a place that was passed. */
  columnAt(place: ColumnPlace): ColumnIn;
}

export function columnsWriter(): ColumnsWriter {
  const body = new ByteWriter(64 * 1024);
  const out: ColumnOut = { bytes: new ColumnWriter(), bits: bitWriter() };
  return {
    body,
    get bits() {
      return out.bits.view();
    },
    reset() {
      body.reset();
      out.bits.reset();
    },
    column(write) {
      const before = out.bits.align();
      out.bytes.reset();
      write(out);
      body.varint(out.bits.align() - before);
      body.block(out.bytes.view());
    },
  };
}

/** @param row holds the bits in [bitsStart, bitsEnd). */
export function columnsReader(body: Uint8Array, row: DataView, bitsStart: number, bitsEnd: number): ColumnsReader {
  const reader = new ByteReader(body);
  let bitsAt = bitsStart;
  const columnOf = (from: ByteReader, start: number): ColumnIn & { readonly bitsEnd: number } => {
    const end = start + from.varint();
    if (end > bitsEnd) throw new MetricStreamError('corrupt_data', 'A stored column ends before its last bit.');
    return { bytes: new ColumnReader(from.block()), bits: bitReader(row, start, end), bitsEnd: end };
  };
  return {
    varint: () => reader.varint(),
    block: () => reader.block(),
    column() {
      const column = columnOf(reader, bitsAt);
      bitsAt = column.bitsEnd;
      return column;
    },
    skip() {
      bitsAt += reader.varint();
      reader.block();
    },
    place: () => ({ body: reader.position, bits: bitsAt }),
    columnAt: (place) => columnOf(new ByteReader(body, place.body), place.bits),
  };
}
