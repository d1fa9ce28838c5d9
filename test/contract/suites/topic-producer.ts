/** What every topic-producer promises: a record that it confirms is kept once, in the order of the calls, and what is not is told apart. */
import { describe, expect, test } from 'vitest';
import type { TopicProducer, TopicRecord } from '../../../src/ports/topic-producer.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Larger than what a topic of the suite takes, and no smaller when it is compressed. */
const TOO_LARGE = noise(50_000);

function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return state >>> 24;
  });
}

export interface OpenedTopic {
  readonly producer: TopicProducer;
  /** A fresh topic of three partitions, which takes records of up to 20,000 bytes. */
  readonly topic: string;
  /** All that a partition holds, in order of offsets. */
  read(partition: number): Promise<readonly TopicRecord[]>;
}

/** A host's own kind of bytes is as good as a Uint8Array. */
function plain(records: readonly TopicRecord[]): unknown[] {
  return records.map(({ key, value, headers }) => ({
    key: key === undefined ? undefined : [...key],
    value: [...value],
    headers: headers.map(([name, text]) => [name, [...text]]),
  }));
}

/** @param open gives a topic with nothing in it, and closes it behind the test. */
export function topicProducerContract(name: string, open: () => Promise<OpenedTopic>): void {
  const recordOf = (topic: string, partition: number, text: string): TopicRecord => ({
    topic,
    partition,
    key: undefined,
    value: bytesOf(text),
    headers: [],
    timestampMs: undefined,
  });

  describe(`${name} as a topic-producer`, () => {
    test('keeps every record once, in the order of the calls, and says where', async () => {
      const { producer, topic, read } = await open();
      const calls = Array.from({ length: 3_000 }, (_, i) => recordOf(topic, (i * i) % 3, `record ${i}`));
      const offsets = await Promise.all(calls.map((record) => producer.send(record)));
      for (const partition of [0, 1, 2]) {
        const own = calls.filter((record) => record.partition === partition);
        expect(offsets.filter((_, i) => calls[i]?.partition === partition)).toEqual(own.map((_, i) => i));
        expect(plain(await read(partition))).toEqual(plain(own));
      }
    });

    test('keeps key, value, headers and time as they are', async () => {
      const { producer, topic, read } = await open();
      const headers = [
        ['trace', bytesOf('1')],
        ['', new Uint8Array([0, 255])],
        ['trace', bytesOf('2')],
      ] as const;
      const records: TopicRecord[] = [
        { ...recordOf(topic, 1, 'a'), key: bytesOf('k'), headers, timestampMs: 1_767_225_600_123 },
        { ...recordOf(topic, 1, ''), key: new Uint8Array(0), timestampMs: 1_767_225_600_122 },
        { ...recordOf(topic, 1, 'no key'), value: new Uint8Array([0, 128, 255]), timestampMs: 1_767_225_600_124 },
      ];
      await Promise.all(records.map((record) => producer.send(record)));
      const kept = await read(1);
      expect(plain(kept)).toEqual(plain(records));
      expect(kept.map(({ timestampMs }) => timestampMs)).toEqual(records.map(({ timestampMs }) => timestampMs));
    });

    test('goes on where it was, batch after batch', async () => {
      const { producer, topic } = await open();
      for (let i = 0; i < 20; i++) expect(await producer.send(recordOf(topic, 0, String(i)))).toBe(i);
    });

    test('refuses a topic and a partition that are not there, and goes on with those that are', async () => {
      const { producer, topic, read } = await open();
      const answers = await Promise.allSettled([
        producer.send(recordOf(topic, 2, 'a')),
        producer.send(recordOf(topic, 3, 'b')),
        producer.send(recordOf(`${topic}-missing`, 0, 'c')),
        producer.send(recordOf(topic, -1, 'd')),
        producer.send(recordOf(topic, 0.5, 'e')),
        producer.send(recordOf(topic, 2, 'f')),
      ]);
      const said = answers.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as { code: string }).code));
      expect(said).toEqual([0, 'invalid_request', 'invalid_request', 'invalid_request', 'invalid_request', 1]);
      expect(plain(await read(2))).toEqual(plain([recordOf(topic, 2, 'a'), recordOf(topic, 2, 'f')]));
    });

    test('refuses a record that is too large for its topic, and keeps those around it in order', async () => {
      const { producer, topic, read } = await open();
      const records = Array.from({ length: 9 }, (_, i) => recordOf(topic, 0, String(i)));
      const mixed = [...records.slice(0, 4), { ...recordOf(topic, 0, ''), value: TOO_LARGE }, ...records.slice(4)];
      const answers = await Promise.allSettled(mixed.map((record) => producer.send(record)));
      expect(answers.map((one) => one.status)).toEqual(
        mixed.map(({ value }) => (value === TOO_LARGE ? 'rejected' : 'fulfilled')),
      );
      expect((answers[4] as PromiseRejectedResult).reason).toMatchObject({ code: 'invalid_request' });
      expect(plain(await read(0))).toEqual(plain(records));
    });

    test('sends what waits when it is closed, and takes nothing afterwards', async () => {
      const { producer, topic, read } = await open();
      const sent = Array.from({ length: 50 }, (_, i) => producer.send(recordOf(topic, i % 3, String(i))));
      await producer.close();
      expect((await Promise.all(sent)).length).toBe(50);
      expect((await read(0)).length).toBe(17);
      const late = producer.send(recordOf(topic, 0, 'late'));
      await expect(late).rejects.toMatchObject({ code: 'unavailable' });
      expect((await read(0)).length).toBe(17);
    });
  });
}
