/** A Kafka consumer group: it says which partitions are ours; the reading goes elsewhere. */
import { Consumer } from '@platformatic/kafka';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PartitionGroup } from '../../ports/partition-group.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { clientOptions, type KafkaConnection } from './connection.ts';
import { within } from './within.ts';

export interface KafkaPartitionGroupOptions {
  readonly connection: KafkaConnection;
  readonly groupId: string;
  readonly topic: string;
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export function kafkaPartitionGroup(options: KafkaPartitionGroupOptions): PartitionGroup {
  return new KafkaPartitionGroup(options);
}

type Assigned = (partitions: readonly number[], generation: number) => void;

class KafkaPartitionGroup implements PartitionGroup {
  readonly takeoverMs: number;
  readonly #options: KafkaPartitionGroupOptions;
  #consumer: Consumer | undefined;
  #left = false;
  #joinedMs = Number.NEGATIVE_INFINITY;

  constructor(options: KafkaPartitionGroupOptions) {
    this.#options = options;
    this.takeoverMs = options.sessionTimeoutMs;
  }

  async join(assigned: Assigned): Promise<void> {
    if (this.#left) return;
    const { connection, groupId, topic, sessionTimeoutMs, clock, telemetry } = this.#options;
    const consumer = new Consumer({
      ...clientOptions(connection),
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.floor(sessionTimeoutMs / LIMITS.heartbeatsPerSession),
      rebalanceTimeout: LIMITS.rebalanceMs,
      autocommit: false,
      // A broker answers a join when all have joined.
      requestTimeout: LIMITS.rebalanceMs + LIMITS.kafkaRequestTimeoutMs,
    });
    this.#consumer = consumer;
    consumer.topics.trackAll(topic);
    const again = (error: unknown): void => {
      if (this.#consumer !== consumer || this.#left) return;
      this.#consumer = undefined;
      telemetry.log('warn', 'the consumer group was left; it is joined again', { error: String(error) });
      void consumer.close(true).catch(() => undefined);
      clock.schedule(LIMITS.kafkaRetryDelayMs, () => void this.join(assigned));
    };
    consumer.on('consumer:group:join', ({ assignments = [], generationId = 0 }) => {
      if (this.#consumer !== consumer) return;
      this.#joinedMs = clock.nowMs();
      const own = assignments.find((one) => one.topic === topic)?.partitions ?? [];
      telemetry.log('info', 'partitions are assigned', { generation: generationId, partitions: own });
      assigned(own, generationId);
    });
    consumer.on('consumer:heartbeat:stalled', ({ lastError }) => again(lastError));
    consumer.on('error', (error) => again(error));
    try {
      const timeoutMs = LIMITS.rebalanceMs + LIMITS.kafkaReadTimeoutMs;
      await within(clock, timeoutMs, consumer.joinGroup({}), 'Kafka does not answer who wants to join a group.');
    } catch (error) {
      again(error);
    }
  }

  holds(): boolean {
    const heardMs = Math.max(this.#joinedMs, this.#consumer?.lastHeartbeat?.getTime() ?? Number.NEGATIVE_INFINITY);
    return this.#consumer !== undefined && this.#options.clock.nowMs() - heardMs < this.#options.sessionTimeoutMs / 2;
  }

  async leave(): Promise<void> {
    this.#left = true;
    const consumer = this.#consumer;
    this.#consumer = undefined;
    await consumer?.close(true);
  }
}
