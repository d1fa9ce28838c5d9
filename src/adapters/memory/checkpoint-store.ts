/** Checkpoints in memory: a fake that keeps the promises of the port, for tests and simulations. */
import { MetricStreamError } from '../../model/errors.ts';
import type { CheckpointRecord, CheckpointStore } from '../../ports/checkpoint-store.ts';
import type { StoreBatch } from '../../ports/time-series-store.ts';

/** @param store takes what goes with a checkpoint. */
export function memoryCheckpointStore({ store }: { readonly store: { write(batch: StoreBatch): void } }): CheckpointStore {
  const records = new Map<number, CheckpointRecord>();
  return {
    load: async (partition) => records.get(partition),
    async commit(checkpoint, batch) {
      const held = records.get(checkpoint.partition);
      if (held !== undefined && held.position > checkpoint.position) {
        throw new MetricStreamError('internal', `A checkpoint at ${checkpoint.position} is behind the stored one.`);
      }
      store.write(batch);
      records.set(checkpoint.partition, { ...checkpoint, state: checkpoint.state.slice() });
    },
  };
}
