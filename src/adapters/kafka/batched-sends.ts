/** Sends records in batches of one partition each: while one is on its way the next collects, so many callers share few requests and order holds. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TopicRecord } from '../../ports/topic-producer.ts';

/** Why a batch was not confirmed. */
export interface SendFailure {
  /** `refused`: one of its records will never be taken, and none was kept. `unavailable`: any of them may have been kept. */
  readonly kind: 'refused' | 'unavailable';
  readonly cause: unknown;
}

type Offsets = number | readonly number[];

export interface BatchTransport {
  /** Asks the cluster. @returns how many partitions a topic has; undefined: there is no such topic. */
  partitions(topic: string): Promise<number | undefined>;
  /** The broker that leads a partition, as far as that is known. */
  leader(topic: string, partition: number): number | undefined;
  /** Sends records of one partition in their order, and calls back once: with the offset of the first, where the others follow on, or that of each. */
  send(records: readonly TopicRecord[], done: (failure: SendFailure | undefined, offsets: Offsets) => void): void;
}

export interface BatchedSendsOptions {
  readonly transport: BatchTransport;
  readonly clock: Clock;
  /** How long a partition with nothing on its way waits for more. 0: until what is readable now has been read. */
  readonly lingerMs: number;
  /** After it a record is given up, at most a quarter later. */
  readonly timeoutMs: number;
  /** Records that a send may have; left out: produceBatchRecordsMax. */
  readonly batchRecordsMax?: number | undefined;
}

interface Waiting {
  readonly record: TopicRecord;
  readonly bytes: number;
  readonly sinceTick: number;
  readonly resolve: (offset: number) => void;
  readonly reject: (error: MetricStreamError) => void;
  answered: boolean;
}

interface PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  waiting: Waiting[];
  /** Parts of a batch that was refused, the first one last: they are sent before what waits. */
  parts: Waiting[][];
  sending: readonly Waiting[] | undefined;
  /** Whether it stands in the list of those that have something to send. */
  isReady: boolean;
}

interface Topic {
  readonly name: string;
  /** Those that are known to be there. */
  readonly queues: PartitionQueue[];
  /** Records for partitions that are not known yet. */
  unplaced: Waiting[];
  isLooking: boolean;
}

/** Holds records of any partitions until they are confirmed. */
export type BatchedSends = Sends;

export function batchedSends(options: BatchedSendsOptions): BatchedSends {
  return new Sends(options);
}

/** What a record takes beside its bytes: its frame in a batch, and the objects that hold it here. */
const RECORD_OVERHEAD_BYTES = 64;
/** Ticks per deadline, as in the edge's. */
const TICKS = 4;

class Sends {
  readonly #options: BatchedSendsOptions;
  readonly #topics = new Map<string, Topic>();
  /** Sends on their way to each broker. */
  readonly #sends = new Map<number | undefined, number>();
  #ready: PartitionQueue[] = [];
  /** Of records whose memory is still held, and the count of those that nobody has answered. */
  #bytes = 0;
  #unanswered = 0;
  #tick = 0;
  #isTicking = false;
  #isFlushScheduled = false;
  #isClosed = false;
  #whenAnswered: (() => void) | undefined;

  constructor(options: BatchedSendsOptions) {
    this.#options = options;
  }

  /** Bytes that wait or are on their way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** As `send` of the port. */
  add(record: TopicRecord): Promise<number> {
    const bytes = sizeOf(record);
    if (this.#isClosed) return Promise.reject(unavailable('The producer is closed.'));
    if (this.#bytes + bytes > LIMITS.produceQueueBytesMax) {
      return Promise.reject(
        bytes > LIMITS.produceQueueBytesMax ? refused('The record is too large.') : unavailable('Too much waits for Kafka.'),
      );
    }
    this.#bytes += bytes;
    this.#unanswered += 1;
    if (!this.#isTicking) this.#startTicks();
    return new Promise((resolve, reject) => {
      this.#place({ record, bytes, sinceTick: this.#tick, resolve, reject, answered: false });
    });
  }

  /** Takes no more; resolves when every record is answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#unanswered > 0) await new Promise<void>((resolve) => (this.#whenAnswered = resolve));
  }

  #place(one: Waiting): void {
    const { topic: name, partition } = one.record;
    const topic = this.#topics.get(name) ?? { name, queues: [], unplaced: [], isLooking: false };
    const queue = topic.queues[partition];
    if (queue !== undefined) {
      this.#enqueue(queue, one);
      return;
    }
    this.#topics.set(name, topic);
    topic.unplaced.push(one);
    if (topic.isLooking) return;
    topic.isLooking = true;
    this.#look(topic);
  }

  /** Until the cluster answers, or nobody waits for the answer any more. */
  #look(topic: Topic): void {
    this.#options.transport.partitions(topic.name).then(
      (count) => this.#placeAll(topic, count),
      () => {
        if (topic.unplaced.length === 0) this.#forget(topic);
        else this.#options.clock.schedule(LIMITS.kafkaRetryDelayMs, () => this.#look(topic));
      },
    );
  }

  #placeAll(topic: Topic, count: number | undefined): void {
    if (count === undefined) {
      for (const one of topic.unplaced) this.#fail(one, refused(`There is no topic ${topic.name}.`));
      topic.unplaced = [];
      this.#forget(topic);
      return;
    }
    topic.isLooking = false;
    for (let partition = topic.queues.length; partition < count; partition++) {
      topic.queues.push({ topic: topic.name, partition, waiting: [], parts: [], sending: undefined, isReady: false });
    }
    const unplaced = topic.unplaced;
    topic.unplaced = [];
    for (const one of unplaced) {
      const queue = topic.queues[one.record.partition];
      if (queue === undefined) this.#fail(one, refused(`Topic ${topic.name} has ${count} partitions.`));
      else this.#enqueue(queue, one);
    }
  }

  /** Names that clients make up are not kept. */
  #forget(topic: Topic): void {
    topic.isLooking = false;
    if (topic.queues.length === 0) this.#topics.delete(topic.name);
  }

  #enqueue(queue: PartitionQueue, one: Waiting): void {
    queue.waiting.push(one);
    if (queue.isReady || queue.sending !== undefined) return;
    queue.isReady = true;
    this.#ready.push(queue);
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#options.clock.schedule(this.#options.lingerMs, this.#flush);
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false;
    this.#sendReady();
  };

  /** Of a broker's partitions only few are sent at a time: the others collect meanwhile, and one that is down holds nobody else's. */
  #sendReady(): void {
    const { transport } = this.#options;
    const ready = this.#ready;
    this.#ready = [];
    for (const queue of ready) {
      const leader = transport.leader(queue.topic, queue.partition);
      const sends = this.#sends.get(leader) ?? 0;
      if (sends >= LIMITS.produceSendsPerBrokerMax) {
        this.#ready.push(queue);
        continue;
      }
      queue.isReady = false;
      const batch = nextBatch(queue, this.#options.batchRecordsMax ?? LIMITS.produceBatchRecordsMax);
      if (batch.length === 0) continue;
      queue.sending = batch;
      this.#sends.set(leader, sends + 1);
      transport.send(
        batch.map(({ record }) => record),
        (failure, offsets) => {
          this.#sends.set(leader, (this.#sends.get(leader) ?? 1) - 1);
          this.#sent(queue, batch, failure, offsets);
        },
      );
    }
  }

  #sent(queue: PartitionQueue, batch: readonly Waiting[], failure: SendFailure | undefined, offsets: Offsets): void {
    queue.sending = undefined;
    if (failure === undefined) {
      for (let i = 0; i < batch.length; i++)
        this.#confirm(batch[i] as Waiting, typeof offsets === 'number' ? offsets + i : (offsets[i] as number));
    } else if (failure.kind === 'refused' && batch.length > 1) {
      // Kafka does not say which record it will not take: halves find it, and the others are kept.
      const half = batch.length >> 1;
      queue.parts.push(batch.slice(half), batch.slice(0, half));
    } else {
      const { kind, cause } = failure;
      for (const one of batch) {
        this.#fail(
          one,
          kind === 'refused' ? refused('Kafka refuses the record.', cause) : unavailable('Kafka did not confirm.', cause),
        );
      }
    }
    if (queue.parts.length > 0 || queue.waiting.length > 0) {
      queue.isReady = true;
      this.#ready.push(queue);
    }
    if (this.#ready.length > 0) this.#sendReady();
  }

  #confirm(one: Waiting, offset: number): void {
    this.#bytes -= one.bytes;
    if (!one.answered) one.resolve(offset);
    this.#answered(one);
  }

  #fail(one: Waiting, error: MetricStreamError): void {
    this.#bytes -= one.bytes;
    if (!one.answered) one.reject(error);
    this.#answered(one);
  }

  #answered(one: Waiting): void {
    if (one.answered) return;
    one.answered = true;
    this.#unanswered -= 1;
    if (this.#unanswered === 0) this.#whenAnswered?.();
  }

  #startTicks(): void {
    this.#isTicking = true;
    this.#options.clock.schedule(this.#options.timeoutMs / TICKS, this.#onTick);
  }

  readonly #onTick = (): void => {
    this.#tick += 1;
    for (const topic of this.#topics.values()) {
      topic.unplaced = this.#dropExpired(topic.unplaced);
      for (const queue of topic.queues) {
        queue.waiting = this.#dropExpired(queue.waiting);
        queue.parts = queue.parts.map((part) => this.#dropExpired(part)).filter((part) => part.length > 0);
        // What is on its way cannot be called back; its memory is counted until it has ended.
        for (const one of queue.sending ?? []) {
          if (!this.#isExpired(one)) break;
          if (!one.answered) one.reject(unavailable('Kafka did not confirm in time.'));
          this.#answered(one);
        }
      }
    }
    this.#isTicking = this.#unanswered > 0;
    if (this.#isTicking) this.#startTicks();
  };

  /** The list is in the order of arrival. */
  #dropExpired(list: Waiting[]): Waiting[] {
    let expired = 0;
    while (expired < list.length && this.#isExpired(list[expired] as Waiting)) expired += 1;
    if (expired === 0) return list;
    for (const one of list.slice(0, expired)) this.#fail(one, unavailable('Kafka could not be reached in time.'));
    return list.slice(expired);
  }

  #isExpired(one: Waiting): boolean {
    return this.#tick - one.sinceTick > TICKS;
  }
}

/** Takes what is sent next out of a queue: as much as fits, at least one record. */
function nextBatch(queue: PartitionQueue, recordsMax: number): readonly Waiting[] {
  const part = queue.parts.pop();
  if (part !== undefined) return part;
  const { waiting } = queue;
  let count = 0;
  for (let bytes = 0; count < waiting.length && count < recordsMax; count++) {
    bytes += (waiting[count] as Waiting).bytes;
    if (bytes > LIMITS.produceBatchBytesMax && count > 0) break;
  }
  queue.waiting = waiting.slice(count);
  return count === waiting.length ? waiting : waiting.slice(0, count);
}

function sizeOf({ key, value, headers }: TopicRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + value.length + (key?.length ?? 0);
  for (const [name, text] of headers) bytes += name.length + text.length;
  return bytes;
}

function unavailable(detail: string, cause?: unknown): MetricStreamError {
  return new MetricStreamError('unavailable', detail, { retryAfterMs: LIMITS.retryMs, cause });
}

function refused(detail: string, cause?: unknown): MetricStreamError {
  return new MetricStreamError('invalid_request', detail, { cause });
}
