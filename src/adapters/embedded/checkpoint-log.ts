/** Checkpoints of partitions whose log and store are elsewhere, in SQLite: the state alone, in one transaction. */
import { LIMITS } from '../../model/limits.ts';
import type { CheckpointLog } from '../../ports/checkpoint-log.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';

/*
 * In the table `checkpoints`, under -1 - partition: offsets of a log elsewhere mean nothing in that of this database.
 * bytes = generation (u64, little-endian) state, cut into parts of checkpointPartBytesMax
 */

type Row = { position: number; safe_offset: number; body: Uint8Array };

const GENERATION_BYTES = 8;
const PUT =
  'INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position, safe_offset = excluded.safe_offset, body = excluded.body';

export function embeddedCheckpointLog(database: SqlDatabase): CheckpointLog {
  const rowsOf = (partition: number): Row[] =>
    database.exec<Row>('SELECT position, safe_offset, body FROM checkpoints WHERE partition = ? ORDER BY part', -1 - partition);
  return {
    async load(partition) {
      const rows = rowsOf(partition);
      const [first] = rows;
      if (first === undefined) return undefined;
      const bytes = new Uint8Array(rows.reduce((sum, { body }) => sum + body.length, 0));
      let at = 0;
      for (const { body } of rows) {
        bytes.set(body, at);
        at += body.length;
      }
      const { position, safe_offset: safeOffset } = first;
      const state = bytes.subarray(GENERATION_BYTES);
      return { generation: generationOf(bytes), checkpoint: { partition, position, safeOffset, state } };
    },
    async save({ generation, checkpoint: { partition, position, safeOffset, state } }) {
      const bytes = new Uint8Array(GENERATION_BYTES + state.length);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(generation), true);
      bytes.set(state, GENERATION_BYTES);
      database.transaction(() => {
        const [held] = database.exec<Row>(
          'SELECT position, safe_offset, body FROM checkpoints WHERE partition = ? AND part = 0',
          -1 - partition,
        );
        if (held !== undefined) {
          const last = generationOf(held.body);
          if (last > generation || (last === generation && held.position > position)) return;
        }
        const parts = Math.ceil(bytes.length / LIMITS.checkpointPartBytesMax);
        for (let part = 0; part < parts; part++) {
          const body = bytes.subarray(part * LIMITS.checkpointPartBytesMax, (part + 1) * LIMITS.checkpointPartBytesMax);
          database.exec(PUT, -1 - partition, part, position, safeOffset, body);
        }
        database.exec('DELETE FROM checkpoints WHERE partition = ? AND part >= ?', -1 - partition, parts);
      });
    },
  };
}

function generationOf(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true));
}
