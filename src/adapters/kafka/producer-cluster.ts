/** What a producer needs of Kafka's brokers, by the connections of the client library. */
import { ConnectionPool, Producer, Writer } from '@platformatic/kafka';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { clientOptions, connectionOptions, type KafkaConnection } from './connection.ts';
import { firstBroker } from './first-broker.ts';
import type { ProduceAnswer, ProducerCluster, ProducerId } from './idempotent-sends.ts';
import { kafkaLeaders, type Leaders } from './leaders.ts';
import { type NumberedBatch, PRODUCE, produceRequest, readProduceResponse } from './produce-request.ts';

export interface KafkaProducerCluster extends ProducerCluster {
  close(): Promise<void>;
}

/**
 * The library's own `send` is not used: what it is given for several partitions it sends, when it tries again, to the leader of the first, which
 * can never succeed once they have different leaders; and of a partial failure it tells only that there was one.
 */
export function kafkaProducerCluster(connection: KafkaConnection, clock: Clock): KafkaProducerCluster {
  return new Cluster(connection, clock);
}

class Cluster implements KafkaProducerCluster {
  readonly #client: Producer;
  readonly #pool: ConnectionPool;
  readonly #leaders: Leaders;
  readonly #clock: Clock;

  constructor(connection: KafkaConnection, clock: Clock) {
    const first = firstBroker(connection.brokers);
    this.#client = new Producer({
      ...clientOptions(connection),
      bootstrapBrokers: first.brokers,
      requestTimeout: LIMITS.produceStallMs,
      retries: LIMITS.readRetries,
      retryDelay: LIMITS.kafkaRetryDelayMs,
    });
    // Of its own: who leads is then asked beside requests that a broker does not answer.
    this.#pool = new ConnectionPool(connection.clientId, {
      ...connectionOptions(connection),
      requestTimeout: LIMITS.produceAnswerMs,
      maxInflights: LIMITS.produceRequestsPerBrokerMax,
    });
    this.#leaders = kafkaLeaders(this.#client, first);
    this.#clock = clock;
  }

  partitions(topic: string): Promise<number | undefined> {
    return this.#leaders.partitions(topic);
  }

  leader(topic: string, partition: number): number | undefined {
    return this.#leaders.leader(topic, partition);
  }

  doubt(topics: Iterable<string>): void {
    this.#leaders.doubt(topics);
  }

  async producer(): Promise<ProducerId> {
    const { producerId, producerEpoch } = await this.#client.initIdempotentProducer({});
    return { id: producerId, epoch: producerEpoch };
  }

  produce(id: number, batches: readonly NumberedBatch[], done: (answer: ProduceAnswer) => void): void {
    const broker = this.#leaders.broker(id);
    if (broker === undefined) {
      done({ kind: 'unsent', cause: `Broker ${id} is not known.` });
      return;
    }
    const cancel = this.#clock.schedule(LIMITS.produceStallMs, () => this.doubt(new Set(batches.map(({ topic }) => topic))));
    const end = (answer: ProduceAnswer): void => {
      cancel();
      done(answer);
    };
    this.#pool.get(broker, (unsent, connection) => {
      if (unsent !== null || connection === undefined) {
        end({ kind: 'unsent', cause: unsent });
        return;
      }
      connection.send(
        PRODUCE.key,
        PRODUCE.version,
        () => Writer.create().append(produceRequest(batches, LIMITS.produceAckMs)),
        (_correlation, _key, _version, reader) => readProduceResponse(reader),
        false,
        false,
        (lost, results) => {
          end(lost !== null || results === undefined ? { kind: 'lost', cause: lost } : { kind: 'answered', results });
        },
      );
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#client.close(true)]);
  }
}
