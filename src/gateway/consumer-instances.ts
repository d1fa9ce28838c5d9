/** Members of consumer groups that live between requests: one for each (credential, group, instance), until it has been idle for long. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { ConsumerGroups, GroupMember, GroupMemberOptions, TopicAssignment } from '../ports/consumer-groups.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { PartitionOffset, TopicMessage } from '../ports/topic-reader.ts';

export interface InstanceId {
  /** The credential's name: one cannot take another's messages. */
  readonly owner: string;
  readonly group: string;
  readonly instance: string;
}

export interface ConsumeOptions {
  readonly topics: readonly string[];
  readonly waitMs: number;
  /** Between messages being given and their offsets being committed; undefined: that is the client's. */
  readonly autoCommitMs: number | undefined;
  readonly offsetReset: GroupMemberOptions['offsetReset'];
}

export interface InstanceDescription extends InstanceId {
  readonly assignment: readonly TopicAssignment[];
}

export interface ConsumerInstancesDependencies {
  readonly clock: Clock;
  readonly groups: Pick<ConsumerGroups, 'join'>;
  readonly telemetry: Telemetry;
}

interface Instance {
  readonly id: InstanceId;
  readonly topics: readonly string[];
  readonly member: GroupMember;
  /** Aborts what waits when the instance is closed. */
  readonly closing: AbortController;
  /** Settles, never rejects, when the polls before are over. */
  turn: Promise<unknown>;
  polls: number;
  autoCommitMs: number | undefined;
  cancelCommit: (() => void) | undefined;
  cancelIdle: () => void;
}

export class ConsumerInstances {
  readonly #deps: ConsumerInstancesDependencies;
  readonly #instances = new Map<string, Instance>();
  #isClosed = false;

  constructor(deps: ConsumerInstancesDependencies) {
    this.#deps = deps;
    deps.telemetry.gauge('metricstream_gateway_consumers', () => this.#instances.size);
  }

  /** @throws rate_limited when there are too many instances, or too many calls for one | as `poll` of a group's member */
  async consume(id: InstanceId, options: ConsumeOptions, signal: AbortSignal): Promise<readonly TopicMessage[]> {
    const instance = await this.#open(id, options);
    if (instance.polls >= LIMITS.gatewayPollsPerConsumerMax)
      throw new MetricStreamError('rate_limited', 'This instance is being consumed already.', { retryAfterMs: LIMITS.retryMs });
    instance.polls += 1;
    instance.cancelIdle();
    const stop = AbortSignal.any([signal, instance.closing.signal]);
    const polled = instance.turn.then(() => (stop.aborted ? [] : instance.member.poll(options.waitMs, stop)));
    instance.turn = polled.catch(() => {});
    try {
      const messages = await polled;
      this.#scheduleCommit(instance, options.autoCommitMs, messages.length);
      return messages;
    } finally {
      instance.polls -= 1;
      if (instance.polls === 0) this.#scheduleExpiry(instance);
    }
  }

  /** @param offsets undefined: what was consumed last. @throws not_found | as `commit` of a group's member */
  async commit(id: InstanceId, offsets: readonly PartitionOffset[] | undefined): Promise<void> {
    const instance = this.#get(id);
    await instance.member.commit(offsets);
    if (instance.polls > 0) return;
    instance.cancelIdle();
    this.#scheduleExpiry(instance);
  }

  /** @throws not_found */
  async remove(id: InstanceId): Promise<void> {
    await this.#close(this.#get(id));
  }

  list(): readonly InstanceDescription[] {
    return [...this.#instances.values()].map(({ id, member }) => ({ ...id, assignment: member.assignment }));
  }

  /** Ends what waits, commits what is committed automatically, leaves all groups. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#instances.values()].map((instance) => this.#close(instance)));
  }

  async #open(id: InstanceId, { topics, offsetReset }: ConsumeOptions): Promise<Instance> {
    const known = this.#instances.get(keyOf(id));
    if (known !== undefined && sameTopics(known.topics, topics)) return known;
    if (known !== undefined) await this.#close(known);
    // While that was awaited another call may have opened it.
    const other = this.#instances.get(keyOf(id));
    if (other !== undefined && sameTopics(other.topics, topics)) return other;
    const retryAfterMs = LIMITS.retryMs;
    if (this.#isClosed) throw new MetricStreamError('shutting_down', undefined, { retryAfterMs });
    const own = [...this.#instances.values()].filter((one) => one.id.owner === id.owner).length;
    if (
      other !== undefined ||
      own >= LIMITS.gatewayConsumersPerCredentialMax ||
      this.#instances.size >= LIMITS.gatewayConsumersMax
    )
      throw new MetricStreamError('rate_limited', 'There are too many consumer instances: delete some, or use the same again.', {
        retryAfterMs,
      });
    const instance: Instance = {
      id,
      topics,
      member: this.#deps.groups.join({ group: id.group, topics, offsetReset }),
      closing: new AbortController(),
      turn: Promise.resolve(),
      polls: 0,
      autoCommitMs: undefined,
      cancelCommit: undefined,
      cancelIdle: () => {},
    };
    this.#instances.set(keyOf(id), instance);
    return instance;
  }

  #get(id: InstanceId): Instance {
    const instance = this.#instances.get(keyOf(id));
    if (instance === undefined)
      throw new MetricStreamError('not_found', `There is no consumer instance ${id.instance} in group ${id.group}.`);
    return instance;
  }

  #scheduleCommit(instance: Instance, autoCommitMs: number | undefined, given: number): void {
    instance.autoCommitMs = autoCommitMs;
    if (autoCommitMs === undefined) {
      instance.cancelCommit?.();
      instance.cancelCommit = undefined;
    } else if (given > 0) {
      instance.cancelCommit ??= this.#deps.clock.schedule(autoCommitMs, () => void this.#autoCommit(instance));
    }
  }

  async #autoCommit(instance: Instance): Promise<void> {
    instance.cancelCommit?.();
    instance.cancelCommit = undefined;
    try {
      await instance.member.commit();
    } catch (error) {
      // Its messages are given again to whoever has the partition next.
      this.#deps.telemetry.count('metricstream_gateway_commit_failures_total');
      this.#deps.telemetry.log('warn', 'offsets could not be committed', { group: instance.id.group, cause: String(error) });
    }
  }

  #scheduleExpiry(instance: Instance): void {
    instance.cancelIdle();
    instance.cancelIdle = this.#deps.clock.schedule(LIMITS.gatewayConsumerIdleMs, () => void this.#close(instance));
  }

  /** Never rejects. */
  async #close(instance: Instance): Promise<void> {
    if (instance.closing.signal.aborted) return;
    instance.closing.abort();
    instance.cancelIdle();
    this.#instances.delete(keyOf(instance.id));
    await instance.turn;
    if (instance.autoCommitMs !== undefined) await this.#autoCommit(instance);
    instance.cancelIdle();
    await instance.member.close().catch((error: unknown) => {
      this.#deps.telemetry.log('warn', 'a group could not be left', { group: instance.id.group, cause: String(error) });
    });
  }
}

function keyOf({ owner, group, instance }: InstanceId): string {
  return `${owner}/${group}/${instance}`;
}

function sameTopics(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((topic, i) => topic === other[i]);
}
