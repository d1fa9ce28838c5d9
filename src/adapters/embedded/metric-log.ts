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
  /** From so many records on the sync does not hold the thread up: to be told of another thread's costs more than a few that wait. */
  readonly syncAheadFrom: number;
}

/** How many batches are looked at together: most often the oldest one is still needed. */
const TRIM_STEP = 100;
const INSERT = 'INSERT INTO log_batches VALUES (?, ?, ?, ?, ?)';
const END_COLUMNS = 'first_offset, last_offset, append_ms, total_bytes, LENGTH(body) AS bytes';

type EndRow = { first_offset: number; last_offset: number; append_ms: number; total_bytes: number; bytes: number };
type BatchRow = { first_offset: number; last_offset: number; append_ms: number; body: Uint8Array };

/** Offsets count the records of all partitions of the shard together: within one partition they rise, with gaps. */
export function embeddedMetricLog({ database, compression, compressFromBytes, syncAheadFrom }: EmbeddedLogOptions): MetricLog {
  const [tail] = database.exec<EndRow>(`SELECT ${END_COLUMNS} FROM log_batches ORDER BY first_offset DESC LIMIT 1`);
  /** Of the row that is written next. */
  let next = tail === undefined ? 0 : tail.last_offset + 1;
  /** Appends that are not durable yet. */
  let underWay = 0;
  /** After the last that is durable. */
  let end = next;
  /** Bytes of all batches there ever were. */
  let totalBytes = tail?.total_bytes ?? 0;

  const encode = batchEncoder(compression, compressFromBytes);
  return {
    async append(records, appendMs) {
      const body = encode(records);
      if (body.length > LIMITS.rowBytesMax) throw new MetricStreamError('internal', 'A log batch is larger than a row.');
      const first = next;
      const last = first + records.length - 1;
      try {
        const values = [first, last, appendMs, totalBytes + body.length, body] as const;
        // Whoever comes behind one that is not durable yet is told behind it.
        const ahead = underWay > 0 || records.length >= syncAheadFrom;
        const synced = ahead ? database.write(INSERT, ...values) : void database.exec(INSERT, ...values);
        next = last + 1;
        totalBytes += body.length;
        underWay += 1;
        try {
          await synced;
        } finally {
          underWay -= 1;
        }
      } catch (cause) {
        if (cause instanceof MetricStreamError && cause.code === 'storage_full') throw cause;
        throw new MetricStreamError('internal', 'The log cannot be written.', { cause });
      }
      end = last + 1;
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
      const spent = spentBatches(database, { totalBytes, safeOffset: Math.min(safeOffset, end - 1), olderThanMs, bytesMax });
      if (spent.count > 0) database.exec('DELETE FROM log_batches WHERE first_offset <= ?', spent.upTo);
      return { deleted: spent.count, bytes: spent.bytesLeft };
    },
  };
}

interface Spending {
  readonly totalBytes: number;
  /** Batches that hold an offset at or after it stay. */
  readonly safeOffset: number;
  readonly olderThanMs: number;
  readonly bytesMax: number;
}

/** The oldest batches that can go. The newest always stays: it is what says where the log ends. */
function spentBatches(database: SqlDatabase, { totalBytes, safeOffset, olderThanMs, bytesMax }: Spending) {
  const spent = { upTo: -1, count: 0, bytesLeft: 0 };
  for (let from = 0, step = 1; step > 0; step = Math.min(TRIM_STEP, LIMITS.retentionRowsPerRun - spent.count)) {
    const rows = database.exec<EndRow>(
      `SELECT ${END_COLUMNS} FROM log_batches WHERE first_offset >= ? ORDER BY first_offset LIMIT ?`,
      from,
      step,
    );
    const [oldest] = rows;
    if (spent.count === 0 && oldest !== undefined) spent.bytesLeft = totalBytes - oldest.total_bytes + oldest.bytes;
    for (const row of rows) {
      if (row.last_offset >= safeOffset || (row.append_ms >= olderThanMs && spent.bytesLeft <= bytesMax)) return spent;
      spent.upTo = row.first_offset;
      spent.bytesLeft -= row.bytes;
      spent.count += 1;
    }
    if (rows.length < step) return spent;
    from = spent.upTo + 1;
  }
  return spent;
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
