/** Reads what a producer sends, with the client library's own reader of batches. */
import { crc32c, Reader, readRecordsBatch } from '@platformatic/kafka';

export interface ReadPart {
  readonly topic: string;
  readonly partition: number;
  readonly batch: ReturnType<typeof readRecordsBatch>;
}

export interface ReadRequest {
  readonly acks: number;
  readonly ackMs: number;
  readonly parts: readonly ReadPart[];
}

/** Where the checksum of a batch stands, and where what it covers begins. */
const CRC_AT = 17;
const BODY_AT = 21;

/** @throws where a length or a checksum is wrong. */
export function readProduceRequest(request: Buffer): ReadRequest {
  const reader = Reader.from(request);
  if (reader.readNullableString(false) !== null) throw new Error('a transactional id');
  const acks = reader.readInt16();
  const ackMs = reader.readInt32();
  const parts: ReadPart[] = [];
  for (let topics = reader.readInt32(); topics > 0; topics--) {
    const topic = reader.readString(false);
    for (let partitions = reader.readInt32(); partitions > 0; partitions--) {
      const partition = reader.readInt32();
      const bytes = reader.readInt32();
      const at = reader.position;
      const body = request.subarray(at + BODY_AT, at + bytes);
      if (request.readUInt32BE(at + CRC_AT) !== crc32c(body)) throw new Error('a wrong checksum');
      parts.push({ topic, partition, batch: readRecordsBatch(reader) });
      if (reader.position !== at + bytes) throw new Error('a wrong length');
    }
  }
  if (reader.remaining !== 0) throw new Error('bytes behind the end');
  return { acks, ackMs, parts };
}
