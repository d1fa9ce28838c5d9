/** Fetches from any partitions at given offsets, one round at a time, at whichever brokers lead them. */
import { Consumer, FetchIsolationLevels } from '@platformatic/kafka';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { PartitionOffset, TopicMessage } from '../../ports/topic-reader.ts';
import { clientOptions, type KafkaConnection } from './connection.ts';
import { isKafkaError, kafkaFailure } from './failures.ts';

export interface Fetched {
  /** At most fetchRecordsMax and about fetchBytesMax together; those of each partition in order. */
  readonly messages: readonly TopicMessage[];
  /** Where each place goes on, those without messages too: markers of transactions take offsets as well. */
  readonly next: readonly PartitionOffset[];
  /** Places that their partitions no longer hold, or not yet. */
  readonly outOfRange: readonly PartitionOffset[];
}

type Metadata = Awaited<ReturnType<Consumer['metadata']>>;
type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;
type FetchedPartition = FetchResponse['responses'][number]['partitions'][number];

/** Kafka's error codes. */
const OFFSET_OUT_OF_RANGE = 1;
/** Bits of a batch's attributes. */
const LOG_APPEND_TIME = 1 << 3;
const TRANSACTIONAL = 1 << 4;
const CONTROL = 1 << 5;

export interface PartitionFetcher {
  /**
   * Waits for its turn: a broker takes the rounds of one client for one session, and out of turn refuses them.
   * @param waitMs how long the broker may wait for the first record; where several brokers are asked none waits.
   * @throws unavailable | invalid_request when a partition is not there
   */
  fetch(places: readonly PartitionOffset[], waitMs: number): Promise<Fetched>;
  close(): Promise<void>;
}

export function partitionFetcher(connection: KafkaConnection): PartitionFetcher {
  return new Fetcher(connection);
}

class Fetcher implements PartitionFetcher {
  readonly #consumer: Consumer;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(connection: KafkaConnection) {
    this.#consumer = new Consumer({
      ...clientOptions(connection),
      // It joins no group; the library wants a name all the same.
      groupId: `${connection.clientId}-fetcher`,
      autocommit: false,
      isolationLevel: FetchIsolationLevels.READ_COMMITTED,
      retries: LIMITS.readRetries,
      requestTimeout: LIMITS.kafkaRequestTimeoutMs + LIMITS.kafkaFetchWaitMs,
      retryDelay: LIMITS.kafkaRetryDelayMs,
    });
  }

  fetch(places: readonly PartitionOffset[], waitMs: number): Promise<Fetched> {
    const fetched = this.#turn.then(() => this.#fetch(places, waitMs));
    this.#turn = fetched.catch(() => {});
    return fetched;
  }

  async close(): Promise<void> {
    await this.#consumer.close(true);
  }

  async #fetch(places: readonly PartitionOffset[], waitMs: number): Promise<Fetched> {
    try {
      const metadata = await this.#consumer.metadata({ topics: [...new Set(places.map(({ topic }) => topic))] });
      const byLeader = Map.groupBy(places, (place) => leaderOf(metadata, place));
      const wait = byLeader.size > 1 ? 0 : waitMs;
      const answers = await Promise.all([...byLeader].map(([node, own]) => this.#ask(node, metadata, own, wait)));
      return collect(places, new Map(answers.flatMap((answer) => [...answer])));
    } catch (error) {
      this.#consumer.clearMetadata();
      throw kafkaFailure(error);
    }
  }

  async #ask(
    node: number,
    metadata: Metadata,
    places: readonly PartitionOffset[],
    waitMs: number,
  ): Promise<Map<string, FetchedPartition>> {
    const byTopic = Map.groupBy(places, ({ topic }) => topic);
    const names = new Map([...byTopic.keys()].map((topic) => [metadata.topics.get(topic)?.id, topic]));
    const answer = await this.#consumer
      .fetch({
        node,
        minBytes: 1,
        maxBytes: LIMITS.fetchBytesMax,
        maxWaitTime: waitMs,
        topics: [...byTopic].map(([topic, own]) => ({
          topicId: metadata.topics.get(topic)?.id ?? '',
          partitions: own.map(({ partition, offset }) => ({
            partition,
            fetchOffset: BigInt(offset),
            currentLeaderEpoch: -1,
            lastFetchedEpoch: -1,
            partitionMaxBytes: LIMITS.kafkaPartitionFetchBytesMax,
          })),
        })),
      })
      .catch((error: unknown) => outOfRangeAnswer(error));
    return new Map(
      answer.responses.flatMap(({ topicId, partitions }) =>
        partitions.map((one) => [keyOf(names.get(topicId) ?? '', one.partitionIndex), one] as const),
      ),
    );
  }
}

/** One partition out of range makes an error of the whole answer, which holds what the others gave. */
function outOfRangeAnswer(error: unknown): FetchResponse {
  const { response } = error as { readonly response?: FetchResponse };
  if (response === undefined || !isKafkaError(error, 'apiId', ['OFFSET_OUT_OF_RANGE'])) throw error;
  return response;
}

function leaderOf(metadata: Metadata, { topic, partition }: PartitionOffset): number {
  const leader = metadata.topics.get(topic)?.partitions[partition]?.leader;
  if (leader === undefined)
    throw new MetricStreamError('invalid_request', `There is no partition ${partition} of topic ${topic}.`);
  return leader;
}

function collect(places: readonly PartitionOffset[], answers: ReadonlyMap<string, FetchedPartition>): Fetched {
  const messages: TopicMessage[] = [];
  const room = { records: LIMITS.fetchRecordsMax, bytes: LIMITS.fetchBytesMax };
  const outOfRange: PartitionOffset[] = [];
  const next = places.map((place) => {
    const answer = answers.get(keyOf(place.topic, place.partition));
    if (answer?.errorCode === OFFSET_OUT_OF_RANGE) outOfRange.push(place);
    return { ...place, offset: answer === undefined ? place.offset : take(place, answer, room, messages) };
  });
  return { messages, next, outOfRange };
}

/** Takes what there is room for. @returns where the partition goes on. */
function take(
  place: PartitionOffset,
  answer: FetchedPartition,
  room: { records: number; bytes: number },
  into: TopicMessage[],
): number {
  let { offset } = place;
  for (const batch of committed(answer)) {
    const base = Number(batch.firstOffset);
    const isOurs = (batch.attributes & CONTROL) === 0 && !batch.isAborted;
    for (const record of isOurs ? batch.records : []) {
      const at = base + record.offsetDelta;
      if (at < offset) continue;
      if (room.records <= 0 || room.bytes <= 0) return offset;
      into.push({
        topic: place.topic,
        partition: place.partition,
        offset: at,
        timestampMs: Number(
          (batch.attributes & LOG_APPEND_TIME) === 0 ? batch.firstTimestamp + record.timestampDelta : batch.maxTimestamp,
        ),
        key: record.key ?? undefined,
        value: record.value ?? undefined,
        headers: record.headers.map(([name, value]) => [name?.toString('utf8') ?? '', value ?? NOTHING] as const),
      });
      room.records -= 1;
      room.bytes -= record.length;
      offset = at + 1;
    }
    offset = Math.max(offset, base + batch.lastOffsetDelta + 1);
  }
  return offset;
}

const NOTHING = new Uint8Array(0);

type Batch = NonNullable<FetchedPartition['records']>[number];

/**
 * Tells the batches of aborted transactions, up to the marker of each; the library leaves them in where the marker is not in the same answer.
 * A marker's key holds a version and 0 for aborted, 1 for committed, 16 bits each.
 */
function* committed(answer: FetchedPartition): Generator<Batch & { readonly isAborted: boolean }> {
  const starts = [...(answer.abortedTransactions ?? [])].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const aborted = new Set<bigint>();
  for (const batch of answer.records ?? []) {
    for (let [first] = starts; first !== undefined && first.firstOffset <= batch.firstOffset; [first] = starts) {
      aborted.add(first.producerId);
      starts.shift();
    }
    const isMarker = (batch.attributes & CONTROL) !== 0;
    yield { ...batch, isAborted: (batch.attributes & TRANSACTIONAL) !== 0 && !isMarker && aborted.has(batch.producerId) };
    if (isMarker && batch.records[0]?.key?.readInt16BE(2) === 0) aborted.delete(batch.producerId);
  }
}

/** A partition as the key of a map. */
function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
