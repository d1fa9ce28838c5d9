/** That a real broker keeps a batch once under the numbers that it is given, whatever becomes of its answers. */
import { afterEach, expect, test } from 'vitest';
import { batchedSends } from '../../src/adapters/kafka/batched-sends.ts';
import { idempotentSends, type ProduceAnswer } from '../../src/adapters/kafka/idempotent-sends.ts';
import type { NumberedBatch } from '../../src/adapters/kafka/produce-request.ts';
import { kafkaProducerCluster } from '../../src/adapters/kafka/producer-cluster.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { kafkaConnection, kafkaLab } from './kafka-lab.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Produce = (broker: number, batches: readonly NumberedBatch[], done: (answer: ProduceAnswer) => void) => void;

/** @param hinder what happens to a request on its way to the cluster and back. */
async function open(timeoutMs: number, hinder: (produce: Produce) => Produce) {
  const lab = kafkaLab();
  const clock = systemClock();
  const topic = await lab.createTopic(3);
  const cluster = kafkaProducerCluster(kafkaConnection());
  const produce = hinder((...request) => cluster.produce(...request));
  const hindered = {
    partitions: (name: string) => cluster.partitions(name),
    leader: (name: string, partition: number) => cluster.leader(name, partition),
    doubt: (names: Iterable<string>) => cluster.doubt(names),
    producer: () => cluster.producer(),
    produce,
  };
  const sends = batchedSends({ transport: idempotentSends(hindered, clock), clock, lingerMs: 0, timeoutMs });
  closing.push(
    () => sends.close(),
    () => cluster.close(),
    lab.close,
  );
  const send = (text: string, partition: number): Promise<number> =>
    sends.add({ topic, partition, key: undefined, value: Buffer.from(text), headers: [], timestampMs: undefined });
  const read = async (partition: number): Promise<string[]> =>
    (await lab.read(topic, partition)).map(({ value }) => String(value));
  return { send, read, bytes: () => sends.bytes };
}

test('batches whose answers are lost are kept once, in order, and confirmed where they stand', async () => {
  let requests = 0;
  const { send, read } = await open(60_000, (produce) => (broker, batches, done) => {
    requests += 1;
    const isLost = requests % 3 !== 0;
    produce(broker, batches, (answer) => done(isLost ? { kind: 'lost', cause: undefined } : answer));
  });
  const texts = Array.from({ length: 30 }, (_, i) => String(i));
  const offsets: Promise<number>[] = [];
  for (const text of texts) {
    offsets.push(...[0, 1, 2].map((partition) => send(text, partition)));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await Promise.all(offsets)).toEqual(texts.flatMap((_, i) => [i, i, i]));
  for (const partition of [0, 1, 2]) expect(await read(partition)).toEqual(texts);
});

test('a batch that was given up is not taken any more once the next has been kept', async () => {
  const held: (() => Promise<ProduceAnswer>)[] = [];
  let isHolding = true;
  const { send, read, bytes } = await open(400, (produce) => (broker, batches, done) => {
    if (!isHolding) produce(broker, batches, done);
    else {
      held.push(() => new Promise((resolve) => produce(broker, batches, resolve)));
      done({ kind: 'lost', cause: undefined });
    }
  });
  await expect(send('old', 0)).rejects.toMatchObject({ code: 'unavailable' });
  // Until the batch has ended, too.
  await expect.poll(bytes).toBe(0);
  isHolding = false;
  expect(await send('new', 0)).toBe(0);
  const late = await Promise.all(held.map((deliver) => deliver()));
  const INVALID_PRODUCER_EPOCH = 47;
  for (const answer of late) expect(answer).toMatchObject({ results: [{ errorCode: INVALID_PRODUCER_EPOCH }] });
  expect(await read(0)).toEqual(['new']);
});
