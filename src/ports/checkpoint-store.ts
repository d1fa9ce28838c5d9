/** Where the state of a partition's consumer is kept, together with what it lets go of. */
import type { StoreBatch } from './time-series-store.ts';

export interface CheckpointRecord {
  readonly partition: number;
  /** P: every record before it has taken effect. */
  readonly position: number;
  /** S ≤ P: replay starts here to refill heads. */
  readonly safeOffset: number;
  /** Encoded state at P (consumers/checkpoint.ts). */
  readonly state: Uint8Array;
}

export interface CheckpointStore {
  /** The newest checkpoint of a partition; undefined before the first. @throws corrupt_data */
  load(partition: number): Promise<CheckpointRecord | undefined>;
  /**
   * Makes the batch durable, then the checkpoint: the checkpoint is never ahead of what the store has confirmed.
   * In the embedded profile both are one transaction. A checkpoint whose position is behind the stored one is refused (`internal`).
   */
  commit(checkpoint: CheckpointRecord, batch: StoreBatch): Promise<void>;
}
