/** Kafka's record batch, version 2: records of one partition, compressed together, under the numbers by which a broker knows a repeat. */
import { compressionsAlgorithms, crc32c } from '@platformatic/kafka';
import type { TopicRecord } from '../../ports/topic-producer.ts';
import { ByteWriter } from '../../protocols/bytes.ts';

/*
 * batch  = baseOffset:i64 length:i32 leaderEpoch:i32 magic:i8 crc:u32 body     length counts from leaderEpoch on; crc is CRC-32C of body
 * body   = attributes:i16 lastOffsetDelta:i32 baseTimestamp:i64 maxTimestamp:i64 producerId:i64 producerEpoch:i16 baseSequence:i32
 *          count:i32 LZ4 frame of { record }
 * record = length:v attributes:i8 timestampDelta:v offsetDelta:v key value count:v { name value }     v: zigzag LEB128
 * key, value, name = length:v bytes; -1: there is none
 * https://kafka.apache.org/documentation/#recordbatch
 */
const MAGIC = 2;
const LENGTH_FROM = 12;
const CRC_AT = 17;
const BODY_AT = 21;
const HEAD_BYTES = 61;
const NO_LEADER_EPOCH = -1;

/** By these a broker knows a batch again: it keeps those of a producer and epoch in their sequence, each once. */
export interface BatchNumbers {
  readonly producerId: bigint;
  readonly epoch: number;
  /** Of the first record; the others follow on. */
  readonly sequence: number;
}

/** The sequence of what comes after so many records: behind the greatest comes 0. */
export function sequenceAfter(sequence: number, records: number): number {
  return (sequence + records) % SEQUENCES;
}

const SEQUENCES = 2 ** 31;

/** What of a batch stays as it is, however often it is sent. */
export interface CompressedRecords {
  readonly count: number;
  readonly timestampMsMin: number;
  readonly timestampMsMax: number;
  readonly frame: Uint8Array;
}

/** Compresses at least one record. @param nowMs the time of records that have none. */
export type RecordCompressor = (records: readonly TopicRecord[], nowMs: number) => CompressedRecords;

export function recordCompressor(): RecordCompressor {
  const writer = new ByteWriter(65_536);
  return (records, nowMs) => {
    let timestampMsMin = Number.MAX_SAFE_INTEGER;
    let timestampMsMax = 0;
    for (const { timestampMs = nowMs } of records) {
      // The smallest of all: differences from it are not negative, and doubles hold them.
      if (timestampMs < timestampMsMin) timestampMsMin = timestampMs;
      if (timestampMs > timestampMsMax) timestampMsMax = timestampMs;
    }
    writer.reset();
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as TopicRecord;
      writeRecord(writer, record, (record.timestampMs ?? nowMs) - timestampMsMin, i);
    }
    const { buffer, byteOffset, byteLength } = writer.written();
    const frame = compressionsAlgorithms.lz4.compressSync(Buffer.from(buffer, byteOffset, byteLength));
    return { count: records.length, timestampMsMin, timestampMsMax, frame };
  };
}

function writeRecord(writer: ByteWriter, record: TopicRecord, timestampDelta: number, offsetDelta: number): void {
  const { key, value, headers } = record;
  const names = headers.length === 0 ? NO_NAMES : headers.map(([name]) => ENCODER.encode(name));
  let length = 1 + sizeOf(timestampDelta) + sizeOf(offsetDelta) + sizeOf(headers.length) + sizeOf(value.length) + value.length;
  length += key === undefined ? 1 : sizeOf(key.length) + key.length;
  for (let i = 0; i < names.length; i++) {
    const [name, text] = [(names[i] as Uint8Array).length, (headers[i] as TopicRecord['headers'][number])[1].length];
    length += sizeOf(name) + name + sizeOf(text) + text;
  }
  writer.varint(length * 2);
  writer.u8(0);
  writer.varint(timestampDelta * 2);
  writer.varint(offsetDelta * 2);
  if (key === undefined) writer.u8(NONE);
  else writeBytes(writer, key);
  writeBytes(writer, value);
  writer.varint(headers.length * 2);
  for (let i = 0; i < names.length; i++) {
    writeBytes(writer, names[i] as Uint8Array);
    writeBytes(writer, (headers[i] as TopicRecord['headers'][number])[1]);
  }
}

const ENCODER = new TextEncoder();
const NO_NAMES: readonly Uint8Array[] = [];
/** -1 in zigzag. */
const NONE = 1;

function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writer.varint(bytes.length * 2);
  writer.raw(bytes);
}

/** Bytes of a number ≥ 0 in zigzag. */
function sizeOf(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x40; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

/** Bytes of a batch. */
export function batchSize({ frame }: CompressedRecords): number {
  return HEAD_BYTES + frame.length;
}

/** Writes a batch of batchSize bytes. */
export function writeBatch(target: Buffer, at: number, records: CompressedRecords, numbers: BatchNumbers): void {
  const end = at + batchSize(records);
  target.writeBigInt64BE(0n, at);
  target.writeInt32BE(end - at - LENGTH_FROM, at + 8);
  target.writeInt32BE(NO_LEADER_EPOCH, at + 12);
  target.writeInt8(MAGIC, at + 16);
  target.writeInt16BE(compressionsAlgorithms.lz4.bitmask, at + 21);
  target.writeInt32BE(records.count - 1, at + 23);
  target.writeBigInt64BE(BigInt(records.timestampMsMin), at + 27);
  target.writeBigInt64BE(BigInt(records.timestampMsMax), at + 35);
  target.writeBigInt64BE(numbers.producerId, at + 43);
  target.writeInt16BE(numbers.epoch, at + 51);
  target.writeInt32BE(numbers.sequence, at + 53);
  target.writeInt32BE(records.count, at + 57);
  target.set(records.frame, at + HEAD_BYTES);
  target.writeUInt32BE(crc32c(target.subarray(at + BODY_AT, end)), at + CRC_AT);
}
