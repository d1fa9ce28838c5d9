/** Tables of enrichments in a Kafka topic, which every server follows: what one changes, all show. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EnrichmentRegistry, EnrichmentTable } from '../../ports/enrichment-registry.ts';
import type { StoredRecord } from '../../ports/metric-log.ts';
import type { PartitionLog } from '../../ports/partition-log.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { TopicProducer } from '../../ports/topic-producer.ts';
import { type KnownEnrichments, knownEnrichments } from '../embedded/known-enrichments.ts';
import { FOLLOWED_PARTITION, follow } from './follower.ts';

/*
 * A record is a line of JSON, { id, tenant, version }, and behind it the table, as it is (protocols/enrichment-table.ts); the key is the
 * tenant, so that compaction keeps the newest of each. A change says the version after the one that it was made of. Of two that say the same
 * the first in the topic counts, for everybody; whoever sent the other puts the first behind it again, since compaction keeps the last.
 */

export interface KafkaEnrichmentRegistryOptions {
  readonly log: PartitionLog;
  readonly producer: TopicProducer;
  readonly topic: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/**
 * Knows all that the topic held when it was called: no push goes out without its tags after a restart.
 * @throws unavailable where Kafka cannot be reached
 */
export async function kafkaEnrichmentRegistry(options: KafkaEnrichmentRegistryOptions): Promise<EnrichmentRegistry> {
  const shared = new Shared(options);
  const { log, clock } = options;
  const take = ({ bytes }: StoredRecord): void => shared.take(bytes);
  const { caughtUp } = await follow({ log, partition: FOLLOWED_PARTITION, from: 0, clock, take });
  await within(clock, caughtUp);
  return {
    find: shared.known.find,
    read: async (tenant) => shared.known.of(tenant),
    replace: (table) => shared.replace(table),
  };
}

class Shared {
  readonly known: KnownEnrichments = knownEnrichments();
  readonly #options: KafkaEnrichmentRegistryOptions;
  /** Changes of this server that have not come back, by id: called with whether they count. */
  readonly #sent = new Map<string, (counts: boolean) => void>();

  constructor(options: KafkaEnrichmentRegistryOptions) {
    this.#options = options;
  }

  async replace(table: EnrichmentTable): Promise<EnrichmentTable | undefined> {
    const { tenant, version } = table;
    if (this.known.of(tenant).version !== version) return undefined;
    this.known.check(table);
    const next = { ...table, version: version + 1 };
    if (await this.#send(next)) return next;
    for (let tries = 0; tries < LIMITS.enrichmentTriesMax; tries++) {
      const winner = this.known.of(tenant);
      if (await this.#send({ ...winner, version: winner.version + 1 })) break;
    }
    return undefined;
  }

  /** @returns whether it counts, once that is known. */
  async #send({ tenant, version, text }: EnrichmentTable): Promise<boolean> {
    const { clock, producer, topic } = this.#options;
    const encoder = new TextEncoder();
    const id = crypto.randomUUID();
    const counts = new Promise<boolean>((resolve) => void this.#sent.set(id, resolve));
    try {
      await producer.send({
        topic,
        partition: FOLLOWED_PARTITION,
        key: encoder.encode(tenant),
        value: encoder.encode(`${JSON.stringify({ id, tenant, version })}\n${text}`),
        headers: [],
        timestampMs: undefined,
      });
      return await within(clock, counts);
    } finally {
      this.#sent.delete(id);
    }
  }

  take(bytes: Uint8Array): void {
    try {
      const record = new TextDecoder().decode(bytes);
      const [head = ''] = record.split('\n', 1);
      const { id, tenant, version } = JSON.parse(head);
      if (typeof tenant !== 'string' || !Number.isSafeInteger(version)) throw new MetricStreamError('corrupt_data');
      const counts = this.known.take({ tenant, version, text: record.slice(head.length + 1) });
      this.#sent.get(id)?.(counts);
    } catch (error) {
      this.#options.telemetry.log('error', 'a table of enrichments could not be taken over', { error: String(error) });
    }
  }
}

/** @throws unavailable */
function within<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.schedule(LIMITS.appendTimeoutMs, () =>
      reject(
        new MetricStreamError('unavailable', 'Kafka does not give back what was written.', { retryAfterMs: LIMITS.retryMs }),
      ),
    );
    void work.then(resolve, reject).finally(cancel);
  });
}
