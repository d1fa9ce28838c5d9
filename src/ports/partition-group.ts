/** Which partitions of the log are this process's to consume, among all that share the work. */

export interface PartitionGroup {
  /**
   * Joins the others, and goes on until `leave`: what is lost is joined again.
   * @param assigned told of the whole set each time it changes: what is not in it any more is another's. `generation` rises with each.
   */
  join(assigned: (partitions: readonly number[], generation: number) => void): Promise<void>;
  /**
   * Whether this process may write for its partitions now: it has been heard of lately enough that nobody can have taken them over.
   */
  holds(): boolean;
  /** How long after the last sign of life another may take over, ms: for so long writes of an owner before this one may still arrive. */
  readonly takeoverMs: number;
  /** Lets the others have what it had. */
  leave(): Promise<void>;
}
