/** Alerting on Kafka: transitions come from a topic, and what rules are told goes into the log of every partition. */
import { embeddedDocumentStore } from '../adapters/embedded/document-store.ts';
import { follow } from '../adapters/kafka/follower.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { AlertControl } from '../alerts/alert-control.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { topicNames } from '../model/topics.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import type { StoredRecord } from '../ports/metric-log.ts';
import type { PartitionLog } from '../ports/partition-log.ts';
import type { TopicProducer } from '../ports/topic-producer.ts';
import { encodeControl } from '../protocols/log-record.ts';
import { decodeTransitions } from '../protocols/transition-record.ts';
import { type ServerAlertsOptions, serverAlerts } from './server-alerts.ts';

export interface KafkaAlertsOptions extends Omit<ServerAlertsOptions, 'publish'> {
  readonly prefix: string;
  readonly producer: TopicProducer;
  /** Of the topic of transitions. */
  readonly log: PartitionLog;
}

/** By partition, the offset after the last record of which everything is kept. */
const POSITION_KIND = 'transitions_taken';
const NO_TENANT = '';

/** The control role of a system on Kafka. One server has it. @throws unavailable where Kafka cannot be reached */
export async function kafkaAlerts(options: KafkaAlertsOptions): Promise<AlertControl> {
  const { prefix, producer, log, database, telemetry } = options;
  const topic = topicNames(prefix).raw;
  const alerts = serverAlerts({
    ...options,
    async publish(control) {
      const value = encodeControl(control);
      const send = (partition: number): Promise<number> =>
        producer.send({ topic, partition, key: undefined, value, headers: [], timestampMs: undefined });
      await Promise.all(Array.from({ length: LIMITS.partitions }, (_, partition) => send(partition)));
    },
  });
  const store = embeddedDocumentStore({ database });
  alerts.start();
  const take = async (partition: number, { offset, bytes }: StoredRecord): Promise<void> => {
    try {
      await alerts.deliver(decodeTransitions(bytes));
    } catch (error) {
      // What cannot be read never can; what cannot be kept now is taken again.
      if (!(error instanceof MetricStreamError) || error.code !== 'corrupt_data') throw error;
      telemetry.log('error', 'a record of transitions cannot be read and is passed over', { partition, offset });
    }
    keepPosition(store, partition, offset + 1);
  };
  const clock = systemClock();
  const followed = Array.from({ length: LIMITS.partitions }, (_, partition) =>
    follow({ log, partition, from: positionOf(store, partition), clock, take: (record) => take(partition, record) }),
  );
  await Promise.all(followed);
  return alerts;
}

function positionOf(store: DocumentStore, partition: number): number {
  return Number(store.get({ tenant: NO_TENANT, kind: POSITION_KIND, id: String(partition) })?.body ?? 0);
}

function keepPosition(store: DocumentStore, partition: number, position: number): void {
  const key = { tenant: NO_TENANT, kind: POSITION_KIND, id: String(partition) };
  store.commit([{ ...key, atMs: 0, parent: '', body: String(position) }]);
}
