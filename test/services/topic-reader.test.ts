/** The contract of the topic-reader for Kafka, and what only Kafka has: transactions, and stamps of the broker. */
import { randomUUID } from 'node:crypto';
import { Producer, stringSerializers } from '@platformatic/kafka';
import { afterEach, expect, test } from 'vitest';
import { kafkaTopicProducer } from '../../src/adapters/kafka/topic-producer.ts';
import { kafkaTopicReader } from '../../src/adapters/kafka/topic-reader.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { topicReaderContract } from '../contract/suites/topic-reader.ts';
import { kafkaConnection, kafkaLab } from './kafka-lab.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function open(configs: Readonly<Record<string, string>> = {}) {
  const lab = kafkaLab();
  const options = { connection: kafkaConnection(), clock: systemClock() };
  const producer = kafkaTopicProducer(options);
  const reader = kafkaTopicReader(options);
  closing.push(
    () => producer.close(),
    () => reader.close(),
    lab.close,
  );
  return { producer, reader, topic: await lab.createTopic(3, configs) };
}

topicReaderContract('Kafka', open);

test('what a transaction took back is not given, and the reader gets over it', async () => {
  const { reader, topic } = await open();
  const { brokers, clientId } = kafkaConnection();
  const producer = new Producer({
    clientId,
    bootstrapBrokers: [...brokers],
    transactionalId: randomUUID(),
    idempotent: true,
    serializers: stringSerializers,
    retryDelay: 20,
    retries: 100,
  });
  closing.unshift(() => producer.close());
  for (const [text, isKept] of [
    ['kept', true],
    ['taken back', false],
    ['kept too', true],
    ['taken back at the end', false],
  ] as const) {
    const transaction = await producer.beginTransaction();
    await transaction.send({ messages: [{ topic, partition: 0, value: text }] });
    await (isKept ? transaction.commit() : transaction.abort());
  }
  const fetched = await reader.fetch([{ topic, partition: 0, offset: 0 }], 0);
  expect(fetched.map(({ value, offset }) => [String(value), offset])).toEqual([
    ['kept', 0],
    ['kept too', 4],
  ]);
  expect(await reader.fetch([{ topic, partition: 0, offset: 5 }], 0)).toEqual([]);
});

test('where the broker stamps records its stamp is given', async () => {
  const { producer, reader, topic } = await open({ 'message.timestamp.type': 'LogAppendTime' });
  const sinceMs = Date.now() - 60_000;
  await producer.send({ topic, partition: 0, key: undefined, value: Buffer.from('a'), headers: [], timestampMs: 1_000 });
  const [message] = await reader.fetch([{ topic, partition: 0, offset: 0 }], 0);
  expect(message?.timestampMs).toBeGreaterThan(sinceMs);
});

test('topics are told while others are made and deleted', async () => {
  const { reader, topic } = await open();
  await expect.poll(async () => (await reader.topics()).get(topic)).toBe(3);
  let isOver = false;
  const come = async (): Promise<void> => {
    while (!isOver) {
      const lab = kafkaLab();
      await lab.createTopic(1);
      await lab.close();
    }
  };
  const coming = [come(), come()];
  try {
    for (let i = 0; i < 40; i++) expect((await reader.topics()).get(topic)).toBe(3);
  } finally {
    isOver = true;
    await Promise.all(coming);
  }
});
