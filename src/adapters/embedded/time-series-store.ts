/** The store in SQLite: blocks of samples and of windows, a row each. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { clientKey } from '../../model/partition.ts';
import { BLOCK_MS, RESOLUTION_MS, type Resolution, windowStart } from '../../model/window.ts';
import type { Compression } from '../../ports/compression.ts';
import type { SqlDatabase, SqlValue } from '../../ports/sql-database.ts';
import type { RawWrite, StoreBatch, TimeSeriesStore, WindowColumn, WindowWrite } from '../../ports/time-series-store.ts';
import { shapeInterner } from '../../protocols/log-record.ts';
import { type BlockCodec, blockCodec } from './block-codec.ts';
import { cutSamples, cutWindows } from './block-cut.ts';
import { retentionSweep } from './retention.ts';
import { packRows, ROW_MS, readRow, type StoredBlock } from './window-rows.ts';

/** One statement with its parameters. */
type Write = readonly [sql: string, ...params: SqlValue[]];

export interface EmbeddedTimeSeriesStore extends TimeSeriesStore {
  /** Encodes a batch: the slow part, done before the transaction. */
  prepare(batch: StoreBatch): Write[];
}

type BlockRow = { start_ms: number; body: Uint8Array };

const PUT_RAW =
  'INSERT INTO raw_blocks VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET end_ms = excluded.end_ms, body = excluded.body';
const CUT_RAW = 'DELETE FROM raw_blocks WHERE client = ? AND start_ms = ? AND sequence = ? AND part >= ?';
const PUT_WINDOWS =
  'INSERT INTO window_blocks VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET first_ms = excluded.first_ms, body = excluded.body';
const CUT_WINDOWS = 'DELETE FROM window_blocks WHERE client = ? AND step_ms = ? AND start_ms = ? AND part >= ?';

/** No client_id reaches it: it ends the range of a tenant's keys. */
const END_OF_CLIENTS = '\u{10ffff}';
/** From each client a seek to the next in each table: however many blocks a client has, none of them is walked over. */
const NEXT_CLIENTS = `WITH RECURSIVE
  found(raw, windows) AS (
    SELECT (SELECT MIN(client) FROM raw_blocks WHERE client > ? AND client < ?),
           (SELECT MIN(client) FROM window_blocks WHERE client > ? AND client < ?)
    UNION ALL
    SELECT CASE WHEN raw <= windows OR windows IS NULL THEN (SELECT MIN(client) FROM raw_blocks WHERE client > raw AND client < ?) ELSE raw END,
           CASE WHEN windows <= raw OR raw IS NULL THEN (SELECT MIN(client) FROM window_blocks WHERE client > windows AND client < ?) ELSE windows END
    FROM found WHERE raw IS NOT NULL OR windows IS NOT NULL
  )
SELECT CASE WHEN raw <= windows OR windows IS NULL THEN raw ELSE windows END AS client
FROM found WHERE raw IS NOT NULL OR windows IS NOT NULL LIMIT ?`;

export function embeddedTimeSeriesStore({
  database,
  compression,
}: {
  readonly database: SqlDatabase;
  readonly compression: Compression;
}): EmbeddedTimeSeriesStore {
  const codec = blockCodec(compression, shapeInterner());
  const sweep = retentionSweep(database);
  return {
    prepare: (batch) => [...batch.raw.flatMap((write) => rawRows(codec, write)), ...windowWrites(database, codec, batch.windows)],
    async readSamples({ tenant, client, startMs, endMs, want }) {
      const rows = database.exec<BlockRow>(
        'SELECT start_ms, body FROM raw_blocks WHERE client = ? AND start_ms > ? AND start_ms < ? AND end_ms >= ? ORDER BY start_ms, sequence, part',
        clientKey(tenant, client),
        startMs - LIMITS.rawBlockSpanMs,
        endMs,
        startMs,
      );
      const blocks = rows.map(({ body }) => cutSamples(codec.decodeSamples(body, want), startMs, endMs));
      return blocks.filter(({ columns }) => columns.length > 0);
    },
    async readWindows({ tenant, client, startMs, endMs, want }, resolution) {
      const rows = database.exec<BlockRow>(
        'SELECT start_ms, body FROM window_blocks WHERE client = ? AND step_ms = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms, part',
        clientKey(tenant, client),
        RESOLUTION_MS[resolution],
        windowStart(startMs, ROW_MS[resolution]),
        endMs,
      );
      const blocks = new Map<number, WindowColumn[]>();
      for (const { start_ms, body } of rows) {
        for (const { startMs: blockStartMs, bytes } of readRow(start_ms, resolution, body)) {
          if (blockStartMs + BLOCK_MS[resolution] <= startMs || blockStartMs >= endMs) continue;
          const columns = cutWindows(codec.decodeWindows(bytes, want), startMs, endMs);
          if (columns.length > 0) blocks.set(blockStartMs, [...(blocks.get(blockStartMs) ?? []), ...columns]);
        }
      }
      return [...blocks].map(([blockStartMs, columns]) => ({ blockStartMs, columns }));
    },
    async lastSampleMs(tenant, client) {
      const key = clientKey(tenant, client);
      const [row] = database.exec<{ last: number | null }>(
        'SELECT MAX(end_ms) AS last FROM raw_blocks WHERE client = ? AND start_ms > (SELECT MAX(start_ms) FROM raw_blocks WHERE client = ?) - ?',
        key,
        key,
        LIMITS.rawBlockSpanMs,
      );
      return row?.last ?? undefined;
    },
    async clients(tenant, after, max) {
      const from = clientKey(tenant, after);
      const until = clientKey(tenant, END_OF_CLIENTS);
      const rows = database.exec<{ client: string }>(NEXT_CLIENTS, from, until, from, until, until, until, max);
      return rows.map(({ client }) => client.slice(clientKey(tenant, '').length));
    },
    retain: async (retention, rowsMax) => sweep(retention, rowsMax),
  };
}

function rawRows(codec: BlockCodec, { tenant, client, sequence, block }: RawWrite): Write[] {
  const key = clientKey(tenant, client);
  const startMs = block.timesMs[0] as number;
  const endMs = block.timesMs[block.timesMs.length - 1] as number;
  const bodies = inRows(block.columns, (columns) => codec.encodeSamples({ ...block, columns }));
  return [
    ...bodies.map((body, part): Write => [PUT_RAW, key, startMs, sequence, part, endMs, body]),
    [CUT_RAW, key, startMs, sequence, bodies.length],
  ];
}

/** Blocks of one client that share rows. */
interface SharedRows {
  readonly key: string;
  readonly resolution: Resolution;
  readonly rowStartMs: number;
  readonly writes: WindowWrite[];
}

function windowWrites(database: SqlDatabase, codec: BlockCodec, writes: readonly WindowWrite[]): Write[] {
  const shared = new Map<string, SharedRows>();
  for (const write of writes) {
    const { tenant, client, resolution, blockStartMs } = write;
    const key = clientKey(tenant, client);
    const rowStartMs = windowStart(blockStartMs, ROW_MS[resolution]);
    const name = `${resolution} ${rowStartMs} ${key}`;
    const rows = shared.get(name) ?? { key, resolution, rowStartMs, writes: [] };
    shared.set(name, rows);
    rows.writes.push(write);
  }
  return [...shared.values()].flatMap((rows) => changedRows(database, codec, rows));
}

/** The rows with these blocks in place of what they held; those that come out as they were are not written. */
function changedRows(database: SqlDatabase, codec: BlockCodec, { key, resolution, rowStartMs, writes }: SharedRows): Write[] {
  const stepMs = RESOLUTION_MS[resolution];
  const held = database.exec<BlockRow>(
    'SELECT start_ms, body FROM window_blocks WHERE client = ? AND step_ms = ? AND start_ms = ? ORDER BY part',
    key,
    stepMs,
    rowStartMs,
  );
  const blocks = new Map<number, StoredBlock[]>();
  for (const block of held.flatMap(({ body }) => readRow(rowStartMs, resolution, body))) {
    blocks.set(block.startMs, [...(blocks.get(block.startMs) ?? []), block]);
  }
  for (const { blockStartMs: startMs, columns } of writes) {
    const bodies = inRows(columns, (some) => codec.encodeWindows(some));
    blocks.set(
      startMs,
      bodies.map((bytes) => ({ startMs, bytes })),
    );
  }
  const ascending = [...blocks].sort(([a], [b]) => a - b).flatMap(([, block]) => block);
  const rows = packRows(rowStartMs, resolution, ascending);
  const puts = rows.flatMap(({ firstMs, body }, part): Write[] =>
    equalBytes(body, held[part]?.body) ? [] : [[PUT_WINDOWS, key, stepMs, rowStartMs, part, firstMs, body]],
  );
  return rows.length < held.length ? [...puts, [CUT_WINDOWS, key, stepMs, rowStartMs, rows.length]] : puts;
}

function equalBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a.length === b?.length && a.every((byte, i) => byte === b[i]);
}

/** Splits columns in halves until each part fits in a row. @returns the rows; none for no columns. */
function inRows<Column>(
  columns: readonly Column[],
  encode: (columns: readonly Column[]) => Uint8Array | undefined,
): Uint8Array[] {
  if (columns.length === 0) return [];
  const body = encode(columns);
  if (body !== undefined) return [body];
  if (columns.length === 1) throw new MetricStreamError('internal', 'One column is larger than a row.');
  const half = columns.length >> 1;
  return [...inRows(columns.slice(0, half), encode), ...inRows(columns.slice(half), encode)];
}
