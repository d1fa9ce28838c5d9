/** What a producer needs of Kafka's brokers, by the connections of the client library. */
import { type Connection, ConnectionPool, Producer, Writer } from '@platformatic/kafka';
import { LIMITS } from '../../model/limits.ts';
import { clientOptions, connectionOptions, type KafkaConnection } from './connection.ts';
import { firstBroker } from './first-broker.ts';
import type { ProduceAnswer, ProducerId } from './idempotent-sends.ts';
import { kafkaLeaders, type Leaders } from './leaders.ts';
import { type NumberedBatch, PRODUCE, produceRequest, readProduceResponse } from './produce-request.ts';
import type { LeavableCluster } from './stalled-leaders.ts';

export interface KafkaProducerCluster extends LeavableCluster {
  close(): Promise<void>;
}

/**
 * The library's own `send` is not used: what it is given for several partitions it sends, when it tries again, to the leader of the first, which
 * can never succeed once they have different leaders; and of a partial failure it tells only that there was one.
 */
export function kafkaProducerCluster(connection: KafkaConnection): KafkaProducerCluster {
  return new Cluster(connection);
}

class Cluster implements KafkaProducerCluster {
  readonly #client: Producer;
  readonly #pool: ConnectionPool;
  readonly #leaders: Leaders;

  constructor(connection: KafkaConnection) {
    const first = firstBroker(connection.brokers);
    this.#client = new Producer({
      ...clientOptions(connection),
      bootstrapBrokers: first.brokers,
      requestTimeout: LIMITS.produceAskMs,
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

  produce(id: number, batches: readonly NumberedBatch[], done: (answer: ProduceAnswer) => void): () => void {
    let connection: Connection | undefined;
    let isOver = false;
    const end = (answer: ProduceAnswer): void => {
      if (isOver) return;
      isOver = true;
      done(answer);
    };
    const broker = this.#leaders.broker(id);
    if (broker === undefined) end({ kind: 'unsent', cause: `Broker ${id} is not known.` });
    else {
      this.#pool.get(broker, (unsent, found) => {
        if (isOver) return;
        connection = found;
        if (unsent !== null || found === undefined) end({ kind: 'unsent', cause: unsent });
        else send(found, batches, end);
      });
    }
    return () => {
      // The library then calls back for each request of the connection. To close it in order would wait until the broker has read everything.
      if (connection !== undefined) connection.socket.destroy();
      else end({ kind: 'unsent', cause: `Broker ${id} could not be reached before another led.` });
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#client.close(true)]);
  }
}

function send(connection: Connection, batches: readonly NumberedBatch[], done: (answer: ProduceAnswer) => void): void {
  connection.send(
    PRODUCE.key,
    PRODUCE.version,
    () => Writer.create().append(produceRequest(batches, LIMITS.produceAckMs)),
    (_correlation, _key, _version, reader) => readProduceResponse(reader),
    false,
    false,
    (lost, results) => {
      done(lost !== null || results === undefined ? { kind: 'lost', cause: lost } : { kind: 'answered', results });
    },
  );
}
