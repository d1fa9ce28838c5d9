/** Sends records in batches, those of several partitions in one request: while one is on its way the next collects, so many callers share few requests and order holds. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TopicRecord } from '../../ports/topic-producer.ts';

/** Records of one partition in their order, at least one. */
export interface Batch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly TopicRecord[];
}

/** What became of a batch. */
export type SendOutcome =
  /** Offset of its first record, where the others follow on, or that of each. */
  | { readonly kind: 'kept'; readonly offsets: number | readonly number[] }
  /**
   * `refused`: one of its records will never be taken, and none was kept. `unavailable`: any of them may have been kept.
   * `again`: it is to be sent once more as it is, before anything else of its partition.
   */
  | { readonly kind: 'refused' | 'unavailable' | 'again'; readonly cause: unknown };

/** What shares a request; undefined: nobody knows who leads. */
export type Destination = number | string | undefined;

export interface BatchTransport {
  /** Asks the cluster. @returns how many partitions a topic has; undefined: there is no such topic. */
  partitions(topic: string): Promise<number | undefined>;
  /** Where batches of a partition go now: those that go to one place share requests. */
  destination(topic: string, partition: number): Destination;
  /** Sends batches of different partitions, and calls back once, with what became of each. */
  send(destination: Destination, batches: readonly Batch[], done: (outcomes: readonly SendOutcome[]) => void): void;
  /** Told of a batch that was to be sent again and will not be, since nobody waits for it any more. */
  drop(batch: Batch): void;
}

export interface BatchedSendsOptions {
  readonly transport: BatchTransport;
  readonly clock: Clock;
  /** How long a partition with nothing on its way waits for more. 0: until what is readable now has been read. */
  readonly lingerMs: number;
  /** After it a record is given up, at most a quarter later. */
  readonly timeoutMs: number;
  /** Records that a batch may have; left out: produceBatchRecordsMax. */
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

interface SentBatch extends Batch {
  /** One for each record. */
  readonly callers: readonly Waiting[];
  readonly bytes: number;
}

interface PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  waiting: Waiting[];
  /** Parts of a batch that was refused, the first one last: they are sent before what waits. */
  parts: Waiting[][];
  /** On its way, or to be sent again: nothing else of the partition is sent before it has ended. */
  batch: SentBatch | undefined;
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
  /** How many are on their way to each broker. */
  readonly #requests = new Map<Destination, number>();
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
      topic.queues.push({ topic: topic.name, partition, waiting: [], parts: [], batch: undefined, isReady: false });
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
    if (queue.isReady || queue.batch !== undefined) return;
    this.#isNowReady(queue);
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#options.clock.schedule(this.#options.lingerMs, this.#flush);
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false;
    this.#sendReady();
  };

  #isNowReady(queue: PartitionQueue): void {
    queue.isReady = true;
    this.#ready.push(queue);
  }

  /** A broker has only few requests at a time: meanwhile all else collects, and one that is down holds up no other's partitions. */
  #sendReady(): void {
    const { transport } = this.#options;
    const requests = new Map<Destination, { readonly queues: PartitionQueue[]; bytes: number }>();
    const ready = this.#ready;
    this.#ready = [];
    for (const queue of ready) {
      const destination = transport.destination(queue.topic, queue.partition);
      const request = requests.get(destination) ?? { queues: [], bytes: 0 };
      const isBusy = (this.#requests.get(destination) ?? 0) >= LIMITS.produceRequestsPerBrokerMax;
      if (isBusy || request.bytes >= LIMITS.produceRequestBytesMax) {
        this.#ready.push(queue);
        continue;
      }
      queue.isReady = false;
      queue.batch ??= nextBatch(queue, this.#options.batchRecordsMax ?? LIMITS.produceBatchRecordsMax);
      if (queue.batch === undefined) continue;
      request.queues.push(queue);
      request.bytes += queue.batch.bytes;
      requests.set(destination, request);
    }
    for (const [destination, { queues }] of requests) this.#send(destination, queues);
  }

  #send(destination: Destination, queues: readonly PartitionQueue[]): void {
    const batches = queues.map(({ batch }) => batch as SentBatch);
    this.#requests.set(destination, (this.#requests.get(destination) ?? 0) + 1);
    this.#options.transport.send(destination, batches, (outcomes) => {
      const left = (this.#requests.get(destination) ?? 1) - 1;
      if (left > 0) this.#requests.set(destination, left);
      else this.#requests.delete(destination);
      const again = queues.filter((queue, i) => !this.#hasEnded(queue, batches[i] as SentBatch, outcomes[i] as SendOutcome));
      // Together: those that have the same leader then share a request.
      if (again.length > 0) this.#options.clock.schedule(LIMITS.kafkaRetryDelayMs, () => this.#sendAgain(again));
      if (this.#ready.length > 0) this.#sendReady();
    });
  }

  #sendAgain(queues: readonly PartitionQueue[]): void {
    for (const queue of queues) this.#isNowReady(queue);
    this.#sendReady();
  }

  /** @returns false: it is to be sent again. */
  #hasEnded(queue: PartitionQueue, batch: SentBatch, outcome: SendOutcome): boolean {
    const { callers } = batch;
    if (outcome.kind === 'again') {
      if (callers.some(({ answered }) => !answered)) return false;
      this.#options.transport.drop(batch);
    }
    queue.batch = undefined;
    if (outcome.kind === 'kept') {
      const { offsets } = outcome;
      for (let i = 0; i < callers.length; i++)
        this.#confirm(callers[i] as Waiting, typeof offsets === 'number' ? offsets + i : (offsets[i] as number));
    } else if (outcome.kind === 'refused' && callers.length > 1) {
      // Kafka does not say which record it will not take: halves find it, and the others are kept.
      const half = callers.length >> 1;
      queue.parts.push(callers.slice(half), callers.slice(0, half));
    } else {
      const { kind, cause } = outcome;
      const error =
        kind === 'refused' ? refused('Kafka refuses the record.', cause) : unavailable('Kafka did not confirm.', cause);
      for (const one of callers) this.#fail(one, error);
    }
    if (queue.parts.length > 0 || queue.waiting.length > 0) this.#isNowReady(queue);
    return true;
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
        for (const one of queue.batch?.callers ?? []) {
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

/** Takes what is sent next out of a queue: as much as fits, at least one record. @returns undefined: it holds none any more. */
function nextBatch(queue: PartitionQueue, recordsMax: number): SentBatch | undefined {
  const callers = queue.parts.pop() ?? nextOfWaiting(queue, recordsMax);
  if (callers.length === 0) return undefined;
  const bytes = callers.reduce((sum, one) => sum + one.bytes, 0);
  return { topic: queue.topic, partition: queue.partition, records: callers.map(({ record }) => record), callers, bytes };
}

function nextOfWaiting(queue: PartitionQueue, recordsMax: number): readonly Waiting[] {
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
