/** Numbers batches as Kafka's idempotent producer does, so that one which is sent again is kept once, and reads of each what became of it. */
import { ProtocolError, protocolErrors, protocolErrorsCodesById } from '@platformatic/kafka';
import type { Clock } from '../../ports/clock.ts';
import type { Batch, BatchTransport, Destination, SendOutcome } from './batched-sends.ts';
import type { NumberedBatch, ProduceResult } from './produce-request.ts';
import { type CompressedRecords, recordCompressor, sequenceAfter } from './record-batch.ts';

/** `lost`: no answer came, and any of the batches may have been kept. `unsent`: none of them was. */
export type ProduceAnswer =
  | { readonly kind: 'answered'; readonly results: readonly ProduceResult[] }
  | { readonly kind: 'lost' | 'unsent'; readonly cause: unknown };

export interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

/** What is needed of brokers. */
export interface ProducerCluster {
  /** Asks. @returns how many partitions a topic has; undefined: there is no such topic. */
  partitions(topic: string): Promise<number | undefined>;
  /** The broker that leads a partition, as far as that is known. */
  leader(topic: string, partition: number): number | undefined;
  /** Others may lead these topics by now: that is asked, and what is known holds until the answer. */
  doubt(topics: Iterable<string>): void;
  /** Asks for a producer id that nobody had before, and the epoch at which it begins. */
  producer(): Promise<ProducerId>;
  /** One request to one broker; calls back once. */
  produce(broker: number, batches: readonly NumberedBatch[], done: (answer: ProduceAnswer) => void): void;
}

/** The numbers of the batch that is on its way, or comes next: they stay until it has ended, however often it is sent. */
interface Identity {
  readonly producerId: bigint;
  epoch: number;
  sequence: number;
}

/** A batch that has been sent, and goes as it is when it is sent again. */
interface Attempted {
  readonly records: CompressedRecords;
  /** Some broker may have it, though none has said so. */
  mayBeKept: boolean;
}

/** What a broker says of a batch with a record that it will never take. */
const REFUSALS = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'INVALID_RECORD'];
/** What it says when it does not know the numbers; it has not kept the batch. */
const STRANGE = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'];
/** What it says without having written the batch; the last of them it may say afterwards, too, and then with an offset. */
const UNWRITTEN = ['UNKNOWN_TOPIC_OR_PARTITION', 'NOT_ENOUGH_REPLICAS', 'NOT_LEADER_OR_FOLLOWER'];
const LAST_EPOCH = 32_767;

export function idempotentSends(cluster: ProducerCluster, clock: Clock): BatchTransport {
  return new IdempotentSends(cluster, clock);
}

class IdempotentSends implements BatchTransport {
  readonly #cluster: ProducerCluster;
  readonly #clock: Clock;
  readonly #compress = recordCompressor();
  readonly #identities = new Map<string, Map<number, Identity>>();
  readonly #attempted = new WeakMap<Batch, Attempted>();
  #producer: ProducerId | undefined;

  constructor(cluster: ProducerCluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  partitions(topic: string): Promise<number | undefined> {
    return this.#cluster.partitions(topic);
  }

  destination(topic: string, partition: number): Destination {
    return this.#cluster.leader(topic, partition);
  }

  send(broker: Destination, batches: readonly Batch[], done: (outcomes: readonly SendOutcome[]) => void): void {
    if (typeof broker !== 'number') {
      this.#findLeaders(batches).then(done);
      return;
    }
    const producer = this.#producer;
    if (producer === undefined) {
      this.#cluster.producer().then(
        (one) => {
          this.#producer = one;
          this.send(broker, batches, done);
        },
        (cause) => done(batches.map(() => ({ kind: 'again', cause }))),
      );
      return;
    }
    const numbered = batches.map((batch) => this.#numbered(batch, producer));
    this.#cluster.produce(broker, numbered, (answer) => done(this.#outcomes(batches, answer)));
  }

  drop(batch: Batch): void {
    this.#endUnconfirmed(batch);
  }

  async #findLeaders(batches: readonly Batch[]): Promise<readonly SendOutcome[]> {
    const counts = new Map<string, PromiseSettledResult<number | undefined>>();
    for (const topic of new Set(batches.map((batch) => batch.topic))) {
      const [result] = await Promise.allSettled([this.#cluster.partitions(topic)]);
      if (result !== undefined) counts.set(topic, result);
    }
    return batches.map((batch) => {
      const count = counts.get(batch.topic);
      if (count?.status === 'rejected') return { kind: 'again', cause: count.reason };
      if (count?.value !== undefined) return { kind: 'again', cause: 'Nobody leads the partition.' };
      this.#endUnconfirmed(batch);
      return { kind: 'unavailable', cause: `There is no topic ${batch.topic} any more.` };
    });
  }

  #numbered(batch: Batch, producer: ProducerId): NumberedBatch {
    const { topic, partition } = batch;
    let attempted = this.#attempted.get(batch);
    if (attempted === undefined) {
      attempted = { records: this.#compress(batch.records, this.#clock.nowMs()), mayBeKept: false };
      this.#attempted.set(batch, attempted);
    }
    const { producerId, epoch, sequence } = this.#identity(topic, partition, producer);
    return { topic, partition, numbers: { producerId, epoch, sequence }, records: attempted.records };
  }

  #identity(topic: string, partition: number, { id, epoch }: ProducerId): Identity {
    const partitions = this.#identities.get(topic) ?? new Map<number, Identity>();
    this.#identities.set(topic, partitions);
    const identity = partitions.get(partition) ?? { producerId: id, epoch, sequence: 0 };
    partitions.set(partition, identity);
    return identity;
  }

  #outcomes(batches: readonly Batch[], answer: ProduceAnswer): readonly SendOutcome[] {
    if (answer.kind === 'answered') {
      const outcomes = batches.map((batch) => this.#outcome(batch, answer.results));
      const doubted = batches.filter((_, i) => outcomes[i]?.kind === 'again').map(({ topic }) => topic);
      if (doubted.length > 0) this.#cluster.doubt(new Set(doubted));
      return outcomes;
    }
    const { kind, cause } = answer;
    for (const batch of kind === 'lost' ? batches : []) {
      const attempted = this.#attempted.get(batch);
      if (attempted !== undefined) attempted.mayBeKept = true;
    }
    this.#cluster.doubt(new Set(batches.map(({ topic }) => topic)));
    return batches.map(() => ({ kind: 'again', cause }));
  }

  #outcome(batch: Batch, results: readonly ProduceResult[]): SendOutcome {
    const result = results.find(({ topic, partition }) => partition === batch.partition && topic === batch.topic);
    if (result?.errorCode === 0) {
      this.#advance(batch);
      return { kind: 'kept', offsets: result.baseOffset };
    }
    const name = result === undefined ? '' : (protocolErrorsCodesById[result.errorCode] ?? '');
    const cause = name === '' ? `Kafka answers ${result?.errorCode}.` : new ProtocolError(name);
    const attempted = this.#attempted.get(batch);
    const mayBeKept = attempted?.mayBeKept === true;
    if (STRANGE.includes(name)) {
      this.#forget(batch);
      return { kind: mayBeKept ? 'unavailable' : 'again', cause };
    }
    if (result === undefined || protocolErrors[name]?.canRetry === true) {
      const isUnwritten = UNWRITTEN.includes(name) && (result?.baseOffset ?? 0) < 0;
      if (attempted !== undefined && !isUnwritten) attempted.mayBeKept = true;
      return { kind: 'again', cause };
    }
    this.#endUnconfirmed(batch);
    return { kind: !mayBeKept && REFUSALS.includes(name) ? 'refused' : 'unavailable', cause };
  }

  /** The batch has its numbers, the next one comes behind it. */
  #advance({ topic, partition, records }: Batch): void {
    const identity = this.#identities.get(topic)?.get(partition);
    if (identity !== undefined) identity.sequence = sequenceAfter(identity.sequence, records.length);
  }

  /** Its numbers are not used again, since some broker may have it; and none takes it any more once it has the next batch, of a later epoch. */
  #endUnconfirmed(batch: Batch): void {
    const identity = this.#identities.get(batch.topic)?.get(batch.partition);
    if (identity === undefined || !this.#attempted.has(batch)) return;
    if (identity.epoch === LAST_EPOCH) {
      this.#forget(batch);
      return;
    }
    identity.epoch += 1;
    identity.sequence = 0;
  }

  /** The partition gets another producer id; those that have this one keep it. */
  #forget(batch: Batch): void {
    const identity = this.#identities.get(batch.topic)?.get(batch.partition);
    if (identity?.producerId === this.#producer?.id) this.#producer = undefined;
    this.#identities.get(batch.topic)?.delete(batch.partition);
  }
}
