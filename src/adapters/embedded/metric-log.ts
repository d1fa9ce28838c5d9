/** The log in SQLite: one row, and so one fsync, for all appends of a group commit. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Compression } from '../../ports/compression.ts';
import type { LogRecord, MetricLog, StoredRecord } from '../../ports/metric-log.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';
import { ByteReader, ByteWriter } from '../../protocols/bytes.ts';

/*
 * body  = 0:u8 records | 1:u8 length:varint deflate(records)
 * records = ( partition:varint record:block )*
 */
const PLAIN = 0;
const DEFLATED = 1;
/** Deflate has to save a tenth, or the batch is kept as it is. */
const WORTH_IT = 0.9;
const LOST = { partition: -1, bytes: new Uint8Array(0), lost: true } as const;

export interface EmbeddedLogOptions {
  readonly database: SqlDatabase;
  readonly compression: Compression;
  /** A batch below this is not worth compressing: it fits in the page that is written anyway. */
  readonly compressFromBytes: number;
}

type BatchRow = { first_offset: number; last_offset: number; append_ms: number; body: Uint8Array };

/** Offsets count the records of all partitions of the shard together: within one partition they rise, with gaps. */
export function embeddedMetricLog({ database, compression, compressFromBytes }: EmbeddedLogOptions): MetricLog {
  const [tail] = database.exec<{ last_offset: number }>('SELECT last_offset FROM log_batches ORDER BY first_offset DESC LIMIT 1');
  const [sum] = database.exec<{ bytes: number | null }>('SELECT SUM(bytes) AS bytes FROM log_batches');
  let end = tail === undefined ? 0 : tail.last_offset + 1;
  let held = sum?.bytes ?? 0;

  const encode = batchEncoder(compression, compressFromBytes);
  return {
    append(records, appendMs) {
      const body = encode(records);
      if (body.length > LIMITS.rowBytesMax) throw new MetricStreamError('internal', 'A log batch is larger than a row.');
      const first = end;
      const last = first + records.length - 1;
      try {
        database.exec('INSERT INTO log_batches VALUES (?, ?, ?, ?, ?)', first, last, appendMs, body.length, body);
      } catch (cause) {
        if (cause instanceof MetricStreamError && cause.code === 'storage_full') throw cause;
        throw new MetricStreamError('internal', 'The log cannot be written.', { cause });
      }
      end = last + 1;
      held += body.length;
      return first;
    },
    end: () => end,
    read(fromOffset, bytesMax) {
      const records: StoredRecord[] = [];
      let from = fromOffset;
      for (let bytes = 0; bytes < bytesMax && from < end; ) {
        const [row] = database.exec<BatchRow>(
          'SELECT first_offset, last_offset, append_ms, body FROM log_batches WHERE first_offset >= COALESCE((SELECT MAX(first_offset) FROM log_batches WHERE first_offset <= ?), 0) AND last_offset >= ? ORDER BY first_offset LIMIT 1',
          from,
          from,
        );
        if (row === undefined) break;
        for (const record of readBatch(row, compression)) if (record.offset >= fromOffset) records.push(record);
        bytes += row.body.length;
        from = row.last_offset + 1;
      }
      return records;
    },
    trim(safeOffset, olderThanMs, bytesMax) {
      const rows = database.exec<{ first_offset: number; last_offset: number; append_ms: number; bytes: number }>(
        'SELECT first_offset, last_offset, append_ms, bytes FROM log_batches ORDER BY first_offset LIMIT ?',
        LIMITS.retentionRowsPerRun,
      );
      let upTo = -1;
      let deleted = 0;
      for (const row of rows) {
        // The newest batch stays: it is what says where the log ends.
        const needed = row.last_offset >= safeOffset || row.last_offset + 1 >= end;
        if (needed || (row.append_ms >= olderThanMs && held <= bytesMax)) break;
        upTo = row.first_offset;
        held -= row.bytes;
        deleted += 1;
      }
      if (deleted > 0) database.exec('DELETE FROM log_batches WHERE first_offset <= ?', upTo);
      return { deleted, bytes: held };
    },
  };
}

function batchEncoder(compression: Compression, compressFromBytes: number): (records: readonly LogRecord[]) => Uint8Array {
  const writer = new ByteWriter(64 * 1024);
  return (records) => {
    writer.reset();
    writer.u8(PLAIN);
    for (const { partition, bytes } of records) {
      writer.varint(partition);
      writer.block(bytes);
    }
    const plain = writer.copy();
    if (plain.length < compressFromBytes) return plain;
    const deflated = compression.deflate(plain.subarray(1), 1);
    if (deflated.length > plain.length * WORTH_IT) return plain;
    writer.reset();
    writer.u8(DEFLATED);
    writer.varint(plain.length - 1);
    writer.raw(deflated);
    return writer.copy();
  };
}

/** All records of a batch; all of them lost where it is damaged: what still decodes before the damage may be garbage. */
function readBatch(row: BatchRow, compression: Compression): StoredRecord[] {
  try {
    return decodeBatch(row, compression);
  } catch (error) {
    if (!(error instanceof MetricStreamError) || error.code !== 'corrupt_data') throw error;
    const { first_offset: first, last_offset: last, append_ms: appendMs } = row;
    return Array.from({ length: last - first + 1 }, (_, i) => ({ ...LOST, offset: first + i, appendMs }));
  }
}

/** @throws corrupt_data */
function decodeBatch(row: BatchRow, compression: Compression): StoredRecord[] {
  const records: StoredRecord[] = [];
  let reader = new ByteReader(row.body);
  const form = reader.u8();
  if (form > DEFLATED) throw new MetricStreamError('corrupt_data', 'A log batch has an unknown form.');
  if (form === DEFLATED) {
    const length = reader.varint();
    if (length > LIMITS.appendBatchBytesMax * 4) throw new MetricStreamError('corrupt_data', 'A log batch is too large.');
    reader = new ByteReader(compression.inflate(row.body.subarray(reader.position), length));
  }
  for (let offset = row.first_offset; offset <= row.last_offset; offset++) {
    const partition = reader.varint();
    records.push({ partition, bytes: reader.block(), offset, appendMs: row.append_ms });
  }
  if (reader.remaining > 0) throw new MetricStreamError('corrupt_data', 'Bytes stand behind a log batch.');
  return records;
}
