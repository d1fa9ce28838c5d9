/** The contract of the partition-log over Upstash's REST API, through the gateway from a real Kafka, and what becomes of records that are gone. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kafkaPartitionLog } from '../../src/adapters/kafka/partition-log.ts';
import { kafkaTopicProducer } from '../../src/adapters/kafka/topic-producer.ts';
import { memoryTelemetry } from '../../src/adapters/memory/telemetry.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { upstashPartitionLog } from '../../src/adapters/upstash/partition-log.ts';
import { upstashTopicProducer } from '../../src/adapters/upstash/topic-producer.ts';
import { topicSpecs } from '../../src/model/topics.ts';
import { partitionLogContract, readFrom } from '../contract/suites/partition-log.ts';
import { type RealGateway, realGateway, SECRET } from './gateway-lab.ts';
import { kafkaConnection, kafkaLab } from './kafka-lab.ts';

const lab = kafkaLab();
const clock = systemClock();
const [raw] = topicSpecs('', 2, 1);
let gateway: RealGateway;

beforeAll(async () => {
  gateway = await realGateway();
});
afterAll(async () => {
  await gateway.close();
  await lab.close();
});

async function openLog(follows = true, configs: Readonly<Record<string, string>> = {}) {
  const topic = await lab.createTopic(2, configs);
  const connection = { url: gateway.url, username: 'tests', password: SECRET, clock };
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs });
  const log = upstashPartitionLog({ ...connection, topic, telemetry, follows });
  const producer = upstashTopicProducer({ ...connection, topics: { [topic]: 2 } });
  const close = async (): Promise<void> => {
    await producer.close();
    await log.close();
  };
  const send = (value: Uint8Array): Promise<number> =>
    producer.send({ topic, partition: 0, key: undefined, value, headers: [], timestampMs: undefined });
  return { log, producer, topic, telemetry, send, close };
}

partitionLogContract("Kafka over Upstash's REST API", () => openLog(true, raw?.configs));

test('bytes that are no text are read as they were sent', async () => {
  const { log, send, close } = await openLog();
  const values = Array.from({ length: 20 }, (_, i) => Uint8Array.from({ length: 500 }, (_, j) => (i + j * j) & 255));
  for (const value of values) await send(value);
  const reader = await log.open(0, () => undefined);
  expect((await readFrom(reader, 0, 20)).map(({ bytes }) => [...bytes])).toEqual(values.map((value) => [...value]));
  await close();
});

test('servers and Workers write one partition, and over REST and over TCP every record is read as it was sent', async () => {
  const { log, topic, telemetry, send, close } = await openLog(true, raw?.configs);
  const connection = kafkaConnection();
  const tcp = kafkaTopicProducer({ connection, clock });
  const overTcp = kafkaPartitionLog({ connection, topic, clock, telemetry });
  const key = Uint8Array.of(255, 0);
  const headers = [['trace', Uint8Array.of(200)] as const];
  const values = Array.from({ length: 40 }, (_, i) => Uint8Array.from({ length: 300 }, (_, j) => (i * j + j * j) & 255));
  values.push(new TextEncoder().encode('a text, and \uFFFD in it'));
  for (const [i, value] of values.entries()) {
    if (i % 2 === 0) await send(value);
    else await tcp.send({ topic, partition: 0, key, value, headers, timestampMs: undefined });
  }
  for (const either of [log, overTcp]) {
    const reader = await either.open(0, () => undefined);
    const records = await readFrom(reader, 0, values.length);
    expect(records.map(({ bytes, lost }) => [lost, ...bytes])).toEqual(values.map((value) => [undefined, ...value]));
  }
  expect(telemetry.render()).not.toMatch(/^metricstream_log_records_lost_total [1-9]/m);
  await tcp.close();
  await overTcp.close();
  await close();
});

test('records that the broker has let go of are counted, and the reader goes on with the oldest that is there', async () => {
  const { log, topic, telemetry, send, close } = await openLog();
  for (let i = 0; i < 10; i++) await send(Uint8Array.of(i));
  const early = await log.open(0, () => undefined);
  await lab.deleteBefore(topic, 0, 6);
  const late = await log.open(0, () => undefined);
  for (const reader of [late, early]) expect((await readFrom(reader, 2, 4)).map(({ offset }) => offset)).toEqual([6, 7, 8, 9]);
  expect(telemetry.render()).toContain('metricstream_log_records_lost_total 8');
  await close();
});

test('one that does not follow fetches what a look has found, and nothing between', async () => {
  const { log, send, close } = await openLog(false);
  const told: number[] = [];
  const reader = await log.open(0, () => told.push(reader.end()));
  await log.open(1, () => undefined);
  await send(Uint8Array.of(7));
  expect([reader.end(), await reader.read(0, 1_000)]).toEqual([0, []]);
  await log.look();
  expect([reader.end(), told]).toEqual([1, [1]]);
  expect(await reader.read(0, 1_000)).toMatchObject([{ offset: 0, bytes: Uint8Array.of(7) }]);
  expect(await reader.read(1, 1_000)).toEqual([]);
  await close();
});
