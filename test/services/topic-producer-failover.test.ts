/** What holds though a broker dies or stands still: what the producer has confirmed is in Kafka once and in order, and topics are known. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from '@platformatic/kafka';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startKafka } from '../../scripts/services/kafka.ts';
import type { KafkaCluster, KafkaNode } from '../../scripts/services/kafka-cluster.ts';
import type { ProduceAnswer } from '../../src/adapters/kafka/idempotent-sends.ts';
import { kafkaProducerCluster } from '../../src/adapters/kafka/producer-cluster.ts';
import { recordCompressor } from '../../src/adapters/kafka/record-batch.ts';
import { kafkaTopicProducer } from '../../src/adapters/kafka/topic-producer.ts';
import { kafkaTopicReader } from '../../src/adapters/kafka/topic-reader.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { TopicProducer } from '../../src/ports/topic-producer.ts';
import { kafkaLab } from './kafka-lab.ts';

const PARTITIONS = 6;

let dir: string;
let cluster: KafkaCluster;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'metricstream-failover-'));
  cluster = await startKafka({ dir, brokers: 3 });
});

afterAll(async () => {
  await cluster.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The broker that leads a partition. */
async function leaderOf(topic: string, partition: number): Promise<KafkaNode> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: cluster.brokers.split(',') });
  const metadata = await admin.metadata({ topics: [topic] });
  await admin.close();
  const leader = metadata.topics.get(topic)?.partitions[partition]?.leader;
  const node = cluster.nodes.find(({ id }) => id === leader);
  if (node === undefined) throw new Error(`nobody leads partition ${partition}`);
  return node;
}

/** Sends to every partition, one record after the other is called, until it is told to stop. @returns what was said of each. */
async function sendUntil(
  producer: TopicProducer,
  topic: string,
  isOver: () => boolean,
): Promise<{ value: string; offset: Promise<number> }[][]> {
  const sent = Array.from({ length: PARTITIONS }, (): { value: string; offset: Promise<number> }[] => []);
  while (!isOver()) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const list = sent[partition] ?? [];
      const value = `${partition}-${list.length}`;
      const record = { topic, partition, key: undefined, value: Buffer.from(value), headers: [], timestampMs: undefined };
      const offset = producer.send(record);
      offset.catch(() => {});
      list.push({ value, offset });
    }
    await sleep(10);
  }
  return sent;
}

test.each([
  ['dies', 'SIGKILL', undefined],
  ['stands still', 'SIGSTOP', 'SIGCONT'],
] as const)('a leader that %s costs nothing but time', async (_, signal, undo) => {
  const connection = { brokers: cluster.brokers.split(','), clientId: 'metricstream-test' };
  const lab = kafkaLab(connection);
  const topic = await lab.createTopic(PARTITIONS);
  // The first of its list is the one that a client asks first.
  const node = await leaderOf(topic, 0);
  const own = { ...connection, brokers: [node.address, ...connection.brokers.filter((one) => one !== node.address)] };
  const producer = kafkaTopicProducer({ connection: own, clock: systemClock() });
  let isOver = false;
  const sending = sendUntil(producer, topic, () => isOver);
  await sleep(1_000);
  await node.kill(signal);
  await sleep(12_000);
  isOver = true;
  const sent = await sending;
  const answers = await Promise.all(sent.map((list) => Promise.allSettled(list.map(({ offset }) => offset))));
  if (undo !== undefined) await node.kill(undo);
  await node.start();
  const offsets = answers.map((list) => list.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason))));
  for (const [partition, list] of sent.entries()) {
    expect(offsets[partition]).toEqual(list.map((__, i) => i));
    // A broker that stood still tells for a moment of the log as it was.
    const read = async (): Promise<string[]> => (await lab.read(topic, partition)).map(({ value }) => String(value));
    await expect.poll(read, { timeout: 30_000 }).toEqual(list.map(({ value }) => value));
  }
  await producer.close();
  await lab.close();
});

test('what waits for a broker that stands still is lost at once when a part of it is given up, and no other connection with it', async () => {
  const connection = { brokers: cluster.brokers.split(','), clientId: 'metricstream-test' };
  const lab = kafkaLab(connection);
  const topic = await lab.createTopic(PARTITIONS);
  const node = await leaderOf(topic, 0);
  const producing = kafkaProducerCluster(connection);
  const count = (await producing.partitions(topic)) ?? 0;
  const partitions = Array.from({ length: count }, (_, partition) => partition);
  const other = partitions.find((partition) => producing.leader(topic, partition) !== node.id) ?? -1;
  // A cluster that has just started has no numbers to give yet.
  const { id: producerId, epoch } = await vi.waitFor(() => producing.producer(), { timeout: 30_000 });
  const compress = recordCompressor();
  const produce = (partition: number, sequence: number) => {
    const record = { topic, partition, key: undefined, value: Buffer.from('x'), headers: [], timestampMs: undefined };
    const numbers = { producerId, epoch, sequence };
    const { promise: answer, resolve } = Promise.withResolvers<ProduceAnswer>();
    const leader = producing.leader(topic, partition) ?? -1;
    const giveUp = producing.produce(leader, [{ topic, partition, numbers, records: compress([record], 0) }], resolve);
    return { answer, giveUp };
  };
  const kept = { kind: 'answered', results: [{ errorCode: 0 }] };
  expect(await produce(0, 0).answer).toMatchObject(kept);
  await node.kill('SIGSTOP');
  const [first, behind, elsewhere] = [produce(0, 1), produce(0, 2), produce(other, 0)];
  first.giveUp();
  // Not by its time being over, which the library gives the same code and another text.
  const closed = { kind: 'lost', cause: { message: 'Connection closed' } };
  expect(await Promise.all([first.answer, behind.answer])).toMatchObject([closed, closed]);
  await node.kill('SIGCONT');
  expect(await elsewhere.answer).toMatchObject(kept);
  await producing.close();
  await lab.close();
});

test('topics are known though one of them has a partition that nobody leads, and its other partitions take records', async () => {
  const connection = { brokers: cluster.brokers.split(','), clientId: 'metricstream-test' };
  const lab = kafkaLab(connection);
  const [single, whole] = [await lab.createTopic(3, {}, 1), await lab.createTopic(2)];
  const reader = kafkaTopicReader({ connection, clock: systemClock() });
  const producer = kafkaTopicProducer({ connection, clock: systemClock() });
  const send = (partition: number): Promise<number> =>
    producer.send({ topic: single, partition, key: undefined, value: Buffer.from('x'), headers: [], timestampMs: undefined });
  const node = await leaderOf(single, 0);
  await node.kill('SIGKILL');
  await sleep(6_000);
  const topics = await reader.topics();
  expect([topics.get(single), topics.get(whole), [...topics.keys()].filter((name) => name.startsWith('__'))]).toEqual([3, 2, []]);
  const waiting = Promise.allSettled([send(0)]);
  expect(await Promise.all([1, 2].map(send))).toEqual([0, 0]);
  await node.start();
  await waiting;
  await producer.close();
  await reader.close();
  await lab.close();
});
