/** Which rows of a block a column has a value for. */
import { MetricStreamError } from '../../model/errors.ts';
import type { ColumnReader } from '../../protocols/column-bytes.ts';
import { readIntegers, writeIntegers } from './integer-column.ts';
import type { ColumnIn, ColumnOut } from './packed-bits.ts';

/*
 * rows = 0:u8                                all of them
 *      | 1:u8 bit{n padded to bytes}         row i is bit i % 8 of byte i / 8
 *      | 2:u8 m:varint integers{m}           for the sparse and the regular: metrics pushed one at a time take turns
 */
const ALL = 0;
const BITMAP = 1;
const LIST = 2;

/** @param rows ascending, each below `total`; undefined: all. */
export function writeRows(out: ColumnOut, rows: Int32Array | undefined, total: number): void {
  const { bytes: writer } = out;
  if (rows === undefined || rows.length === total) {
    writer.u8(ALL);
    return;
  }
  if (rows.length <= total / 8 || isRegular(rows)) {
    writer.u8(LIST);
    writer.varint(rows.length);
    writeIntegers(out, Float64Array.from(rows));
    return;
  }
  const bitmap = new Uint8Array(Math.ceil(total / 8));
  for (const row of rows) bitmap[row >> 3] = (bitmap[row >> 3] as number) | (1 << (row & 7));
  writer.u8(BITMAP);
  writer.raw(bitmap);
}

function isRegular(rows: Int32Array): boolean {
  const stride = (rows[1] ?? 0) - (rows[0] ?? 0);
  for (let i = 2; i < rows.length; i++) if ((rows[i] as number) - (rows[i - 1] as number) !== stride) return false;
  return true;
}

/** @returns undefined: all rows. @throws corrupt_data, also for rows that do not ascend or are not below `total`. */
export function readRows(column: ColumnIn, total: number): Int32Array | undefined {
  const { bytes: reader } = column;
  const form = reader.u8();
  if (form === ALL) return undefined;
  if (form === BITMAP) return readBitmap(reader, total);
  const count = reader.varint();
  if (form !== LIST || count > total) throw new MetricStreamError('corrupt_data', 'The rows of a stored column cannot be read.');
  const rows = readIntegers(column, count);
  let before = -1;
  for (const row of rows) {
    if (!(row > before && row < total)) throw new MetricStreamError('corrupt_data', 'The rows of a stored column do not ascend.');
    before = row;
  }
  return Int32Array.from(rows);
}

function readBitmap(reader: ColumnReader, total: number): Int32Array {
  const rows = new Int32Array(total);
  let count = 0;
  for (let start = 0; start < total; start += 8) {
    const byte = reader.u8();
    if (byte >> (total - start) !== 0 && total - start < 8) {
      throw new MetricStreamError('corrupt_data', 'The rows of a stored column exceed its block.');
    }
    for (let bits = byte, row = start; bits !== 0; bits >>= 1, row++) if ((bits & 1) !== 0) rows[count++] = row;
  }
  return rows.slice(0, count);
}
