/** Drops stored blocks that are past retention, client by client, a bounded number a call. */
import { MetricStreamError } from '../../model/errors.ts';
import { BLOCK_MS, RESOLUTION_MS, type Resolution } from '../../model/window.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';
import type { Retention } from '../../ports/time-series-store.ts';
import { packRows, ROW_MS, readRow, type StoredBlock } from './window-rows.ts';

/** The blocks of one client and, for windows, of one width: a stretch of a table's key, named by its oldest block. */
type Stretch = { readonly client: string; readonly step_ms: number; readonly start_ms: number };

interface Sweep {
  /** The stretch behind another; undefined behind the last. A seek in the key: no table is scanned. */
  next(after: Stretch): Stretch | undefined;
  /** Drops up to `rowsMax` blocks of a stretch. @returns how many. */
  drop(stretch: Stretch, retention: Retention, rowsMax: number): number;
}

const BEGINNING: Stretch = { client: '', step_ms: 0, start_ms: 0 };

/**
 * @returns a function that drops up to `rowsMax` blocks and looks at up to `rowsMax` stretches, in one transaction.
 * Each call goes on where the one before stopped, so that they add up to whole rounds.
 */
export function retentionSweep(database: SqlDatabase): (retention: Retention, rowsMax: number) => number {
  const sweeps = [rawSweep(database), windowSweep(database)];
  let place = 0;
  let at = BEGINNING;
  return (retention, rowsMax) =>
    database.transaction(() => {
      let dropped = 0;
      let tablesLeft = sweeps.length + 1;
      for (let looks = rowsMax; looks > 0 && dropped < rowsMax && tablesLeft > 0; looks--) {
        const sweep = sweeps[place] as Sweep;
        const stretch = sweep.next(at);
        if (stretch === undefined) {
          tablesLeft -= 1;
          place = (place + 1) % sweeps.length;
          at = BEGINNING;
          continue;
        }
        const room = rowsMax - dropped;
        const here = sweep.drop(stretch, retention, room);
        dropped += here;
        // Where all the room was used more may be left: the next call looks at it again.
        if (here < room) at = stretch;
      }
      return dropped;
    });
}

function rawSweep(database: SqlDatabase): Sweep {
  return {
    next: ({ client }) =>
      database.exec<Stretch>(
        'SELECT client, 0 AS step_ms, start_ms FROM raw_blocks WHERE client > ? ORDER BY client, start_ms LIMIT 1',
        client,
      )[0],
    drop({ client, start_ms }, { rawBeforeMs }, rowsMax) {
      if (start_ms > rawBeforeMs) return 0;
      return database.exec(
        'DELETE FROM raw_blocks WHERE client = ? AND (start_ms, sequence, part) IN (SELECT start_ms, sequence, part FROM raw_blocks WHERE client = ? AND start_ms <= ? AND end_ms <= ? LIMIT ?) RETURNING part',
        client,
        client,
        rawBeforeMs,
        rawBeforeMs,
        rowsMax,
      ).length;
    },
  };
}

function windowSweep(database: SqlDatabase): Sweep {
  return {
    next: ({ client, step_ms }) =>
      database.exec<Stretch>(
        'SELECT client, step_ms, first_ms AS start_ms FROM window_blocks WHERE (client, step_ms) > (?, ?) ORDER BY client, step_ms, start_ms, part LIMIT 1',
        client,
        step_ms,
      )[0],
    drop({ client, step_ms, start_ms }, { minuteBeforeMs, hourBeforeMs }, rowsMax) {
      const resolution = step_ms === RESOLUTION_MS['1m'] ? '1m' : '1h';
      const lastStartMs = (resolution === '1m' ? minuteBeforeMs : hourBeforeMs) - BLOCK_MS[resolution];
      if (start_ms > lastStartMs) return 0;
      let dropped = 0;
      while (dropped < rowsMax) {
        const here = shorten(database, client, resolution, lastStartMs, rowsMax - dropped);
        if (here === 0) break;
        dropped += here;
      }
      return dropped;
    },
  };
}

/** Takes the blocks up to a time out of the oldest row that holds one, and the row with the last of them. @returns how many. */
function shorten(database: SqlDatabase, client: string, resolution: Resolution, lastStartMs: number, blocksMax: number): number {
  const [row] = database.exec<{ start_ms: number; part: number; body: Uint8Array }>(
    'SELECT start_ms, part, body FROM window_blocks WHERE client = ? AND step_ms = ? AND start_ms <= ? AND first_ms <= ? ORDER BY start_ms, part LIMIT 1',
    client,
    RESOLUTION_MS[resolution],
    lastStartMs,
    lastStartMs,
  );
  if (row === undefined) return 0;
  const blocks = readable(row.start_ms, resolution, row.body);
  // One that is damaged goes as a whole, when all of it is past.
  if (blocks === undefined && row.start_ms + ROW_MS[resolution] > lastStartMs + BLOCK_MS[resolution]) return 0;
  const past = blocks?.filter(({ startMs }) => startMs <= lastStartMs).length ?? 1;
  const dropped = Math.min(past, blocksMax);
  const key = [client, RESOLUTION_MS[resolution], row.start_ms, row.part];
  const [rest] = packRows(row.start_ms, resolution, blocks?.slice(dropped) ?? []);
  if (rest === undefined) {
    database.exec('DELETE FROM window_blocks WHERE client = ? AND step_ms = ? AND start_ms = ? AND part = ?', ...key);
  } else {
    database.exec(
      'UPDATE window_blocks SET first_ms = ?, body = ? WHERE client = ? AND step_ms = ? AND start_ms = ? AND part = ?',
      rest.firstMs,
      rest.body,
      ...key,
    );
  }
  return dropped;
}

function readable(rowStartMs: number, resolution: Resolution, body: Uint8Array): StoredBlock[] | undefined {
  try {
    return readRow(rowStartMs, resolution, body);
  } catch (error) {
    if (error instanceof MetricStreamError && error.code === 'corrupt_data') return undefined;
    throw error;
  }
}
