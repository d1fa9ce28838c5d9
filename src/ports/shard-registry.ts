/** Which shards there are to wake. */

export interface ShardRegistry {
  /** In the order of their names or of their coming. */
  names(): readonly string[];
  /** Durable when it returns; adding one twice is harmless. */
  add(name: string): void;
}
