/** Who leads which partition, as the cluster has told last, and asked anew where that is in doubt. */
import type { Broker, Producer } from '@platformatic/kafka';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { isMissingTopic, metadataIn } from './failures.ts';
import type { FirstBroker } from './first-broker.ts';

export interface Leaders {
  /** Asks. @returns how many partitions a topic has; undefined: there is no such topic. */
  partitions(topic: string): Promise<number | undefined>;
  leader(topic: string, partition: number): number | undefined;
  broker(id: number): Broker | undefined;
  /** Asks who leads these topics, once at a time; where that is not answered for long, another broker is asked from then on. */
  doubt(topics: Iterable<string>): void;
}

export function kafkaLeaders(client: Pick<Producer, 'metadata'>, first: FirstBroker, clock: Clock): Leaders {
  return new KnownLeaders(client, first, clock);
}

class KnownLeaders implements Leaders {
  readonly #client: Pick<Producer, 'metadata'>;
  readonly #first: FirstBroker;
  readonly #clock: Clock;
  readonly #topics = new Map<string, readonly number[]>();
  #brokers = new Map<number, Broker>();
  #askedMs: number | undefined;

  constructor(client: Pick<Producer, 'metadata'>, first: FirstBroker, clock: Clock) {
    this.#client = client;
    this.#first = first;
    this.#clock = clock;
  }

  partitions(topic: string): Promise<number | undefined> {
    return this.#ask(topic, 1);
  }

  leader(topic: string, partition: number): number | undefined {
    const leader = this.#topics.get(topic)?.[partition];
    return leader === NOBODY ? undefined : leader;
  }

  broker(id: number): Broker | undefined {
    return this.#brokers.get(id);
  }

  doubt(topics: Iterable<string>): void {
    const nowMs = this.#clock.nowMs();
    if (this.#askedMs === undefined) {
      this.#askedMs = nowMs;
      Promise.allSettled([...topics].map((topic) => this.#ask(topic, 0))).then(() => {
        this.#askedMs = undefined;
      });
    } else if (nowMs - this.#askedMs >= LIMITS.produceStallMs) {
      this.#askedMs = nowMs;
      this.#first.turn(this.#brokers.values());
    }
  }

  async #ask(topic: string, retries: number): Promise<number | undefined> {
    try {
      const { brokers, topics } = await this.#client.metadata({ topics: [topic], forceUpdate: true, retries });
      const leaders = topics.get(topic)?.partitions.map(({ leader }) => leader);
      return this.#learn(topic, leaders, brokers);
    } catch (error) {
      if (isMissingTopic(error)) return this.#learn(topic, undefined, this.#brokers);
      const answer = metadataIn(error);
      const told = answer?.topics.find(({ name }) => name === topic);
      if (answer === undefined || told === undefined || told.partitions.length === 0) throw error;
      const leaders: number[] = [];
      for (const { partitionIndex, leaderId } of told.partitions) leaders[partitionIndex] = leaderId;
      return this.#learn(topic, leaders, new Map(answer.brokers.map((broker) => [broker.nodeId, broker])));
    }
  }

  #learn(topic: string, leaders: readonly number[] | undefined, brokers: Map<number, Broker>): number | undefined {
    if (leaders === undefined) this.#topics.delete(topic);
    else this.#topics.set(topic, leaders);
    this.#brokers = brokers;
    return leaders?.length;
  }
}

/** For the leader of a partition whose replicas are all down. */
const NOBODY = -1;
