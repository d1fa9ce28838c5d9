/** What all edges together let a client do. */

export interface RateLimiter {
  /**
   * Counts one request of a client in a sliding window of a second.
   * @returns 0 where it may pass, else after how many ms a retry makes sense. Where the count cannot be had in time it answers 0 and counts that as
   *   degraded: the edge's own limit has been kept already, so a client is never unlimited.
   */
  take(clientKey: string, requestsPerSecond: number): Promise<number>;
}
