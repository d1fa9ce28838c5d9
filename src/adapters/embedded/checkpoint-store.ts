/** Checkpoints in SQLite, in one transaction with what they let go of. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { CheckpointStore } from '../../ports/checkpoint-store.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';
import type { EmbeddedTimeSeriesStore } from './time-series-store.ts';

type CheckpointRow = { position: number; safe_offset: number; body: Uint8Array };

/** Position and safe offset count in the first part only; a later one is written again only when its bytes have changed. */
const PUT_FIRST =
  'INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position, safe_offset = excluded.safe_offset, body = excluded.body';
const PUT_NEXT =
  'INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body WHERE body <> excluded.body';

export function embeddedCheckpointStore({
  database,
  store,
}: {
  readonly database: SqlDatabase;
  readonly store: EmbeddedTimeSeriesStore;
}): CheckpointStore {
  return {
    async load(partition) {
      const rows = database.exec<CheckpointRow>(
        'SELECT position, safe_offset, body FROM checkpoints WHERE partition = ? ORDER BY part',
        partition,
      );
      const [first] = rows;
      if (first === undefined) return undefined;
      const state = new Uint8Array(rows.reduce((sum, row) => sum + row.body.length, 0));
      let at = 0;
      for (const { body } of rows) {
        state.set(body, at);
        at += body.length;
      }
      return { partition, position: first.position, safeOffset: first.safe_offset, state };
    },
    async commit({ partition, position, safeOffset, state }, batch) {
      const writes = store.prepare(batch);
      database.transaction(() => {
        const [held] = database.exec<{ position: number }>(
          'SELECT position FROM checkpoints WHERE partition = ? AND part = 0',
          partition,
        );
        if (held !== undefined && held.position > position) {
          throw new MetricStreamError('internal', `A checkpoint at ${position} is behind the stored one at ${held.position}.`);
        }
        for (const [sql, ...params] of writes) database.exec(sql, ...params);
        const parts = Math.max(1, Math.ceil(state.length / LIMITS.checkpointPartBytesMax));
        for (let part = 0; part < parts; part++) {
          const body = state.subarray(part * LIMITS.checkpointPartBytesMax, (part + 1) * LIMITS.checkpointPartBytesMax);
          database.exec(part === 0 ? PUT_FIRST : PUT_NEXT, partition, part, position, safeOffset, body);
        }
        database.exec('DELETE FROM checkpoints WHERE partition = ? AND part >= ?', partition, parts);
      });
    },
  };
}
