/** Where checkpoints are kept by themselves: what they let go of is confirmed by its store before they are saved. */
import type { CheckpointRecord } from './checkpoint-store.ts';

export interface SavedCheckpoint {
  readonly checkpoint: CheckpointRecord;
  /** Of the owner that saved it: each owner of a partition has a higher one than those before it. */
  readonly generation: number;
}

export interface CheckpointLog {
  /** The newest checkpoint of a partition: of two the one of the higher generation, then of the higher position. @throws corrupt_data | unavailable */
  load(partition: number): Promise<SavedCheckpoint | undefined>;
  /** Durable when it resolves. A crash at any moment leaves the one before or this one, whole; so does an owner of a lower generation that still saves. @throws unavailable */
  save(saved: SavedCheckpoint): Promise<void>;
}
