/** The partitioned log, its checkpoints and its group on a real Kafka. */
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { kafkaCheckpointLog } from '../../src/adapters/kafka/checkpoint-log.ts';
import { kafkaPartitionGroup } from '../../src/adapters/kafka/partition-group.ts';
import { kafkaPartitionLog } from '../../src/adapters/kafka/partition-log.ts';
import { kafkaTopicProducer } from '../../src/adapters/kafka/topic-producer.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { topicSpecs } from '../../src/model/topics.ts';
import { checkpointLogContract } from '../contract/suites/checkpoint-log.ts';
import { partitionLogContract, readFrom } from '../contract/suites/partition-log.ts';
import { kafkaConnection, kafkaLab } from './kafka-lab.ts';

const lab = kafkaLab();
const connection = kafkaConnection();
const clock = systemClock();
const telemetry = memoryTelemetry({ nowMs: clock.nowMs });
const [raw, checkpoints] = topicSpecs('', 2, 1);

afterAll(() => lab.close());

async function openLog(configs: Readonly<Record<string, string>> = {}) {
  const topic = await lab.createTopic(2, configs);
  const log = kafkaPartitionLog({ connection, topic, clock, telemetry });
  const producer = kafkaTopicProducer({ connection, clock });
  return {
    log,
    producer,
    topic,
    async close() {
      await producer.close();
      await log.close();
    },
  };
}

partitionLogContract('Kafka', () => openLog(raw?.configs));

checkpointLogContract('a compacted topic of Kafka', async () => {
  const { log, producer, topic, close } = await openLog(checkpoints?.configs);
  return { open: async () => kafkaCheckpointLog({ log, producer, topic }), close };
});

test('records that the broker has let go of are counted, and the reader goes on with the oldest that is there', async () => {
  const own = memoryTelemetry({ nowMs: clock.nowMs });
  const topic = await lab.createTopic(1);
  const producer = kafkaTopicProducer({ connection, clock });
  const log = kafkaPartitionLog({ connection, topic, clock, telemetry: own });
  for (let i = 0; i < 10; i++) {
    const value = Uint8Array.of(i);
    await producer.send({ topic, partition: 0, key: undefined, value, headers: [], timestampMs: undefined });
  }
  await lab.deleteBefore(topic, 0, 6);
  const reader = await log.open(0, () => undefined);
  const records = await readFrom(reader, 2, 4);
  expect(records.map(({ offset }) => offset)).toEqual([6, 7, 8, 9]);
  expect(own.render()).toContain('metricstream_log_records_lost_total 4');
  await producer.close();
  await log.close();
});

describe('a group', () => {
  test('gives every partition to one of its members, and all of them to who is left', async () => {
    const topic = await lab.createTopic(4);
    const groupId = `group-${topic}`;
    const members = Array.from({ length: 2 }, () => {
      const group = kafkaPartitionGroup({ connection, groupId, topic, sessionTimeoutMs: 6_000, clock, telemetry });
      const seen: { partitions: readonly number[]; generation: number }[] = [];
      return { group, seen, newest: () => seen.at(-1)?.partitions ?? [] };
    });
    const [one, two] = members;
    if (one === undefined || two === undefined) throw new Error('two members');
    await one.group.join((partitions, generation) => one.seen.push({ partitions, generation }));
    await expect.poll(() => [...one.newest()].sort(), { timeout: 20_000 }).toEqual([0, 1, 2, 3]);
    expect(one.group.holds()).toBe(true);
    await two.group.join((partitions, generation) => two.seen.push({ partitions, generation }));
    await expect.poll(() => [...one.newest(), ...two.newest()].sort(), { timeout: 20_000 }).toEqual([0, 1, 2, 3]);
    await expect.poll(() => one.newest().length, { timeout: 20_000 }).toBe(2);
    await one.group.leave();
    expect(one.group.holds()).toBe(false);
    await expect.poll(() => [...two.newest()].sort(), { timeout: 20_000 }).toEqual([0, 1, 2, 3]);
    const generations = two.seen.map(({ generation }) => generation);
    expect(generations).toEqual([...generations].sort((a, b) => a - b));
    await two.group.leave();
  });
});

test('a broker that takes connections and says nothing is given up', { timeout: 60_000 }, async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const log = kafkaPartitionLog({
    connection: { ...connection, brokers: [`127.0.0.1:${port}`] },
    topic: 'any',
    clock,
    telemetry,
  });
  await expect(log.open(0, () => undefined)).rejects.toMatchObject({ code: 'unavailable' });
  await log.close();
  silent.close();
});
