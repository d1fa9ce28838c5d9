/** Revoked keys and sessions in a Kafka topic, which every server follows: what one revokes, all refuse. */
import { LIMITS } from '../../model/limits.ts';
import type { KeyRegistry, Revocation } from '../../ports/key-registry.ts';
import type { PartitionLog } from '../../ports/partition-log.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { TopicProducer } from '../../ports/topic-producer.ts';

/*
 * A record is JSON: { tenant, keyId, revokedMs, expiresMs? }; its key is the key id, so that compaction keeps each once.
 * All of them lie in partition 0, in one order for everybody.
 */
const PARTITION = 0;

export interface KafkaKeyRegistryOptions {
  /** What this server knows, over a restart too. */
  readonly local: KeyRegistry;
  readonly log: PartitionLog;
  readonly producer: TopicProducer;
  readonly topic: string;
  readonly telemetry: Telemetry;
}

/** Follows the topic from its beginning in the background. @throws unavailable where Kafka cannot be reached */
export async function kafkaKeyRegistry(options: KafkaKeyRegistryOptions): Promise<KeyRegistry> {
  const { local, log, producer, topic } = options;
  const encoder = new TextEncoder();
  const follower = new Follower(options);
  follower.follow(await log.open(PARTITION, () => follower.more()));
  return {
    isRevoked: (keyId) => local.isRevoked(keyId),
    revokedSince: (sinceMs) => local.revokedSince(sinceMs),
    async revoke(tenant, keyId, nowMs, expiresMs) {
      // What it refuses is refused before others hear of it.
      await local.revoke(tenant, keyId, nowMs, expiresMs);
      const value = encoder.encode(JSON.stringify({ tenant, keyId, revokedMs: nowMs, expiresMs }));
      await producer.send({
        topic,
        partition: PARTITION,
        key: encoder.encode(keyId),
        value,
        headers: [],
        timestampMs: undefined,
      });
    },
  };
}

type Reader = Awaited<ReturnType<PartitionLog['open']>>;

class Follower {
  readonly #options: KafkaKeyRegistryOptions;
  #reader: Reader | undefined;
  #next = 0;
  #reading = false;
  #again = false;

  constructor(options: KafkaKeyRegistryOptions) {
    this.#options = options;
  }

  follow(reader: Reader): void {
    this.#reader = reader;
    this.more();
  }

  more(): void {
    this.#again = true;
    if (!this.#reading) void this.#read();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    while (this.#again) {
      this.#again = false;
      const records = (await this.#reader?.read(this.#next, LIMITS.readBatchBytesMax)) ?? [];
      for (const { offset, bytes } of records) {
        await this.#take(bytes);
        this.#next = offset + 1;
        this.#again = true;
      }
    }
    this.#reading = false;
  }

  async #take(bytes: Uint8Array): Promise<void> {
    const { local, telemetry } = this.#options;
    try {
      const { tenant, keyId, revokedMs, expiresMs } = JSON.parse(new TextDecoder().decode(bytes)) as Revocation;
      await local.revoke(tenant, keyId, revokedMs, expiresMs);
    } catch (error) {
      // One that cannot be read, or kept, does not hold up those that follow.
      telemetry.log('error', 'a revocation could not be taken over', { error: String(error) });
    }
  }
}
