/** What every topic-reader promises: by offset it gives what a partition holds, in order, and waits no longer than it is told. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import type { TopicProducer, TopicRecord } from '../../../src/ports/topic-producer.ts';
import type { TopicMessage, TopicReader } from '../../../src/ports/topic-reader.ts';

export interface OpenedTopics {
  readonly reader: TopicReader;
  readonly producer: TopicProducer;
  /** A fresh topic of three partitions. */
  readonly topic: string;
}

const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);
const textsOf = (messages: readonly TopicMessage[]) => messages.map(({ value }) => textOf(value));

/** @param open gives a topic with nothing in it, and closes it behind the test. */
export function topicReaderContract(name: string, open: () => Promise<OpenedTopics>): void {
  const recordOf = (topic: string, partition: number, text: string, timestampMs?: number): TopicRecord => ({
    topic,
    partition,
    key: undefined,
    value: new TextEncoder().encode(text),
    headers: [],
    timestampMs,
  });

  describe(`${name} as a topic-reader`, () => {
    test('knows the topics and their partitions', async () => {
      const { reader, topic } = await open();
      const topics = await reader.topics();
      expect(topics.get(topic)).toBe(3);
      expect([...topics.keys()].filter((one) => one.startsWith('__'))).toEqual([]);
    });

    test('gives what lies at an offset and behind it, in order and as it was sent', async () => {
      const { reader, producer, topic } = await open();
      const record: TopicRecord = {
        ...recordOf(topic, 1, 'b', 1_767_225_600_123),
        key: new TextEncoder().encode('k'),
        headers: [
          ['h', new Uint8Array([1])],
          ['h', new Uint8Array([2])],
        ],
      };
      await Promise.all([recordOf(topic, 1, 'a'), record, recordOf(topic, 1, 'c'), recordOf(topic, 0, 'x')].map(producer.send));
      const fetched = await reader.fetch([{ topic, partition: 1, offset: 1 }], 0);
      expect(textsOf(fetched)).toEqual(['b', 'c']);
      const [first] = fetched;
      expect(first).toMatchObject({ topic, partition: 1, offset: 1, timestampMs: 1_767_225_600_123 });
      expect([textOf(first?.key), fetched[1]?.key]).toEqual(['k', undefined]);
      expect(first?.headers.map(([key, value]) => [key, ...value])).toEqual([
        ['h', 1],
        ['h', 2],
      ]);
      const both = await reader.fetch(
        [0, 1].map((partition) => ({ topic, partition, offset: 0 })),
        0,
      );
      expect(textsOf(both)).toEqual(['x', 'a', 'b', 'c']);
    });

    test('gives no more than its bound, and goes on from there', async () => {
      const { reader, producer, topic } = await open();
      const count = LIMITS.fetchRecordsMax + 10;
      await Promise.all(Array.from({ length: count }, (_, i) => producer.send(recordOf(topic, 2, String(i)))));
      const first = await reader.fetch([{ topic, partition: 2, offset: 0 }], 0);
      expect(first.length).toBe(LIMITS.fetchRecordsMax);
      const rest = await reader.fetch([{ topic, partition: 2, offset: (first.at(-1)?.offset ?? 0) + 1 }], 0);
      expect(textsOf([...first, ...rest])).toEqual(Array.from({ length: count }, (_, i) => String(i)));
    });

    test('waits for the first record, and for nothing no longer than it is told', async () => {
      const { reader, producer, topic } = await open();
      expect(await reader.fetch([{ topic, partition: 0, offset: 0 }], 50)).toEqual([]);
      const waiting = reader.fetch([{ topic, partition: 0, offset: 0 }], 20_000);
      await producer.send(recordOf(topic, 0, 'late'));
      expect(textsOf(await waiting)).toEqual(['late']);
    });

    test('says where a partition begins, ends, and where a time is', async () => {
      const { reader, producer, topic } = await open();
      await Promise.all([1_000, 2_000, 3_000].map((ms) => producer.send(recordOf(topic, 0, String(ms), ms))));
      const places = [0, 1].map((partition) => ({ topic, partition }));
      const at = async (from: 'earliest' | 'latest' | number) => (await reader.offsets(from, places)).map(({ offset }) => offset);
      expect([await at('earliest'), await at('latest')]).toEqual([
        [0, 0],
        [3, 0],
      ]);
      expect([await at(1_500), await at(2_000), await at(9_000)]).toEqual([
        [1, 0],
        [1, 0],
        [3, 0],
      ]);
    });

    test('refuses topics, partitions and offsets that are not there', async () => {
      const { reader, topic } = await open();
      const missing = `${topic}-missing`;
      for (const ask of [
        () => reader.fetch([{ topic: missing, partition: 0, offset: 0 }], 0),
        () => reader.fetch([{ topic, partition: 3, offset: 0 }], 0),
        () => reader.fetch([{ topic, partition: 0, offset: 5 }], 0),
        () => reader.offsets('latest', [{ topic, partition: 3 }]),
        () => reader.offsets('latest', [{ topic: missing, partition: 0 }]),
      ]) {
        await expect(ask()).rejects.toMatchObject({ code: 'invalid_request' });
      }
    });
  });
}
