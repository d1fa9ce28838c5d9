/** The store in SQLite: blocks of samples and of windows, a row each. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { clientKey } from '../../model/partition.ts';
import type { Series } from '../../model/series.ts';
import { BLOCK_MS, RESOLUTION_MS, windowStart } from '../../model/window.ts';
import type { Compression } from '../../ports/compression.ts';
import type { SqlDatabase, SqlValue } from '../../ports/sql-database.ts';
import type {
  RawWrite,
  Retention,
  SampleBlock,
  StoreBatch,
  TimeSeriesStore,
  WindowColumn,
  WindowWrite,
} from '../../ports/time-series-store.ts';
import { shapeInterner } from '../../protocols/log-record.ts';
import { type BlockCodec, blockCodec } from './block-codec.ts';

/** One statement with its parameters. */
type Write = readonly [sql: string, ...params: SqlValue[]];

export interface EmbeddedTimeSeriesStore extends TimeSeriesStore {
  /** Encodes a batch: the slow part, done before the transaction. */
  prepare(batch: StoreBatch): Write[];
}

type RawRow = { start_ms: number; end_ms: number; body: Uint8Array };
type WindowRow = { start_ms: number; body: Uint8Array };

const PUT_RAW = 'INSERT OR REPLACE INTO raw_blocks VALUES (?, ?, ?, ?, ?, ?)';
const PUT_WINDOWS = 'INSERT OR REPLACE INTO window_blocks VALUES (?, ?, ?, ?, ?)';
const CUT_WINDOWS = 'DELETE FROM window_blocks WHERE client = ? AND step_ms = ? AND start_ms = ? AND part >= ?';

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
    prepare: (batch) => [
      ...batch.raw.flatMap((write) => rawRows(codec, write)),
      ...batch.windows.flatMap((write) => windowRows(codec, write)),
    ],
    async readSamples({ tenant, client, startMs, endMs, want }) {
      const rows = database.exec<RawRow>(
        'SELECT start_ms, end_ms, body FROM raw_blocks WHERE client = ? AND start_ms > ? AND start_ms < ? AND end_ms >= ? ORDER BY start_ms, sequence, part',
        clientKey(tenant, client),
        startMs - LIMITS.rawBlockSpanMs,
        endMs,
        startMs,
      );
      const blocks = rows.map((row) => cutSamples(codec.decodeSamples(row.body, want), startMs, endMs));
      return blocks.filter((block) => block.columns.length > 0);
    },
    async readWindows({ tenant, client, startMs, endMs, want }, resolution) {
      const rows = database.exec<WindowRow>(
        'SELECT start_ms, body FROM window_blocks WHERE client = ? AND step_ms = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms, part',
        clientKey(tenant, client),
        RESOLUTION_MS[resolution],
        windowStart(startMs, BLOCK_MS[resolution]),
        endMs,
      );
      const blocks = new Map<number, WindowColumn[]>();
      for (const { start_ms, body } of rows) {
        const whole = start_ms >= startMs && start_ms + BLOCK_MS[resolution] <= endMs;
        const columns = codec.decodeWindows(body, want);
        const cut = whole
          ? columns
          : columns.map((column) => cutWindowColumn(column, startMs, endMs)).filter((column) => column.starts.length > 0);
        if (cut.length > 0) blocks.set(start_ms, [...(blocks.get(start_ms) ?? []), ...cut]);
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
    retain: async (retention, rowsMax) => sweep(retention, rowsMax),
  };
}

function rawRows(codec: BlockCodec, { tenant, client, sequence, block }: RawWrite): Write[] {
  const key = clientKey(tenant, client);
  const start = block.timesMs[0] as number;
  const end = block.timesMs[block.timesMs.length - 1] as number;
  return inRows(block.columns, (columns) => codec.encodeSamples({ ...block, columns })).map(
    (body, part): Write => [PUT_RAW, key, start, sequence, part, end, body],
  );
}

function windowRows(codec: BlockCodec, { tenant, client, resolution, blockStartMs, columns }: WindowWrite): Write[] {
  const key = clientKey(tenant, client);
  const step = RESOLUTION_MS[resolution];
  const bodies = inRows(columns, (some) => codec.encodeWindows(some));
  return [
    ...bodies.map((body, part): Write => [PUT_WINDOWS, key, step, blockStartMs, part, body]),
    [CUT_WINDOWS, key, step, blockStartMs, bodies.length],
  ];
}

/** Splits columns in halves until each part fits in a row. */
function inRows<Column>(
  columns: readonly Column[],
  encode: (columns: readonly Column[]) => Uint8Array | undefined,
): Uint8Array[] {
  const body = encode(columns);
  if (body !== undefined) return [body];
  if (columns.length <= 1) throw new MetricStreamError('internal', 'One column is larger than a row.');
  const half = columns.length >> 1;
  return [...inRows(columns.slice(0, half), encode), ...inRows(columns.slice(half), encode)];
}

/** The samples of [startMs, endMs). */
function cutSamples(block: SampleBlock, startMs: number, endMs: number): SampleBlock {
  const { timesMs, timesNs } = block;
  const from = lowerBound(timesMs, startMs);
  const to = lowerBound(timesMs, endMs);
  if (from === 0 && to === timesMs.length) return block;
  const columns = block.columns.map(({ series, rows, values }) => {
    if (rows === undefined) return { series, rows, values: values.subarray(from, to) };
    const first = lowerBound(rows, from);
    const last = lowerBound(rows, to);
    return { series, rows: rows.subarray(first, last).map((row) => row - from), values: values.subarray(first, last) };
  });
  return {
    timesMs: timesMs.subarray(from, to),
    timesNs: timesNs?.subarray(from, to),
    columns: columns.filter((column) => column.values.length > 0),
  };
}

function cutWindowColumn(column: WindowColumn, startMs: number, endMs: number): WindowColumn {
  const from = lowerBound(column.starts, startMs);
  const to = lowerBound(column.starts, endMs);
  const cut = (values: Float64Array): Float64Array => values.subarray(from, to);
  const series: Series = column.series;
  return {
    series,
    starts: cut(column.starts),
    count: cut(column.count),
    sum: cut(column.sum),
    min: cut(column.min),
    max: cut(column.max),
    first: cut(column.first),
    last: cut(column.last),
    increase: cut(column.increase),
    revision: cut(column.revision),
  };
}

function lowerBound(ascending: Float64Array | Int32Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Walks the clients of each table by its key, a bounded number a call, and goes on there at the next. */
function retentionSweep(database: SqlDatabase): (retention: Retention, rowsMax: number) => number {
  const tables = [
    {
      next: 'SELECT MIN(client) AS client FROM raw_blocks WHERE client > ?',
      cut: 'DELETE FROM raw_blocks WHERE client = ? AND start_ms < ? AND end_ms < ?',
    },
    {
      next: 'SELECT MIN(client) AS client FROM window_blocks WHERE client > ?',
      cut: 'DELETE FROM window_blocks WHERE client = ? AND step_ms = ? AND start_ms + ? <= ?',
    },
  ] as const;
  let after = '';
  let table = 0;
  const dropOf = (client: string, retention: Retention): number => {
    const changes = (): number => database.exec<{ n: number }>('SELECT changes() AS n')[0]?.n ?? 0;
    if (table === 0) {
      database.exec(tables[0].cut, client, retention.rawBeforeMs, retention.rawBeforeMs);
      return changes();
    }
    database.exec(tables[1].cut, client, RESOLUTION_MS['1m'], BLOCK_MS['1m'], retention.minuteBeforeMs);
    const minutes = changes();
    database.exec(tables[1].cut, client, RESOLUTION_MS['1h'], BLOCK_MS['1h'], retention.hourBeforeMs);
    return minutes + changes();
  };
  return (retention, rowsMax) =>
    database.transaction(() => {
      let dropped = 0;
      for (let visited = 0; visited < rowsMax && dropped < rowsMax; visited++) {
        const client = database.exec<{ client: string | null }>((tables[table] ?? tables[0]).next, after)[0]?.client ?? undefined;
        if (client === undefined) {
          after = '';
          table = (table + 1) % tables.length;
          if (table === 0) break;
          continue;
        }
        dropped += dropOf(client, retention);
        after = client;
      }
      return dropped;
    });
}
