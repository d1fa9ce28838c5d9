/** A shard of the version before, which takes pushes one by one. */
import type { ShardWriter } from '../../src/ports/shard-service.ts';

export function earlierShard(append: ShardWriter['append']): ShardWriter {
  return {
    append,
    // What workerd throws for a method that an object does not have.
    appendAll: () => Promise.reject(new TypeError('The RPC receiver does not implement the method "appendAll".')),
  };
}
