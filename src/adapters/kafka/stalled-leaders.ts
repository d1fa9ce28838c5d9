/** Leaves a broker that stands still as soon as another leads: what was sent to it goes to the new leader, and not only when its time is over. */
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ProduceAnswer, ProducerCluster } from './idempotent-sends.ts';
import type { NumberedBatch } from './produce-request.ts';

/** A cluster whose requests can be given up. */
export interface LeavableCluster extends ProducerCluster {
  /** @returns what gives the request up: it ends as lost, or as unsent, and with it all else that waits for an answer of this broker. */
  produce(broker: number, batches: readonly NumberedBatch[], done: (answer: ProduceAnswer) => void): () => void;
}

/**
 * Whoever leads may change long before a request's time is over, or just after it was sent once more to a broker that stands still. What is
 * given up is no more than an answer that was lost: the old leader may have kept the batch, and the new one knows it by its numbers then.
 */
export function leavingStalledLeaders(cluster: LeavableCluster, clock: Clock): ProducerCluster {
  return {
    partitions: (topic) => cluster.partitions(topic),
    leader: (topic, partition) => cluster.leader(topic, partition),
    doubt: (topics) => cluster.doubt(topics),
    producer: () => cluster.producer(),
    produce(broker, batches, done) {
      let isOver = false;
      let stopLooking: () => void = () => undefined;
      const giveUp = cluster.produce(broker, batches, (answer) => {
        isOver = true;
        stopLooking();
        done(answer);
      });
      if (isOver) return;
      const topics = new Set(batches.map(({ topic }) => topic));
      const look = (): void => {
        stopLooking = clock.schedule(LIMITS.kafkaRetryDelayMs, look);
        if (batches.some((batch) => isLedElsewhere(cluster, batch, broker))) giveUp();
        else cluster.doubt(topics);
      };
      stopLooking = clock.schedule(LIMITS.produceStallMs, look);
    },
  };
}

/** While nobody leads, this broker may be the next to. */
function isLedElsewhere(cluster: ProducerCluster, { topic, partition }: NumberedBatch, broker: number): boolean {
  const leader = cluster.leader(topic, partition);
  return leader !== undefined && leader !== broker;
}
