/** Time and waiting, handed in so that tests and the simulator own them. */

export interface Clock {
  /** Unix ms, an integer. May jump; callers that need order keep their own maximum. */
  nowMs(): number;
  /** Runs `task` once after `delayMs` (≥ 0), or soon where it is 0. @returns cancel, harmless when it has run. */
  schedule(delayMs: number, task: () => void): () => void;
}
