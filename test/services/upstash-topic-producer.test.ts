/** The contract of the topic-producer for the unmodified client of Upstash, over the gateway into a real Kafka. */
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { kafkaPartitionLog } from '../../src/adapters/kafka/partition-log.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { upstashTopicProducer } from '../../src/adapters/upstash/topic-producer.ts';
import type { TopicProducer } from '../../src/ports/topic-producer.ts';
import { bytesParts } from '../../src/protocols/text-record.ts';
import { readFrom } from '../contract/suites/partition-log.ts';
import { topicProducerContract } from '../contract/suites/topic-producer.ts';
import { realGateway, SECRET } from './gateway-lab.ts';
import { kafkaConnection, kafkaLab } from './kafka-lab.ts';

const RECORD_BYTES_MAX = 19_000;
const clock = systemClock();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function open() {
  const lab = kafkaLab();
  const topic = await lab.createTopic(3, { 'max.message.bytes': '20000' });
  const gateway = await realGateway();
  const producer = upstashTopicProducer({
    url: gateway.url,
    username: 'tests',
    password: SECRET,
    clock,
    recordBytesMax: RECORD_BYTES_MAX,
  });
  closing.push(() => producer.close(), gateway.close, lab.close);
  const read = async (partition: number) =>
    (await lab.read(topic, partition)).map((record) => ({ ...record, ...bytesParts(record) }));
  return { producer, topic, read };
}

topicProducerContract("Kafka over Upstash's REST API", open);

const binary = (i: number): Uint8Array => Uint8Array.from({ length: 300 }, (_, j) => (i + j * j) & 255);

test('bytes that a consumer over TCP reads are those that were sent', async () => {
  const { producer, topic } = await open();
  const values = Array.from({ length: 50 }, (_, i) => binary(i));
  await Promise.all(
    values.map((value) => producer.send({ topic, partition: 0, key: undefined, value, headers: [], timestampMs: undefined })),
  );
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs });
  const log = kafkaPartitionLog({ connection: kafkaConnection(), topic, clock, telemetry });
  const reader = await log.open(0, () => undefined);
  const read = await readFrom(reader, 0, 50);
  expect(read.map(({ bytes }) => [...bytes])).toEqual(values.map((value) => [...value]));
  await log.close();
});

describe('a record is unavailable when its time is up, and not before long, where', () => {
  const TIMEOUT_MS = 800;
  const send = (producer: TopicProducer): Promise<number> =>
    producer.send({ topic: 't', partition: 0, key: undefined, value: binary(1), headers: [], timestampMs: undefined });

  const expectUnavailable = async (behave: (socket: Socket) => void, topics?: Record<string, number>): Promise<void> => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      behave(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const producer = upstashTopicProducer({
      url: `http://127.0.0.1:${port}`,
      username: 'tests',
      password: SECRET,
      clock,
      timeoutMs: TIMEOUT_MS,
      ...(topics === undefined ? {} : { topics }),
    });
    const startedMs = clock.nowMs();
    await expect(send(producer)).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: expect.any(Number) });
    await producer.close();
    expect(clock.nowMs() - startedMs).toBeLessThan(TIMEOUT_MS * 4);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };

  test('nobody answers which topics there are', () => expectUnavailable(() => undefined));
  test('nobody answers what was sent', () => expectUnavailable(() => undefined, { t: 1 }));
  test('the connection breaks', () => expectUnavailable((socket) => socket.destroy(), { t: 1 }));
  test('what answers is no gateway', () =>
    expectUnavailable((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]'), { t: 1 }));
  test('the secret is wrong', () =>
    expectUnavailable(
      (socket) =>
        socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 43\r\n\r\n{"result":"Error","error":"no","status":401}'),
      { t: 1 },
    ));
});
