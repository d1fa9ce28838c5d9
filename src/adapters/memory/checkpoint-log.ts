/** Checkpoints by themselves, in memory: a fake that keeps the promises of the port. */
import type { CheckpointLog, SavedCheckpoint } from '../../ports/checkpoint-log.ts';

export function memoryCheckpointLog(): CheckpointLog {
  const newest = new Map<number, SavedCheckpoint>();
  return {
    load: async (partition) => newest.get(partition),
    async save({ checkpoint, generation }) {
      const held = newest.get(checkpoint.partition);
      const newer =
        held === undefined ||
        generation > held.generation ||
        (generation === held.generation && checkpoint.position >= held.checkpoint.position);
      if (newer) newest.set(checkpoint.partition, { generation, checkpoint: { ...checkpoint, state: checkpoint.state.slice() } });
    },
  };
}
