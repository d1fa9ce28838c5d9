/** The services are real: each gives back what it took, and of three Kafka brokers one may be killed or stand still. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InfluxDB, Point } from '@influxdata/influxdb-client';
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { createClient } from '@redis/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startKafka } from '../../scripts/services/kafka.ts';
import type { KafkaCluster, KafkaNode } from '../../scripts/services/kafka-cluster.ts';

const POLL_MS = 100;
/** A broker is given up after 3 s; retries go on for longer. */
const PATIENT = {
  retries: 60,
  retryDelay: 250,
  timeout: 5_000,
  connectTimeout: 2_000,
  metadataMaxAge: 1_000,
  requestTimeout: 5_000,
};

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: npm run test:services`);
  return value;
}

/** Values that a topic of one partition holds, from the first on. */
async function readTopic(brokers: string, topic: string, count: number): Promise<string[]> {
  const consumer = new Consumer({
    clientId: 'reader',
    groupId: randomUUID(),
    bootstrapBrokers: brokers.split(','),
    deserializers: stringDeserializers,
    ...PATIENT,
  });
  const values: string[] = [];
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  for await (const message of stream) {
    values.push(message.value);
    if (values.length === count) break;
  }
  await consumer.close(true);
  return values;
}

function producerFor(brokers: string): Producer<string, string, string, string> {
  const serializers = stringSerializers;
  return new Producer({
    clientId: 'writer',
    bootstrapBrokers: brokers.split(','),
    serializers,
    acks: -1,
    idempotent: true,
    ...PATIENT,
  });
}

test('Kafka gives records back in the order in which it took them', async () => {
  const brokers = given('KAFKA_BROKERS');
  const topic = `services-${randomUUID()}`;
  const admin = new Admin({ clientId: 'admin', bootstrapBrokers: brokers.split(',') });
  const producer = producerFor(brokers);
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
  const values = Array.from({ length: 100 }, (_, index) => `record ${index}`);
  await producer.send({ messages: values.map((value) => ({ topic, partition: 0, value })) });
  expect(await readTopic(brokers, topic, values.length)).toEqual(values);
  await admin.deleteTopics({ topics: [topic] });
  await Promise.all([producer.close(), admin.close()]);
});

test('Kafka has no topic that nobody made', async () => {
  const producer = new Producer({
    clientId: 'writer',
    bootstrapBrokers: given('KAFKA_BROKERS').split(','),
    serializers: stringSerializers,
    retries: 0,
    autocreateTopics: true,
  });
  await expect(producer.send({ messages: [{ topic: `services-${randomUUID()}`, value: 'a' }] })).rejects.toThrow();
  await producer.close();
});

test('Redis keeps what it is given, and runs scripts', async () => {
  const redis = createClient({ url: given('REDIS_URL') });
  const key = `services:${randomUUID()}`;
  await redis.connect();
  expect(await redis.set(key, 'kept', { expiration: { type: 'EX', value: 60 } })).toBe('OK');
  expect(await redis.get(key)).toBe('kept');
  expect(await redis.eval("return redis.call('strlen', KEYS[1])", { keys: [key] })).toBe(4);
  await redis.del(key);
  await redis.close();
});

test('InfluxDB stores points and answers queries, with our token and in our organisation', async () => {
  const [url, token, org] = ['INFLUX_URL', 'INFLUX_TOKEN', 'INFLUX_ORG'].map(given) as [string, string, string];
  const headers = { authorization: `Token ${token}`, 'content-type': 'application/json' };
  const { orgs } = (await (await fetch(`${url}/api/v2/orgs?org=${org}`, { headers })).json()) as { orgs: { id: string }[] };
  const bucket = `services-${randomUUID()}`;
  const made = await fetch(`${url}/api/v2/buckets`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ orgID: orgs[0]?.id, name: bucket, retentionRules: [] }),
  });
  expect(made.status).toBe(201);
  const { id } = (await made.json()) as { id: string };
  const influx = new InfluxDB({ url, token });
  const writer = influx.getWriteApi(org, bucket, 'ms');
  writer.writePoints([1, 2, 3].map((value) => new Point('cpu').tag('host', 'web-1').floatField('value', value).timestamp(value)));
  await writer.close();
  const query = `from(bucket: "${bucket}") |> range(start: 0) |> sum()`;
  const rows = await influx.getQueryApi(org).collectRows<{ readonly host: string; readonly _value: number }>(query);
  expect(rows.map((row) => [row.host, row._value])).toEqual([['web-1', 6]]);
  await fetch(`${url}/api/v2/buckets/${id}`, { method: 'DELETE', headers });
});

describe('of three Kafka brokers', () => {
  const dir = mkdtempSync(join(tmpdir(), 'metricstream-kafka-'));
  const topic = 'replicated';
  const acked: string[] = [];
  let kafka: KafkaCluster;

  /** The brokers that answer. A client that knows of another may wait for it: each is new, and told of these. */
  const answering = (silent?: KafkaNode): string =>
    kafka.nodes
      .filter((node) => node !== silent && node.pid !== undefined)
      .map(({ address }) => address)
      .join(',');
  const send = async (value: string, silent?: KafkaNode): Promise<void> => {
    const producer = producerFor(answering(silent));
    await producer.send({ messages: [{ topic, partition: 0, value }] });
    acked.push(value);
    await producer.close();
  };
  const partition = async (silent?: KafkaNode) => {
    const admin = new Admin({ clientId: 'admin', bootstrapBrokers: answering(silent).split(','), ...PATIENT });
    const { topics } = await admin.metadata({ topics: [topic] });
    await admin.close();
    return topics.get(topic)?.partitions[0];
  };
  const untilInSync = async (count: number): Promise<void> => {
    while ((await partition())?.isr.length !== count) await sleep(POLL_MS);
  };
  const untilLedByAnother = async (silent: KafkaNode): Promise<void> => {
    const isLed = (id = silent.id): boolean => id > 0 && id !== silent.id;
    while (!isLed((await partition(silent))?.leader)) await sleep(POLL_MS);
  };
  const leader = async (): Promise<KafkaNode> => {
    const id = (await partition())?.leader;
    const node = kafka.nodes.find((each) => each.id === id);
    if (node === undefined) throw new Error(`There is no broker ${id}.`);
    return node;
  };

  beforeAll(async () => {
    kafka = await startKafka({ dir, brokers: 3 });
    const admin = new Admin({ clientId: 'admin', bootstrapBrokers: kafka.brokers.split(','), ...PATIENT });
    await admin.createTopics({ topics: [topic], partitions: 1, replicas: 3 });
    await admin.close();
    await untilInSync(3);
  });

  afterAll(async () => {
    await kafka?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test('the leader may be killed: another leads, and it comes back with all that was acknowledged', async () => {
    await send('before');
    const killed = await leader();
    await killed.kill('SIGKILL');
    expect(killed.pid).toBeUndefined();
    await untilLedByAnother(killed);
    await send('while it is gone');
    await killed.start();
    expect(killed.pid).toBeGreaterThan(0);
    await untilInSync(3);
    expect(await readTopic(kafka.brokers, topic, acked.length)).toEqual(acked);
  });

  test('the leader may stand still: another leads, and it goes on with all that was acknowledged', async () => {
    const stopped = await leader();
    await stopped.kill('SIGSTOP');
    await untilLedByAnother(stopped);
    await send('while it stands still', stopped);
    await stopped.kill('SIGCONT');
    await untilInSync(3);
    expect(await readTopic(kafka.brokers, topic, acked.length)).toEqual(acked);
  });
});
