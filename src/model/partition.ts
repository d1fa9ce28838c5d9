/** Which partition a client belongs to: Kafka's murmur2, so that every producer agrees. */

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** murmur2 (32 bits, Kafka's seed) as a signed integer. Source: Apache Kafka, Utils.murmur2. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let h = SEED ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const rest = length - i;
  if (rest >= 3) h ^= byteAt(bytes, i + 2) << 16;
  if (rest >= 2) h ^= byteAt(bytes, i + 1) << 8;
  if (rest >= 1) h = Math.imul(h ^ byteAt(bytes, i), M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

/** `toPositive(murmur2(key)) % partitions`, as Kafka's default partitioner does. Also spreads clients over an interval of ms. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(new TextEncoder().encode(key)) & 0x7fffffff) % partitions;
}

/** The key of everything that belongs to one client; a tenant holds no slash. */
export function clientKey(tenant: string, client: string): string {
  return `${tenant}/${client}`;
}
