/** The embedded stores and log on an empty database. */
import { embeddedCheckpointStore } from '../../../src/adapters/embedded/checkpoint-store.ts';
import { embeddedMetricLog } from '../../../src/adapters/embedded/metric-log.ts';
import { openSchema } from '../../../src/adapters/embedded/schema.ts';
import { embeddedTimeSeriesStore } from '../../../src/adapters/embedded/time-series-store.ts';
import { zlibCompression } from '../../../src/adapters/node/compression.ts';
import type { CheckpointStore } from '../../../src/ports/checkpoint-store.ts';
import type { SqlDatabase } from '../../../src/ports/sql-database.ts';
import type { StoreBatch, TimeSeriesStore } from '../../../src/ports/time-series-store.ts';
import type { DamageableLog } from './metric-log.ts';

export interface EmbeddedStores {
  readonly checkpoints: CheckpointStore;
  readonly store: TimeSeriesStore;
  /** Commits a batch with a checkpoint of its own. */
  write(batch: StoreBatch): Promise<void>;
}

export function embeddedStores(database: SqlDatabase): EmbeddedStores {
  openSchema(database, { partitions: 12, shards: 1 });
  const store = embeddedTimeSeriesStore({ database, compression: zlibCompression() });
  const checkpoints = embeddedCheckpointStore({ database, store });
  let position = 0;
  return {
    checkpoints,
    store,
    write: (batch) => checkpoints.commit({ partition: 0, position: position++, safeOffset: 0, state: new Uint8Array(0) }, batch),
  };
}

export function embeddedLog(database: SqlDatabase, compressFromBytes: number): DamageableLog {
  openSchema(database, { partitions: 12, shards: 1 });
  const reopen = () => embeddedMetricLog({ database, compression: zlibCompression(), compressFromBytes, syncAheadFrom: 3 });
  return {
    log: reopen(),
    reopen,
    damage: (firstOffset) =>
      void database.exec('UPDATE log_batches SET body = substr(body, 1, length(body) - 1) WHERE first_offset = ?', firstOffset),
  };
}
