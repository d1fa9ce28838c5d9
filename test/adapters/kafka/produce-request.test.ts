/** What goes over the wire is what Kafka's protocol says: read back by the library, and its answers by ours. */
import { Reader, Writer } from '@platformatic/kafka';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type NumberedBatch, produceRequest, readProduceResponse } from '../../../src/adapters/kafka/produce-request.ts';
import { recordCompressor, sequenceAfter } from '../../../src/adapters/kafka/record-batch.ts';
import type { TopicRecord } from '../../../src/ports/topic-producer.ts';
import { readProduceRequest } from './read-produce-request.ts';

const NOW_MS = 1_767_225_600_000;

const bytes = fc.uint8Array({ maxLength: 300 });
const record = fc.record({
  topic: fc.constant('t'),
  partition: fc.constant(0),
  key: fc.option(bytes, { nil: undefined }),
  value: bytes,
  headers: fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 80 }), bytes), { maxLength: 3 }),
  timestampMs: fc.option(fc.maxSafeNat(), { nil: undefined }),
});

function batchOf(records: readonly TopicRecord[], topic = 't', partition = 0): NumberedBatch {
  const numbers = { producerId: 2n ** 40n, epoch: 32_767, sequence: 2 ** 31 - 1 };
  return { topic, partition, numbers, records: recordCompressor()(records, NOW_MS) };
}

describe('a batch', () => {
  test('holds its records as they are, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        const { batch } = readProduceRequest(produceRequest([batchOf(records)], 3_000)).parts[0] ?? {};
        const read = batch?.records.map(({ key, value, headers, timestampDelta, offsetDelta }) => ({
          key: key === null ? undefined : [...key],
          value: [...(value ?? [])],
          headers: headers.map(([name, text]) => [name?.toString(), [...(text ?? [])]]),
          timestampMs: Number(batch.firstTimestamp + timestampDelta),
          offsetDelta,
        }));
        expect(read).toEqual(
          records.map(({ key, value, headers, timestampMs = NOW_MS }, offsetDelta) => ({
            key: key && [...key],
            value: [...value],
            headers: headers.map(([name, text]) => [name, [...text]]),
            timestampMs,
            offsetDelta,
          })),
        );
        expect(batch?.maxTimestamp).toBe(BigInt(Math.max(...records.map(({ timestampMs = NOW_MS }) => timestampMs))));
      }),
    );
  });

  test('bears the numbers of its producer, and is one batch of the version that brokers keep, compressed', () => {
    const { batch } = readProduceRequest(produceRequest([batchOf([{ ...EMPTY }, { ...EMPTY }])], 3_000)).parts[0] ?? {};
    expect(batch).toMatchObject({ magic: 2, attributes: 3, firstOffset: 0n, lastOffsetDelta: 1, partitionLeaderEpoch: -1 });
    expect(batch).toMatchObject({ producerId: 2n ** 40n, producerEpoch: 32_767, firstSequence: 2 ** 31 - 1 });
  });

  test('is followed by sequences that begin anew behind the greatest', () => {
    expect([sequenceAfter(0, 5), sequenceAfter(2 ** 31 - 1, 1), sequenceAfter(2 ** 31 - 3, 5)]).toEqual([5, 0, 2]);
  });
});

const EMPTY: TopicRecord = { topic: 't', partition: 0, key: undefined, value: new Uint8Array(0), headers: [], timestampMs: 1 };

test('a request names each topic once, with all its partitions, and is acknowledged by all replicas', () => {
  const places = [
    ['a', 3],
    ['b', 0],
    ['a', 1],
  ] as const;
  const request = produceRequest(
    places.map(([topic, partition]) => batchOf([EMPTY], topic, partition)),
    3_000,
  );
  const { acks, ackMs, parts } = readProduceRequest(request);
  expect([acks, ackMs]).toEqual([-1, 3_000]);
  expect(parts.map(({ topic, partition }) => [topic, partition])).toEqual([
    ['a', 3],
    ['a', 1],
    ['b', 0],
  ]);
});

test('a response tells of each partition by itself', () => {
  const writer = Writer.create();
  const answers = [
    { topic: 'a', partition: 3, errorCode: 0, baseOffset: 7 },
    { topic: 'a', partition: 1, errorCode: 6, baseOffset: -1 },
    { topic: 'ü', partition: 0, errorCode: 0, baseOffset: 2 ** 40 },
  ];
  writer.appendInt32(2).appendString('a', false).appendInt32(2);
  for (const { topic, partition, errorCode, baseOffset } of answers) {
    if (topic === 'ü') writer.appendString(topic, false).appendInt32(1);
    writer.appendInt32(partition).appendInt16(errorCode).appendInt64(BigInt(baseOffset)).appendInt64(5n).appendInt64(0n);
  }
  expect(readProduceResponse(Reader.from(writer.appendInt32(0)))).toEqual(answers);
});
