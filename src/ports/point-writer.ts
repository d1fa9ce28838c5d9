/** A store that others read as well: there each sample and each window is a point of its own. */
import type { PlacedClient, SampleBlock, WindowColumn, WindowWrite } from './time-series-store.ts';

/** Points of one client: where it stands is said of each of them. */
export interface ClientPoints extends PlacedClient {
  readonly samples: readonly SampleBlock[];
  readonly minutes: readonly WindowColumn[];
  readonly hours: readonly WindowColumn[];
  /** Of this client, and whole: each window in them is a point, too, and the store may keep them in a piece beside those. */
  readonly blocks: readonly WindowWrite[];
}

/** A point that the store will never take. */
export interface RefusedPoint {
  /** What the store says. */
  readonly reason: string;
  /** The point as it was sent, cut to refusedPointBytesMax. */
  readonly line: string;
}

export interface PointWriter {
  /**
   * Resolves when the store has confirmed every point but those it refuses for good, which are returned (refusedPointsMax of them, and how many
   * there were). To write a point again, or a later revision of its window, replaces it: repeats are harmless.
   * @throws `unavailable`, with retryAfterMs, when the store cannot be reached, is overloaded or fails: any part may have been kept, write all of it again |
   *   `misconfigured` when the store refuses the token, the organization or a bucket: nothing can be written until an operator mends that.
   */
  write(points: readonly ClientPoints[]): Promise<{ readonly refused: readonly RefusedPoint[]; readonly refusedCount: number }>;
}
