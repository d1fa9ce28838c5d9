/** Blocks of windows in rows: the hours of some time share one, so that little of its pages stays empty. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { BLOCK_MS, HOUR_MS, type Resolution } from '../../model/window.ts';
import { ByteReader, ByteWriter } from '../../protocols/bytes.ts';

/*
 * row   = version:u8 entry{one or more}           version 1
 * entry = place:varint length:varint block        place: blocks of the row's time before it; ascending, and the same again
 *                                                 where the series of a block were split. block: see block-codec.ts
 */
const VERSION = 1;

/**
 * The time of a row, aligned to the epoch. What does not fit beside a key goes to pages of its own: a day of ten metrics
 * took 2.5 times the bytes of its blocks in the file with a row an hour, 1.67 times with one for 3 hours, 1.23 times for
 * 6 and 1.20 times for 12. But each hour that comes writes its row again: the bytes of the blocks 3.2 times over for 6
 * hours, 5.8 times for 12. Hours are few: a row for each day.
 */
export const ROW_MS: Readonly<Record<Resolution, number>> = { '1m': 6 * HOUR_MS, '1h': BLOCK_MS['1h'] };

/** A block as it is stored, or a part of its series. */
export interface StoredBlock {
  readonly startMs: number;
  readonly bytes: Uint8Array;
}

export interface WindowRow {
  /** Start of the oldest block in it. */
  readonly firstMs: number;
  readonly body: Uint8Array;
}

/** @param blocks of one row's time, ascending. @returns one row, or as many as windowRowBytes makes of it; none of them empty. */
export function packRows(rowStartMs: number, resolution: Resolution, blocks: readonly StoredBlock[]): WindowRow[] {
  const rows: WindowRow[] = [];
  const writer = new ByteWriter(LIMITS.windowRowBytes);
  let firstMs = rowStartMs;
  const close = (): void => {
    if (writer.length > 0) rows.push({ firstMs, body: writer.copy() });
    writer.reset();
  };
  for (const { startMs, bytes } of blocks) {
    if (writer.length + bytes.length > LIMITS.windowRowBytes) close();
    if (writer.length === 0) {
      writer.u8(VERSION);
      firstMs = startMs;
    }
    writer.varint((startMs - rowStartMs) / BLOCK_MS[resolution]);
    writer.block(bytes);
  }
  close();
  return rows;
}

/** @throws corrupt_data for whatever `packRows` cannot have written. */
export function readRow(rowStartMs: number, resolution: Resolution, body: Uint8Array): StoredBlock[] {
  if (body[0] !== VERSION) throw new MetricStreamError('corrupt_data', 'A stored row of windows has an unknown version.');
  const reader = new ByteReader(body, 1);
  const blocks: StoredBlock[] = [];
  do {
    const startMs = rowStartMs + reader.varint() * BLOCK_MS[resolution];
    const beforeMs = blocks[blocks.length - 1]?.startMs ?? rowStartMs;
    if (startMs < beforeMs || startMs >= rowStartMs + ROW_MS[resolution]) {
      throw new MetricStreamError('corrupt_data', 'A stored row of windows holds a block of another time.');
    }
    blocks.push({ startMs, bytes: reader.block() });
  } while (reader.remaining > 0);
  return blocks;
}
