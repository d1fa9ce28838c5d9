/** Which shards there are to wake. */

export interface ShardRegistry {
  names(): readonly string[];
  /** Durable when it returns; adding one twice is harmless. */
  add(name: string): void;
}
