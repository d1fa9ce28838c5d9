/** Checkpoints in a compacted Kafka topic: in parts, into two slots by turns, the header last. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { CheckpointLog, SavedCheckpoint } from '../../ports/checkpoint-log.ts';
import type { PartitionLog } from '../../ports/partition-log.ts';
import type { TopicProducer } from '../../ports/topic-producer.ts';
import { ByteReader, ByteWriter } from '../../protocols/bytes.ts';

/*
 * The checkpoints of partition p lie in partition p of their topic. Compaction keeps the newest record of a key.
 * key    = generation "/" slot "/" place | generation "/header"      of UTF-8
 * record = version:u8 type:u8 generation:f64 position:f64 slot:u8 ( part | header )      version 1; type 0 part, 1 header
 * part   = place:varint bytes:block
 * header = safeOffset:f64 parts:varint bytes:varint
 */
const VERSION = 1;
const TYPE_PART = 0;
const TYPE_HEADER = 1;
const SLOTS = 2;
const NOTHING = new Uint8Array(0);

export interface KafkaCheckpointLogOptions {
  /** Of the checkpoints' topic. */
  readonly log: PartitionLog;
  readonly producer: TopicProducer;
  readonly topic: string;
}

interface Header {
  readonly generation: number;
  readonly position: number;
  readonly slot: number;
  readonly safeOffset: number;
  readonly parts: number;
  readonly bytes: number;
}

/** What is there of a partition; a part says which position it belongs to. */
interface Found {
  readonly headers: Map<number, Header>;
  readonly parts: Map<string, { readonly position: number; readonly bytes: Uint8Array }>;
}

export function kafkaCheckpointLog({ log, producer, topic }: KafkaCheckpointLogOptions): CheckpointLog {
  const encoder = new TextEncoder();
  /** Per partition: what of it lies in the topic, so that older generations can be deleted and slots take turns. */
  const known = new Map<number, { generations: Map<number, readonly string[]>; slot: number }>();

  const send = async (partition: number, key: string, value: Uint8Array): Promise<void> => {
    await producer.send({ topic, partition, key: encoder.encode(key), value, headers: [], timestampMs: undefined });
  };
  return {
    async load(partition) {
      const found = await readAll(log, partition);
      const headers = [...found.headers.values()].sort((a, b) => b.generation - a.generation || b.position - a.position);
      const generations = new Map<number, readonly string[]>();
      for (const generation of found.headers.keys()) generations.set(generation, [headerKey(generation)]);
      for (const key of found.parts.keys()) {
        const generation = Number(key.split('/')[0]);
        generations.set(generation, [...(generations.get(generation) ?? []), key]);
      }
      const [newest] = headers;
      known.set(partition, { generations, slot: newest?.slot ?? 0 });
      return newest === undefined ? undefined : assemble(partition, newest, found);
    },
    async save({ checkpoint, generation }) {
      const { partition, position, safeOffset, state } = checkpoint;
      const held = known.get(partition) ?? { generations: new Map<number, readonly string[]>(), slot: 0 };
      known.set(partition, held);
      const slot = (held.slot + 1) % SLOTS;
      const parts = Math.ceil(state.length / LIMITS.checkpointPartBytesMax);
      const keys = Array.from({ length: parts }, (_, place) => partKey(generation, slot, place));
      await Promise.all(
        keys.map((key, place) => {
          const from = place * LIMITS.checkpointPartBytesMax;
          const bytes = state.subarray(from, from + LIMITS.checkpointPartBytesMax);
          return send(partition, key, encodePart({ generation, position, slot }, place, bytes));
        }),
      );
      const header = { generation, position, slot, safeOffset, parts, bytes: state.length };
      await send(partition, headerKey(generation), encodeHeader(header));
      held.slot = slot;
      const own = new Set([...(held.generations.get(generation) ?? []), ...keys, headerKey(generation)]);
      const older = [...held.generations].filter(([one]) => one < generation);
      held.generations.set(generation, [...own]);
      // What older owners left is of no use now that there is a checkpoint of this one. Nobody waits for it.
      for (const [one, left] of older) {
        held.generations.delete(one);
        for (const key of left) void send(partition, key, NOTHING).catch(() => undefined);
      }
    },
  };
}

function headerKey(generation: number): string {
  return `${generation}/header`;
}

function partKey(generation: number, slot: number, place: number): string {
  return `${generation}/${slot}/${place}`;
}

type Stamp = Pick<Header, 'generation' | 'position' | 'slot'>;

function begin(writer: ByteWriter, type: number, { generation, position, slot }: Stamp): void {
  writer.u8(VERSION);
  writer.u8(type);
  writer.f64(generation);
  writer.f64(position);
  writer.u8(slot);
}

function encodePart(stamp: Stamp, place: number, bytes: Uint8Array): Uint8Array {
  const writer = new ByteWriter(bytes.length + 64);
  begin(writer, TYPE_PART, stamp);
  writer.varint(place);
  writer.block(bytes);
  return writer.copy();
}

function encodeHeader(header: Header): Uint8Array {
  const writer = new ByteWriter(64);
  begin(writer, TYPE_HEADER, header);
  writer.f64(header.safeOffset);
  writer.varint(header.parts);
  writer.varint(header.bytes);
  return writer.copy();
}

/** @throws corrupt_data | schema_newer | unavailable */
async function readAll(log: PartitionLog, partition: number): Promise<Found> {
  const found: Found = { headers: new Map(), parts: new Map() };
  const reader = await log.open(partition, () => undefined);
  try {
    const end = reader.end();
    for (let from = 0; from < end; ) {
      const records = await reader.read(from, LIMITS.readBatchBytesMax);
      const last = records.at(-1);
      if (last === undefined) throw new MetricStreamError('unavailable', 'The checkpoints could not be read to their end.');
      for (const { bytes } of records) take(found, bytes);
      from = last.offset + 1;
    }
    return found;
  } finally {
    reader.close();
  }
}

function take(found: Found, bytes: Uint8Array): void {
  // A deleted key, which has yet to be compacted away: its generation has a lower number than the newest.
  if (bytes.length === 0) return;
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION)
    throw new MetricStreamError('schema_newer', `A checkpoint record has version ${version}; this reads ${VERSION}.`);
  const type = reader.u8();
  const generation = reader.f64();
  const position = reader.f64();
  const slot = reader.u8();
  if (type === TYPE_PART) {
    const place = reader.varint();
    found.parts.set(partKey(generation, slot, place), { position, bytes: reader.block() });
  } else {
    const header = { generation, position, slot, safeOffset: reader.f64(), parts: reader.varint(), bytes: reader.varint() };
    found.headers.set(generation, header);
  }
}

function assemble(
  partition: number,
  { generation, position, slot, safeOffset, parts, bytes }: Header,
  found: Found,
): SavedCheckpoint {
  const state = new Uint8Array(bytes);
  let at = 0;
  for (let place = 0; place < parts; place++) {
    const part = found.parts.get(partKey(generation, slot, place));
    if (part?.position !== position || at + part.bytes.length > bytes)
      throw new MetricStreamError('corrupt_data', `The checkpoint of partition ${partition} has lost a part.`);
    state.set(part.bytes, at);
    at += part.bytes.length;
  }
  if (at !== bytes) throw new MetricStreamError('corrupt_data', `The checkpoint of partition ${partition} has lost bytes.`);
  return { checkpoint: { partition, position, safeOffset, state }, generation };
}
