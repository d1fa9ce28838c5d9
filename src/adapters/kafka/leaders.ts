/** Who leads which partition, as the cluster has told last, and asked anew where that is in doubt. */
import type { Broker, Producer } from '@platformatic/kafka';
import { isMissingTopic, metadataIn } from './failures.ts';
import type { FirstBroker } from './first-broker.ts';

export interface Leaders {
  /** Asks. @returns how many partitions a topic has; undefined: there is no such topic. */
  partitions(topic: string): Promise<number | undefined>;
  leader(topic: string, partition: number): number | undefined;
  broker(id: number): Broker | undefined;
  /** Asks who leads these topics, once at a time: what is known holds until the answer. */
  doubt(topics: Iterable<string>): void;
}

/** @param first whom the client asks: when that is not answered, another comes first from then on. */
export function kafkaLeaders(client: Pick<Producer, 'metadata'>, first: FirstBroker): Leaders {
  return new KnownLeaders(client, first);
}

class KnownLeaders implements Leaders {
  readonly #client: Pick<Producer, 'metadata'>;
  readonly #first: FirstBroker;
  readonly #topics = new Map<string, readonly number[]>();
  #brokers = new Map<number, Broker>();
  #isAsking = false;

  constructor(client: Pick<Producer, 'metadata'>, first: FirstBroker) {
    this.#client = client;
    this.#first = first;
  }

  partitions(topic: string): Promise<number | undefined> {
    // A broker may not have heard yet of a topic that was just made: then another one is asked.
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
    if (this.#isAsking) return;
    this.#isAsking = true;
    const answers = [...topics].map((topic) => this.#ask(topic, 0).catch(() => this.#ask(topic, 0)));
    Promise.allSettled(answers).then(() => {
      this.#isAsking = false;
    });
  }

  async #ask(topic: string, retries: number): Promise<number | undefined> {
    const first = this.#first.current();
    try {
      const { brokers, topics } = await this.#client.metadata({ topics: [topic], forceUpdate: true, retries });
      const leaders = topics.get(topic)?.partitions.map(({ leader }) => leader);
      return this.#learn(topic, leaders, brokers);
    } catch (error) {
      if (isMissingTopic(error)) return this.#learn(topic, undefined, this.#brokers);
      const answer = metadataIn(error);
      const told = answer?.topics.find(({ name }) => name === topic);
      if (answer === undefined || told === undefined || told.partitions.length === 0) {
        this.#first.turn(first, this.#brokers.values());
        throw error;
      }
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
