/** How often a shard does what the clock makes due. */
import { LIMITS } from '../model/limits.ts';

export interface Pace {
  /** From one checkpoint of a partition to its next. */
  readonly checkpointMs: number;
  /** A partition in which samples wait is silent for so long before it gets a tick. */
  readonly tickMs: number;
  readonly retentionMs: number;
  /** From one telling of what changed to the next. */
  readonly liveMs: number;
  /** So many records that wait are committed without lingering, when no commit is under way. */
  readonly commitRecords: number;
}

/** Of a Durable Object: each row that is written and each time it wakes is billed, and a restart reads a few minutes of log. */
export const OBJECT_PACE: Pace = {
  checkpointMs: LIMITS.objectCheckpointIntervalMs,
  tickMs: LIMITS.objectTickIntervalMs,
  retentionMs: LIMITS.objectRetentionIntervalMs,
  liveMs: LIMITS.objectLiveIntervalMs,
  commitRecords: LIMITS.appendBatchRecordsMax,
};

/** Of one whose store is elsewhere: what it holds of a client that is new is told to the store with a checkpoint, and others look there. */
export const FED_PACE: Pace = { ...OBJECT_PACE, checkpointMs: LIMITS.fedCheckpointMs };

/** Of a server, whose rows cost nothing and which is awake anyway. */
export const SERVER_PACE: Pace = {
  checkpointMs: LIMITS.checkpointIntervalMs,
  tickMs: LIMITS.tickIntervalMs,
  retentionMs: LIMITS.retentionIntervalMs,
  liveMs: LIMITS.liveIntervalMs,
  commitRecords: LIMITS.commitRecords,
};
