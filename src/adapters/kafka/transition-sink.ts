/** Transitions in a Kafka topic, each in the partition of its client: on their way to the server that keeps incidents. */
import type { Transition } from '../../model/alert.ts';
import { LIMITS } from '../../model/limits.ts';
import { clientKey, partitionOf } from '../../model/partition.ts';
import type { TopicProducer } from '../../ports/topic-producer.ts';
import type { TransitionSink } from '../../ports/transition-sink.ts';
import { encodeTransitions } from '../../protocols/transition-record.ts';

export interface KafkaTransitionSinkOptions {
  readonly producer: TopicProducer;
  readonly topic: string;
  readonly partitions: number;
}

export function kafkaTransitionSink({ producer, topic, partitions }: KafkaTransitionSinkOptions): TransitionSink {
  const send = async (partition: number, transitions: readonly Transition[]): Promise<void> => {
    // One after the other: those of a client stay in order though one of them has to be sent again.
    for (const value of encodeTransitions(transitions, LIMITS.recordBytesMax))
      await producer.send({ topic, partition, key: undefined, value, headers: [], timestampMs: undefined });
  };
  return {
    async deliver(transitions) {
      const byPartition = Map.groupBy(transitions, ({ tenant, client }) => partitionOf(clientKey(tenant, client), partitions));
      await Promise.all([...byPartition].map(([partition, own]) => send(partition, own)));
    },
  };
}
