/** What every partition-log promises: what a producer was told is durable is read back whole and in order, from any offset, while more comes. */
import { describe, expect, test } from 'vitest';
import type { StoredRecord } from '../../../src/ports/metric-log.ts';
import type { PartitionLog, PartitionReader } from '../../../src/ports/partition-log.ts';
import type { TopicProducer } from '../../../src/ports/topic-producer.ts';

export interface OpenedPartitionLog {
  readonly log: PartitionLog;
  /** Appends to the log's topic. */
  readonly producer: TopicProducer;
  readonly topic: string;
  close(): Promise<void>;
}

const ALL = Number.MAX_SAFE_INTEGER;

/** Reads until all that is there, or `count` records, have come. */
export async function readFrom(reader: PartitionReader, offset: number, count: number, bytesMax = ALL): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for (let next = offset; all.length < count; ) {
    const records = await reader.read(next, bytesMax);
    all.push(...records);
    const last = records.at(-1);
    if (last === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    else next = last.offset + 1;
  }
  return all;
}

/** @param open gives an empty topic of two partitions. */
export function partitionLogContract(name: string, open: () => Promise<OpenedPartitionLog>): void {
  const within = async (body: (opened: OpenedPartitionLog) => Promise<void>): Promise<void> => {
    const opened = await open();
    try {
      await body(opened);
    } finally {
      await opened.close();
    }
  };
  const send = ({ producer, topic }: OpenedPartitionLog, partition: number, text: string): Promise<number> =>
    producer.send({
      topic,
      partition,
      key: undefined,
      value: new TextEncoder().encode(text),
      headers: [],
      timestampMs: Date.now(),
    });
  const texts = (records: readonly StoredRecord[]): string[] => records.map(({ bytes }) => new TextDecoder().decode(bytes));

  describe(`${name} as a partition-log`, () => {
    test('is empty at first, and ends where its last record does when it is opened', () =>
      within(async (opened) => {
        const empty = await opened.log.open(0, () => undefined);
        expect([empty.end(), await empty.read(0, ALL)]).toEqual([0, []]);
        empty.close();
        for (const text of ['a', 'b']) await send(opened, 0, text);
        const reader = await opened.log.open(0, () => undefined);
        expect(reader.end()).toBe(2);
        expect((await opened.log.open(1, () => undefined)).end()).toBe(0);
      }));

    test('gives every record of its partition, in order, with rising offsets and stamps that never fall', () =>
      within(async (opened) => {
        const offsets: number[] = [];
        for (let i = 0; i < 40; i++) {
          const offset = await send(opened, i % 2, `record ${i}`);
          if (i % 2 === 0) offsets.push(offset);
        }
        const reader = await opened.log.open(0, () => undefined);
        const records = await readFrom(reader, 0, 20);
        expect(texts(records)).toEqual(Array.from({ length: 20 }, (_, i) => `record ${i * 2}`));
        expect(records.map(({ offset, partition }) => [offset, partition])).toEqual(offsets.map((offset) => [offset, 0]));
        const stamps = records.map(({ appendMs }) => appendMs);
        expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
        expect(Math.abs((stamps[0] ?? 0) - Date.now())).toBeLessThan(60_000);
      }));

    test('reads on from any offset, in steps of about the bytes asked for, and again from before', () =>
      within(async (opened) => {
        for (let i = 0; i < 30; i++) await send(opened, 0, `record ${i}`);
        const reader = await opened.log.open(0, () => undefined);
        const from = async (offset: number, bytesMax: number) => texts(await readFrom(reader, offset, 30 - offset, bytesMax));
        const all = Array.from({ length: 30 }, (_, i) => `record ${i}`);
        expect(await from(17, 1)).toEqual(all.slice(17));
        expect(await from(0, 50)).toEqual(all);
        expect(await from(29, ALL)).toEqual(all.slice(29));
        expect(await from(5, 200)).toEqual(all.slice(5));
      }));

    test('tells when there is more, and gives what came after it was opened', () =>
      within(async (opened) => {
        let told = 0;
        const reader = await opened.log.open(0, () => (told += 1));
        expect(await reader.read(0, ALL)).toEqual([]);
        await send(opened, 0, 'later');
        expect(texts(await readFrom(reader, 0, 1))).toEqual(['later']);
        expect(reader.end()).toBe(1);
        expect(told).toBeGreaterThan(0);
      }));

    test('gives a record without a value as one without bytes', () =>
      within(async (opened) => {
        const { producer, topic, log } = opened;
        await producer.send({
          topic,
          partition: 0,
          key: Uint8Array.of(1),
          value: new Uint8Array(0),
          headers: [],
          timestampMs: Date.now(),
        });
        await send(opened, 0, 'x');
        const reader = await log.open(0, () => undefined);
        expect(texts(await readFrom(reader, 0, 2))).toEqual(['', 'x']);
      }));
  });
}
