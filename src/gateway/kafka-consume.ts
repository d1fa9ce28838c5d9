/** The consuming half of the Kafka API: by offset, and as member of a group. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { ConsumerGroups } from '../ports/consumer-groups.ts';
import type { PartitionOffset, TopicMessage, TopicPartition, TopicReader } from '../ports/topic-reader.ts';
import { storedText } from '../protocols/text-record.ts';
import type { ConsumeOptions, ConsumerInstances, InstanceId } from './consumer-instances.ts';
import type { Credential } from './credentials.ts';
import type { KafkaCall } from './guard.ts';
import { commitOffsets, consumeRequest, fetchRequest, nameOf, topicPartitions } from './kafka-bodies.ts';
import type { TopicCatalogue } from './topic-catalogue.ts';

export interface ConsumingDependencies {
  readonly reader: TopicReader;
  readonly groups: ConsumerGroups;
  readonly instances: ConsumerInstances;
  readonly catalogue: TopicCatalogue;
}

/** Each gives what is answered as JSON. */
export interface Consuming {
  fetch(call: KafkaCall): Promise<unknown>;
  offsets(call: KafkaCall): Promise<unknown>;
  consume(call: KafkaCall): Promise<unknown>;
  commit(call: KafkaCall): Promise<unknown>;
  committed(call: KafkaCall): Promise<unknown>;
  consumers(call: KafkaCall): Promise<unknown>;
  deleteConsumer(call: KafkaCall): Promise<unknown>;
  topics(call: KafkaCall): Promise<unknown>;
}

const SUCCESS = { result: 'Success', status: 200 } as const;

export function consuming({ reader, groups, instances, catalogue }: ConsumingDependencies): Consuming {
  return {
    async fetch({ credential, body }) {
      const { from, waitMs } = fetchRequest(body);
      checkTopics(credential, from);
      return (await reader.fetch(from, waitMs)).map(messageJson);
    },
    async offsets({ credential, body, path }) {
      const partitions = topicPartitions(body);
      checkTopics(credential, partitions);
      return await reader.offsets(timeOf(path.time), partitions);
    },
    async consume({ credential, body, request, path }) {
      const { topics, waitMs } = consumeRequest(body);
      checkTopics(
        credential,
        topics.map((topic) => ({ topic })),
      );
      const id = instanceOf(credential, path);
      const messages = await instances.consume(id, { topics, waitMs, ...settingsOf(request.headers) }, request.signal);
      return messages.map(messageJson);
    },
    async commit({ credential, body, path }) {
      const offsets = commitOffsets(body);
      checkTopics(credential, offsets ?? []);
      await instances.commit(instanceOf(credential, path), offsets);
      return SUCCESS;
    },
    async committed({ credential, body, path }) {
      const partitions = topicPartitions(body);
      checkTopics(credential, partitions);
      const offsets = await groups.committed(instanceOf(credential, path).group, partitions);
      return partitions.flatMap(({ topic, partition }, i): PartitionOffset[] => {
        const offset = offsets[i];
        return offset === undefined ? [] : [{ topic, partition, offset }];
      });
    },
    async consumers({ credential }) {
      return byGroup(instances.list().filter((one) => mayManage(credential, one)));
    },
    async deleteConsumer({ credential, path }) {
      const id = instanceOf(credential, path);
      const others = instances.list().filter((one) => one.group === id.group && one.instance === id.instance);
      const found = others.find(({ owner }) => owner === id.owner) ?? others.find((one) => mayManage(credential, one));
      await instances.remove(found ?? id);
      return SUCCESS;
    },
    async topics({ credential }) {
      return Object.fromEntries([...(await catalogue.all())].filter(([topic]) => credential.mayTopic(topic)));
    },
  };
}

/** Its own, and where it is an administrator those of others in its groups. */
function mayManage(credential: Credential, { owner, group }: InstanceId): boolean {
  return owner === credential.name || (credential.mayKafka('admin') && credential.mayGroup(group));
}

function checkTopics(credential: Credential, places: readonly Pick<TopicPartition, 'topic'>[]): void {
  for (const { topic } of places) {
    if (!credential.mayTopic(topic)) throw new MetricStreamError('forbidden', `This credential may not consume ${topic}.`);
  }
}

function instanceOf(credential: Credential, path: KafkaCall['path']): InstanceId {
  const group = nameOf(path.group, 'a consumer group');
  if (!credential.mayGroup(group)) throw new MetricStreamError('forbidden', `This credential may not use group ${group}.`);
  return { owner: credential.name, group, instance: nameOf(path.instance, 'a consumer instance') };
}

/** Headers that Upstash's client sends; their defaults are Kafka's. @throws invalid_request */
function settingsOf(headers: Headers): Pick<ConsumeOptions, 'autoCommitMs' | 'offsetReset'> {
  const enabled = headers.get('kafka-enable-auto-commit') ?? 'true';
  const interval = Number(headers.get('kafka-auto-commit-interval') ?? LIMITS.gatewayAutoCommitMs);
  const offsetReset = headers.get('kafka-auto-offset-reset') ?? 'latest';
  if (enabled !== 'true' && enabled !== 'false')
    throw new MetricStreamError('invalid_request', 'Kafka-Enable-Auto-Commit is true or false.');
  if (!Number.isInteger(interval) || interval < 0)
    throw new MetricStreamError('invalid_request', 'Kafka-Auto-Commit-Interval is a number of milliseconds.');
  if (offsetReset !== 'earliest' && offsetReset !== 'latest' && offsetReset !== 'none')
    throw new MetricStreamError('invalid_request', 'Kafka-Auto-Offset-Reset is earliest, latest or none.');
  const autoCommitMs = Math.min(Math.max(interval, LIMITS.gatewayAutoCommitMsMin), LIMITS.gatewayConsumerIdleMs);
  return { autoCommitMs: enabled === 'true' ? autoCommitMs : undefined, offsetReset };
}

function timeOf(time: string | undefined): 'earliest' | 'latest' | number {
  if (time === 'earliest' || time === 'latest') return time;
  const ms = Number(time);
  if (time !== undefined && /^\d+$/.test(time) && Number.isSafeInteger(ms)) return ms;
  throw new MetricStreamError('invalid_request', 'Offsets are asked for at earliest, latest or a time in milliseconds.');
}

/** As Upstash wrote it: text, with nothing for what is not there. Bytes that are none go as base64, and a last header says which. */
function messageJson({ topic, partition, offset, timestampMs, ...message }: TopicMessage): unknown {
  const { key = '', value, headers } = storedText({ ...message, key: message.key, value: message.value ?? NOTHING });
  return {
    topic,
    partition,
    offset,
    timestamp: timestampMs,
    key,
    value,
    headers: headers.map(([name, text]) => ({ key: name, value: text })),
  };
}

const NOTHING = new Uint8Array(0);

function byGroup(list: ReturnType<ConsumerInstances['list']>): unknown[] {
  return [...Map.groupBy(list, ({ group }) => group)].map(([name, members]) => ({
    name,
    instances: members.map(({ instance, assignment }) => ({ name: instance, topics: assignment })),
  }));
}
