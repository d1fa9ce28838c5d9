/** Revoked keys and sessions in a Kafka topic, which every server follows: what one revokes, all refuse. */
import type { Clock } from '../../ports/clock.ts';
import type { KeyRegistry, Revocation } from '../../ports/key-registry.ts';
import type { PartitionLog } from '../../ports/partition-log.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { TopicProducer } from '../../ports/topic-producer.ts';
import { FOLLOWED_PARTITION, follow } from './follower.ts';

/*
 * A record is JSON: { tenant, keyId, revokedMs, expiresMs? }; its key is the key id, so that compaction keeps each once.
 */

export interface KafkaKeyRegistryOptions {
  /** What this server knows, over a restart too. */
  readonly local: KeyRegistry;
  readonly log: PartitionLog;
  readonly producer: TopicProducer;
  readonly topic: string;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

/** Follows the topic from its beginning in the background. @throws unavailable where Kafka cannot be reached */
export async function kafkaKeyRegistry(options: KafkaKeyRegistryOptions): Promise<KeyRegistry> {
  const { local, log, producer, topic, clock } = options;
  const encoder = new TextEncoder();
  await follow({ log, partition: FOLLOWED_PARTITION, from: 0, clock, take: ({ bytes }) => takeOver(bytes, options) });
  return {
    isRevoked: (keyId) => local.isRevoked(keyId),
    revokedSince: (sinceMs) => local.revokedSince(sinceMs),
    async revoke(tenant, keyId, nowMs, expiresMs) {
      // What it refuses is refused before others hear of it.
      await local.revoke(tenant, keyId, nowMs, expiresMs);
      const value = encoder.encode(JSON.stringify({ tenant, keyId, revokedMs: nowMs, expiresMs }));
      await producer.send({
        topic,
        partition: FOLLOWED_PARTITION,
        key: encoder.encode(keyId),
        value,
        headers: [],
        timestampMs: undefined,
      });
    },
  };
}

/** One that cannot be read, or kept, does not hold up those that follow. */
async function takeOver(bytes: Uint8Array, { local, telemetry }: KafkaKeyRegistryOptions): Promise<void> {
  try {
    const { tenant, keyId, revokedMs, expiresMs } = JSON.parse(new TextDecoder().decode(bytes)) as Revocation;
    await local.revoke(tenant, keyId, revokedMs, expiresMs);
  } catch (error) {
    telemetry.log('error', 'a revocation could not be taken over', { error: String(error) });
  }
}
