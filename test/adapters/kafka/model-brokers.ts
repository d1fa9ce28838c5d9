/** Brokers as an idempotent producer sees them: each partition has a leader and keeps what is numbered by Kafka's rules; what is answered the test says. */
import type { ProduceAnswer, ProducerId } from '../../../src/adapters/kafka/idempotent-sends.ts';
import { type NumberedBatch, produceRequest } from '../../../src/adapters/kafka/produce-request.ts';
import { sequenceAfter } from '../../../src/adapters/kafka/record-batch.ts';
import type { LeavableCluster } from '../../../src/adapters/kafka/stalled-leaders.ts';
import { readProduceRequest } from './read-produce-request.ts';

export const CODES = {
  none: 0,
  unknownTopic: 3,
  notLeader: 6,
  timedOut: 7,
  tooLarge: 10,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  unauthorized: 29,
  outOfOrder: 45,
  fenced: 47,
} as const;

export interface Sent {
  readonly partition: number;
  readonly texts: readonly string[];
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
}

export interface ModelRequest {
  readonly broker: number;
  readonly sent: readonly Sent[];
  /** Keeps what is not named here, and answers; what is named is answered with its code and not kept. */
  answer(codes?: Readonly<Record<number, number>>): void;
  /** Keeps what can be kept, as a broker does before its answer gets lost. */
  keep(): void;
  /** No answer comes. */
  lose(kind?: 'lost' | 'unsent'): void;
}

interface Producer {
  epoch: number;
  /** The last ones, by which it knows repeats. */
  batches: { readonly sequence: number; readonly count: number; readonly offset: number }[];
}

/** As many a broker remembers of each producer. */
const REMEMBERED = 5;

export class ModelBrokers implements LeavableCluster {
  readonly requests: ModelRequest[] = [];
  readonly doubted: string[] = [];
  /** Requests that no answer can come to any more. */
  readonly #ended = new Set<ModelRequest>();
  /** Of each partition of the topic `t`; undefined: nobody knows. */
  leaders: (number | undefined)[];
  /** Of each partition, in order. */
  readonly logs: string[][];
  producerIds = 0;
  firstEpoch = 0;
  hasTopic = true;
  readonly #producers: Map<bigint, Producer>[];

  constructor(leaders: readonly number[]) {
    this.leaders = [...leaders];
    this.logs = leaders.map(() => []);
    this.#producers = leaders.map(() => new Map());
  }

  async partitions(): Promise<number | undefined> {
    return this.hasTopic ? this.leaders.length : undefined;
  }

  leader(_topic: string, partition: number): number | undefined {
    return this.leaders[partition];
  }

  doubt(topics: Iterable<string>): void {
    this.doubted.push(...topics);
  }

  async producer(): Promise<ProducerId> {
    this.producerIds += 1;
    return { id: BigInt(1_000 + this.producerIds), epoch: this.firstEpoch };
  }

  produce(broker: number, batches: readonly NumberedBatch[], done: (answer: ProduceAnswer) => void): () => void {
    const { parts } = readProduceRequest(produceRequest(batches, 1));
    const sent = parts.map(({ partition, batch }) => ({
      partition,
      texts: batch.records.map(({ value }) => String(value)),
      producerId: batch.producerId,
      epoch: batch.producerEpoch,
      sequence: batch.firstSequence,
    }));
    const end = (answer: ProduceAnswer): void => {
      if (this.#ended.has(request)) return;
      this.#ended.add(request);
      done(answer);
    };
    const request: ModelRequest = {
      broker,
      sent,
      keep: () => void sent.map((one) => this.#append(broker, one)),
      answer: (codes = {}) => {
        const results = sent.map((one) => ({
          topic: 't',
          partition: one.partition,
          ...(codes[one.partition] === undefined
            ? this.#append(broker, one)
            : { errorCode: codes[one.partition] ?? 0, baseOffset: -1 }),
        }));
        // A broker answers in any order.
        end({ kind: 'answered', results: results.reverse() });
      },
      lose: (kind = 'lost') => end({ kind, cause: new Error(kind) }),
    };
    this.requests.push(request);
    // As with a connection, all that waits for the broker ends; what was sent it may keep nevertheless.
    return () => {
      for (const one of this.requests) if (one.broker === broker) one.lose();
    };
  }

  #append(broker: number, { partition, texts, producerId, epoch, sequence }: Sent): { errorCode: number; baseOffset: number } {
    const producers = this.#producers[partition];
    const log = this.logs[partition];
    const refuse = (errorCode: number) => ({ errorCode, baseOffset: -1 });
    if (log === undefined || producers === undefined) return refuse(CODES.unknownTopic);
    if (this.leaders[partition] !== broker) return refuse(CODES.notLeader);
    if (texts.some((text) => text.startsWith('BAD'))) return refuse(CODES.tooLarge);
    const known = producers.get(producerId) ?? { epoch, batches: [] };
    if (epoch < known.epoch) return refuse(CODES.fenced);
    const repeat = known.batches.find((one) => one.sequence === sequence && one.count === texts.length);
    if (epoch === known.epoch && repeat !== undefined) return { errorCode: CODES.none, baseOffset: repeat.offset };
    const last = epoch === known.epoch ? known.batches.at(-1) : undefined;
    const isNext =
      last === undefined ? !producers.has(producerId) || sequence === 0 : sequence === sequenceAfter(last.sequence, last.count);
    if (!isNext) return refuse(CODES.outOfOrder);
    const batch = { sequence, count: texts.length, offset: log.length };
    const before = epoch === known.epoch ? known.batches : [];
    producers.set(producerId, { epoch, batches: [...before, batch].slice(-REMEMBERED) });
    log.push(...texts);
    return { errorCode: CODES.none, baseOffset: batch.offset };
  }
}
