/** Kafka's Produce request for batches of several partitions, and its response, which tells of each partition by itself. */
import type { Reader } from '@platformatic/kafka';
import { type BatchNumbers, batchSize, type CompressedRecords, writeBatch } from './record-batch.ts';

/*
 * Version 7: all brokers since 2.1 take it, and nothing that came later is needed.
 * request  = transactionalId:string(none) acks:i16 timeout:i32 n:i32 { topic:string n:i32 { partition:i32 length:i32 batch } }
 * response = n:i32 { topic:string n:i32 { partition:i32 errorCode:i16 baseOffset:i64 logAppendTime:i64 logStartOffset:i64 } } throttle:i32
 * string   = length:i16 UTF-8; -1: there is none
 */
export const PRODUCE = { key: 0, version: 7 } as const;

/** All in-sync replicas. */
const ACKS_ALL = -1;
const NONE = -1;

export interface NumberedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly numbers: BatchNumbers;
  readonly records: CompressedRecords;
}

/** What a broker says of one partition. */
export interface ProduceResult {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: number;
}

/** @param ackMs how long the broker may wait for its replicas. */
export function produceRequest(batches: readonly NumberedBatch[], ackMs: number): Buffer {
  const topics = [...Map.groupBy(batches, ({ topic }) => topic)].map(([topic, own]) => ({ name: Buffer.from(topic), own }));
  let size = 12;
  for (const { name, own } of topics) {
    size += 2 + name.length + 4;
    for (const { records } of own) size += 8 + batchSize(records);
  }
  const request = Buffer.allocUnsafe(size);
  let at = request.writeInt16BE(NONE, 0);
  at = request.writeInt16BE(ACKS_ALL, at);
  at = request.writeInt32BE(ackMs, at);
  at = request.writeInt32BE(topics.length, at);
  for (const { name, own } of topics) {
    at = request.writeInt16BE(name.length, at);
    request.set(name, at);
    at = request.writeInt32BE(own.length, at + name.length);
    for (const { partition, records, numbers } of own) {
      const bytes = batchSize(records);
      at = request.writeInt32BE(partition, at);
      at = request.writeInt32BE(bytes, at);
      writeBatch(request, at, records, numbers);
      at += bytes;
    }
  }
  return request;
}

export function readProduceResponse(reader: Reader): readonly ProduceResult[] {
  const results: ProduceResult[] = [];
  for (let topics = reader.readInt32(); topics > 0; topics--) {
    const topic = reader.readString(false);
    for (let partitions = reader.readInt32(); partitions > 0; partitions--) {
      const partition = reader.readInt32();
      const errorCode = reader.readInt16();
      const baseOffset = Number(reader.readInt64());
      reader.skip(LOG_TIME_AND_START_BYTES);
      results.push({ topic, partition, errorCode, baseOffset });
    }
  }
  return results;
}

const LOG_TIME_AND_START_BYTES = 16;
