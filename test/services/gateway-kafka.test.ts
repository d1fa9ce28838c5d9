/** The unmodified `@upstash/kafka` against the gateway and a real Kafka. */
import { randomUUID } from 'node:crypto';
import { type Consumer, Kafka } from '@upstash/kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealGateway, realGateway, SECRET } from './gateway-lab.ts';
import { type KafkaLab, kafkaLab } from './kafka-lab.ts';

let gateway: RealGateway;
let lab: KafkaLab;

beforeAll(async () => {
  lab = kafkaLab();
  gateway = await realGateway();
});

afterAll(async () => {
  await gateway.close();
  await lab.close();
});

type ConsumeRequest = Parameters<Consumer['consume']>[0];

/** Consumes until it has so many. */
async function take(request: Omit<ConsumeRequest, 'timeout'>, count: number) {
  const messages: Awaited<ReturnType<Consumer['consume']>> = [];
  while (messages.length < count) messages.push(...(await gateway.kafka.consumer().consume({ ...request, timeout: 5_000 })));
  return messages;
}

describe('producing', () => {
  test('one message and many lands in Kafka as it was said', async () => {
    const topic = await lab.createTopic(3);
    const producer = gateway.kafka.producer();
    const first = await producer.produce(
      topic,
      { hello: 'world' },
      { partition: 1, key: 'k', headers: [{ key: 'h', value: 'v' }] },
    );
    expect(first).toMatchObject({ topic, partition: 1, offset: 0, timestamp: expect.any(Number) });
    const many = await producer.produceMany([
      { topic, value: 'ü', partition: 1, timestamp: 1_767_225_600_123 },
      { topic, value: { n: 1 }, partition: 2 },
    ]);
    expect(many.map(({ partition, offset }) => [partition, offset])).toEqual([
      [1, 1],
      [2, 0],
    ]);
    const [one, two] = await lab.read(topic, 1);
    expect([String(one?.key), String(one?.value), one?.headers.map(([name, value]) => [name, String(value)])]).toEqual([
      'k',
      '{"hello":"world"}',
      [['h', 'v']],
    ]);
    expect([two?.key, String(two?.value), two?.timestampMs]).toEqual([undefined, 'ü', 1_767_225_600_123]);
  });

  test('by hundreds of callers at once keeps each once, where it says', async () => {
    const topic = await lab.createTopic(2);
    const producer = gateway.kafka.producer();
    const calls = Array.from({ length: 400 }, (_, i) => producer.produce(topic, String(i), { partition: i % 2 }));
    const produced = await Promise.all(calls);
    for (const partition of [0, 1]) {
      const values = (await lab.read(topic, partition)).map(({ value }) => String(value));
      const said = produced.flatMap((one, i) => (one.partition === partition ? [[one.offset, String(i)] as const] : []));
      expect(values).toEqual(said.sort(([a], [b]) => a - b).map(([, value]) => value));
    }
  });
});

describe('fetching', () => {
  test('by offset gives messages of several partitions, and offsets by time', async () => {
    const topic = await lab.createTopic(2);
    const producer = gateway.kafka.producer();
    for (const [i, value] of ['a', 'b', 'c'].entries())
      await producer.produce(topic, value, { partition: 0, timestamp: 1_000 + i });
    await producer.produce(topic, 'x', { partition: 1, key: 'k' });
    const consumer = gateway.kafka.consumer();
    const [b, c, x] = await consumer.fetch({
      topicPartitionOffsets: [
        { topic, partition: 0, offset: 1 },
        { topic, partition: 1, offset: 0 },
      ],
    });
    expect([b, c, x].map((one) => [one?.partition, one?.offset, one?.key, one?.value])).toEqual([
      [0, 1, '', 'b'],
      [0, 2, '', 'c'],
      [1, 0, 'k', 'x'],
    ]);
    const together = await consumer.fetch(
      {
        topicPartitionOffsets: [
          { topic, partition: 0, offset: 2 },
          { topic, partition: 1, offset: 0 },
        ],
        timeout: 100,
      },
      { parallel: false },
    );
    expect(together.map(({ value }) => value)).toEqual(['c', 'x']);
    const admin = gateway.kafka.admin();
    const at = async (timestamp: number | 'earliest' | 'latest') =>
      (await admin.topicPartitionOffsets({ timestamp, topicPartition: { topic, partition: 0 } }))[0]?.offset;
    expect([await at('earliest'), await at(1_001), await at('latest')]).toEqual([0, 1, 3]);
    expect((await admin.topics())[topic]).toBe(2);
  });
});

describe('consuming', () => {
  test('by hand commits what it says, and another instance goes on there', async () => {
    const topic = await lab.createTopic(1);
    const producer = gateway.kafka.producer();
    for (const value of ['a', 'b', 'c']) await producer.produce(topic, value);
    const group = { consumerGroupId: randomUUID(), topics: [topic], autoCommit: false, autoOffsetReset: 'earliest' as const };
    const first = { ...group, instanceId: 'one' };
    expect((await take(first, 3)).map(({ value }) => value)).toEqual(['a', 'b', 'c']);
    const consumer = gateway.kafka.consumer();
    await consumer.commit({ ...first, offset: { topic, partition: 0, offset: 2 } });
    const committed = () => consumer.committed({ ...first, topicPartitions: [{ topic, partition: 0 }] });
    expect(await committed()).toEqual([{ topic, partition: 0, offset: 2 }]);
    const admin = gateway.kafka.admin();
    const known = (await admin.consumers()).find(({ name }) => name === group.consumerGroupId);
    expect(known?.instances).toEqual([{ name: 'one', topics: [{ topic, partitions: [0] }] }]);
    await admin.removeConsumerInstance(group.consumerGroupId, 'one');
    const second = { ...group, instanceId: 'two' };
    expect((await take(second, 1)).map(({ value }) => value)).toEqual(['c']);
    await consumer.commit(second);
    expect(await committed()).toEqual([{ topic, partition: 0, offset: 3 }]);
  });

  test('by default commits by itself', async () => {
    const topic = await lab.createTopic(1);
    await gateway.kafka.producer().produce(topic, 'a');
    const request = { consumerGroupId: randomUUID(), instanceId: 'i', topics: [topic], autoOffsetReset: 'earliest' as const };
    await take({ ...request, autoCommitInterval: 100 }, 1);
    const committed = () => gateway.kafka.consumer().committed({ ...request, topicPartitions: [{ topic, partition: 0 }] });
    let offsets = await committed();
    while (offsets.length === 0) offsets = await committed();
    expect(offsets).toEqual([{ topic, partition: 0, offset: 1 }]);
  });

  test('a client that gave up waiting takes nothing away from its next call', async () => {
    const topic = await lab.createTopic(1);
    const request = { consumerGroupId: randomUUID(), instanceId: 'i', topics: [topic], autoOffsetReset: 'earliest' as const };
    await gateway.kafka.consumer().consume({ ...request, timeout: 5_000 });
    const giveUp = AbortSignal.timeout(200);
    const given = fetch(`${gateway.url}/consume/${request.consumerGroupId}/i`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}`, 'kafka-auto-offset-reset': 'earliest' },
      body: JSON.stringify({ topic, timeout: 20_000 }),
      signal: giveUp,
    });
    await expect(given).rejects.toThrow();
    await gateway.kafka.producer().produce(topic, 'a');
    expect((await take(request, 1)).map(({ value }) => value)).toEqual(['a']);
  });

  test('two instances share the partitions, and each message goes to one of them', async () => {
    const topic = await lab.createTopic(4);
    const group = { consumerGroupId: randomUUID(), topics: [topic], autoOffsetReset: 'earliest' as const, timeout: 300 };
    const consume = (instanceId: string) => gateway.kafka.consumer().consume({ ...group, instanceId });
    const sizes = async (): Promise<number[]> => {
      const known = (await gateway.kafka.admin().consumers()).find(({ name }) => name === group.consumerGroupId);
      return (known?.instances ?? []).map(({ topics }) => topics.flatMap(({ partitions }) => partitions).length);
    };
    while ((await sizes()).join() !== '2,2') await Promise.all([consume('one'), consume('two')]);
    const produced = Array.from({ length: 40 }, (_, i) => ({ topic, value: String(i), partition: i % 4 }));
    await gateway.kafka.producer().produceMany(produced);
    const seen: string[] = [];
    while (seen.length < 40) {
      const both = await Promise.all([consume('one'), consume('two')]);
      seen.push(...both.flat().map(({ value }) => value));
      expect(both.every((messages) => new Set(messages.map(({ partition }) => partition)).size <= 2)).toBe(true);
    }
    expect(seen.sort((a, b) => Number(a) - Number(b))).toEqual(produced.map(({ value }) => value));
  });
});

test('a wrong secret is an UpstashError with the text of the gateway', async () => {
  const wrong = new Kafka({ url: gateway.url, username: 'tests', password: `${SECRET}x` });
  // The client tries 6 times whatever the answer, over 15 s.
  await expect(wrong.admin().topics()).rejects.toMatchObject({ name: 'UpstashError', message: expect.stringContaining('key') });
});
