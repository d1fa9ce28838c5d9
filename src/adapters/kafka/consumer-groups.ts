/** Kafka's consumer groups: the library keeps the membership, the offsets are kept here. */
import { Admin, Consumer, ListOffsetTimestamps } from '@platformatic/kafka';
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ConsumerGroups, GroupMember, GroupMemberOptions, TopicAssignment } from '../../ports/consumer-groups.ts';
import type { PartitionOffset, TopicMessage } from '../../ports/topic-reader.ts';
import { clientOptions, type KafkaConnection } from './connection.ts';
import { kafkaFailure } from './failures.ts';
import { type PartitionFetcher, partitionFetcher } from './partition-fetcher.ts';

export interface KafkaConsumerGroupsOptions {
  readonly connection: KafkaConnection;
  readonly clock: Clock;
}

export function kafkaConsumerGroups(options: KafkaConsumerGroupsOptions): ConsumerGroups {
  const admin = new Admin({
    ...clientOptions(options.connection),
    retries: LIMITS.readRetries,
    retryDelay: LIMITS.kafkaRetryDelayMs,
  });
  return {
    join: (member) => new KafkaGroupMember(options, member),
    async committed(group, partitions) {
      const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, own]) => ({
        name,
        partitionIndexes: own.map(({ partition }) => partition),
      }));
      try {
        const [answer] = await admin.listConsumerGroupOffsets({ groups: [{ groupId: group, topics }] });
        return partitions.map(({ topic, partition }) => {
          const found = answer?.topics.find(({ name }) => name === topic)?.partitions;
          const offset = found?.find(({ partitionIndex }) => partitionIndex === partition)?.committedOffset ?? -1n;
          return offset < 0n ? undefined : Number(offset);
        });
      } catch (error) {
        throw kafkaFailure(error);
      }
    },
    close: () => admin.close(),
  };
}

class KafkaGroupMember implements GroupMember {
  readonly #options: KafkaConsumerGroupsOptions;
  readonly #member: GroupMemberOptions;
  readonly #fetcher: PartitionFetcher;
  #consumer: Consumer | undefined;
  #joining: Promise<void> | undefined;
  #memberId: string | undefined;
  /** Rises with every change of the assignment: what was fetched before it is not given any more. */
  #generation = 0;
  /** By partition: the next offset to fetch; and behind what has been given, the offset to commit. */
  #positions = new Map<string, number>();
  #given = new Map<string, PartitionOffset>();
  #first = 0;
  #isClosed = false;
  assignment: readonly TopicAssignment[] = [];

  constructor(options: KafkaConsumerGroupsOptions, member: GroupMemberOptions) {
    this.#options = options;
    this.#member = member;
    this.#fetcher = partitionFetcher(options.connection);
  }

  async poll(waitMs: number, signal: AbortSignal): Promise<readonly TopicMessage[]> {
    const untilMs = this.#options.clock.nowMs() + waitMs;
    const restMs = (): number => untilMs - this.#options.clock.nowMs();
    try {
      do {
        // A join goes on when the request has ended, and the next one finds it done.
        const joined = await this.#within(this.#join(), restMs(), signal);
        if (!joined || signal.aborted) return [];
        const messages = await this.#round(Math.min(Math.max(0, restMs()), LIMITS.kafkaFetchWaitMs), signal);
        if (messages.length > 0 || signal.aborted) return messages;
        await this.#within(new Promise(() => {}), Math.min(restMs(), LIMITS.fetchPollMs), signal);
      } while (restMs() > 0 && !signal.aborted && !this.#isClosed);
      return [];
    } catch (error) {
      throw kafkaFailure(error);
    }
  }

  async commit(offsets?: readonly PartitionOffset[]): Promise<void> {
    const given = new Map(this.#given);
    const list = offsets ?? [...given.values()];
    const consumer = this.#consumer;
    if (list.length === 0) return;
    if (consumer === undefined)
      throw new MetricStreamError('unavailable', 'The group is not joined.', { retryAfterMs: LIMITS.retryMs });
    try {
      await consumer.commit({ offsets: list.map((one) => ({ ...one, offset: BigInt(one.offset), leaderEpoch: -1 })) });
    } catch (error) {
      throw kafkaFailure(error);
    }
    for (const [key, value] of given) if (offsets === undefined && this.#given.get(key) === value) this.#given.delete(key);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const consumer = this.#consumer;
    this.#consumer = undefined;
    await Promise.all([consumer?.close(true), this.#fetcher.close()]);
  }

  /** One fetch of all partitions that it has now. */
  async #round(waitMs: number, signal: AbortSignal): Promise<readonly TopicMessage[]> {
    const generation = this.#generation;
    const places = await this.#places();
    if (places.length === 0 || generation !== this.#generation) return [];
    const { messages, next, outOfRange } = await this.#fetcher.fetch(places, waitMs);
    // What nobody takes is fetched again.
    if (generation !== this.#generation || signal.aborted || this.#isClosed) return [];
    for (const place of next) this.#positions.set(keyOf(place), place.offset);
    for (const { topic, partition, offset } of messages)
      this.#given.set(keyOf({ topic, partition }), { topic, partition, offset: offset + 1 });
    for (const place of outOfRange) this.#positions.delete(keyOf(place));
    if (outOfRange.length > 0) await this.#reset(outOfRange);
    return messages;
  }

  /** Another partition comes first each time: one that is always full holds up no other. */
  async #places(): Promise<readonly PartitionOffset[]> {
    const all = this.assignment.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
    const unknown = all.filter((one) => !this.#positions.has(keyOf(one)));
    if (unknown.length > 0) await this.#load(unknown);
    this.#first = (this.#first + 1) % Math.max(1, all.length);
    return [...all.slice(this.#first), ...all.slice(0, this.#first)].flatMap((one) => {
      const offset = this.#positions.get(keyOf(one));
      return offset === undefined ? [] : [{ ...one, offset }];
    });
  }

  /** Begins where the group has committed, else where offsetReset says. */
  async #load(partitions: readonly { readonly topic: string; readonly partition: number }[]): Promise<void> {
    const generation = this.#generation;
    const committed = await this.#consumer?.listCommittedOffsets({ topics: byTopic(partitions) });
    if (generation !== this.#generation) return;
    const without = partitions.filter(({ topic, partition }) => {
      const offset = committed?.get(topic)?.[partition] ?? -1n;
      if (offset >= 0n) this.#positions.set(keyOf({ topic, partition }), Number(offset));
      return offset < 0n;
    });
    if (without.length > 0) await this.#reset(without);
  }

  async #reset(partitions: readonly { readonly topic: string; readonly partition: number }[]): Promise<void> {
    const { offsetReset, group } = this.#member;
    if (offsetReset === 'none')
      throw new MetricStreamError('invalid_request', `Group ${group} has no offset for a partition, and may not choose one.`);
    const generation = this.#generation;
    const wanted = byTopic(partitions);
    const offsets = await this.#consumer?.listOffsets({
      topics: wanted.map(({ topic }) => topic),
      partitions: Object.fromEntries(wanted.map(({ topic, partitions: own }) => [topic, own])),
      timestamp: offsetReset === 'earliest' ? ListOffsetTimestamps.EARLIEST : ListOffsetTimestamps.LATEST,
    });
    if (generation !== this.#generation) return;
    for (const place of partitions) {
      const offset = offsets?.get(place.topic)?.[place.partition];
      if (offset !== undefined && offset >= 0n) this.#positions.set(keyOf(place), Number(offset));
    }
  }

  #join(): Promise<void> {
    this.#joining ??= this.#joinAnew();
    return this.#joining;
  }

  async #joinAnew(): Promise<void> {
    const { connection } = this.#options;
    const consumer = new Consumer({
      ...clientOptions(connection),
      groupId: this.#member.group,
      sessionTimeout: LIMITS.sessionTimeoutMs,
      heartbeatInterval: Math.floor(LIMITS.sessionTimeoutMs / LIMITS.heartbeatsPerSession),
      rebalanceTimeout: LIMITS.rebalanceMs,
      autocommit: false,
      retries: LIMITS.readRetries,
      retryDelay: LIMITS.kafkaRetryDelayMs,
      // A broker answers a join when all have joined.
      requestTimeout: LIMITS.rebalanceMs + LIMITS.kafkaRequestTimeoutMs,
    });
    const lost = (): void => {
      if (this.#consumer !== consumer) return;
      this.#consumer = undefined;
      this.#joining = undefined;
      this.#assigned(undefined, []);
      consumer.close(true).catch(() => {});
    };
    this.#consumer = consumer;
    consumer.topics.trackAll(...this.#member.topics);
    consumer.on('consumer:group:join', ({ memberId, assignments = [] }) => {
      if (this.#consumer === consumer) this.#assigned(memberId, assignments);
    });
    consumer.on('consumer:heartbeat:stalled', lost);
    consumer.on('error', lost);
    try {
      await consumer.joinGroup({});
    } catch (error) {
      lost();
      throw error;
    }
  }

  /** What it keeps goes on where it is. One that had been put out of the group may find that others went on. */
  #assigned(memberId: string | undefined, assignment: readonly TopicAssignment[]): void {
    this.#generation += 1;
    const isSame = memberId !== undefined && memberId === this.#memberId;
    const kept = new Set(
      isSame ? assignment.flatMap(({ topic, partitions }) => partitions.map((partition) => keyOf({ topic, partition }))) : [],
    );
    for (const key of [...this.#positions.keys()]) if (!kept.has(key)) this.#positions.delete(key);
    for (const key of [...this.#given.keys()]) if (!kept.has(key)) this.#given.delete(key);
    this.#memberId = memberId;
    this.assignment = assignment;
  }

  /** @returns whether the work was done in time and before the signal; its failure is thrown. */
  async #within(work: Promise<void>, waitMs: number, signal: AbortSignal): Promise<boolean> {
    const { promise: stopped, resolve } = Promise.withResolvers<boolean>();
    const stop = (): void => resolve(false);
    const cancel = this.#options.clock.schedule(Math.max(0, waitMs), stop);
    signal.addEventListener('abort', stop);
    try {
      return await Promise.race([work.then(() => true), stopped]);
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
    }
  }
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`;
}

function byTopic(partitions: readonly { readonly topic: string; readonly partition: number }[]) {
  return [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, own]) => ({
    topic,
    partitions: own.map(({ partition }) => partition),
  }));
}
