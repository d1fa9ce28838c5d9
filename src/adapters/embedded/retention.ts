/** Drops stored blocks that are past retention, client by client, a bounded number a call. */
import { BLOCK_MS, RESOLUTION_MS } from '../../model/window.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';
import type { Retention } from '../../ports/time-series-store.ts';

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
        'SELECT client, step_ms, start_ms FROM window_blocks WHERE (client, step_ms) > (?, ?) ORDER BY client, step_ms, start_ms LIMIT 1',
        client,
        step_ms,
      )[0],
    drop({ client, step_ms, start_ms }, { minuteBeforeMs, hourBeforeMs }, rowsMax) {
      const isMinutes = step_ms === RESOLUTION_MS['1m'];
      const lastStartMs = isMinutes ? minuteBeforeMs - BLOCK_MS['1m'] : hourBeforeMs - BLOCK_MS['1h'];
      if (start_ms > lastStartMs) return 0;
      return database.exec(
        'DELETE FROM window_blocks WHERE client = ? AND step_ms = ? AND (start_ms, part) IN (SELECT start_ms, part FROM window_blocks WHERE client = ? AND step_ms = ? AND start_ms <= ? LIMIT ?) RETURNING part',
        client,
        step_ms,
        client,
        step_ms,
        lastStartMs,
        rowsMax,
      ).length;
    },
  };
}
