/** What the bodies of the Kafka API say, checked: clients write JSON by hand too. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { PartitionOffset, TopicPartition } from '../ports/topic-reader.ts';

/*
 * produce   = message | [ message, ... ]
 * message   = { "topic", "value", "partition"?, "timestamp"? (ms), "key"?, "headers"?: [ { "key", "value" }, ... ] }
 * consume   = { "topic" | "topics", "timeout"? (ms) }
 * fetch     = { "topic", "partition", "offset", "topicPartitionOffsets"?: [ place, ... ], "timeout"? }
 * commit    = place | [ place, ... ] | nothing
 * committed, offsets = { "topic", "partition" } | [ { "topic", "partition" }, ... ]
 * https://upstash.com/docs/kafka/rest/restintro
 */

export interface ProduceMessage {
  readonly topic: string;
  readonly value: string;
  readonly partition: number | undefined;
  readonly timestampMs: number | undefined;
  readonly key: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Kafka's rule for topics, and ours for groups and instances, which stand in paths. */
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;

export function produceMessages(body: unknown): readonly ProduceMessage[] {
  return list(body, LIMITS.gatewayBatchMax, 'messages').map((one) => {
    const fields = fieldsOf(one);
    const { value, key, headers } = fields;
    if (typeof value !== 'string') throw wrong('value has to be a string: what is not, clients write as JSON');
    if (key !== undefined && key !== null && typeof key !== 'string') throw wrong('key has to be a string');
    return {
      topic: nameOf(fields.topic, 'topic'),
      value,
      key: key ?? undefined,
      partition: optional(fields.partition, 'partition'),
      timestampMs: optional(fields.timestamp, 'timestamp'),
      headers: headers === undefined || headers === null ? NO_HEADERS : headersOf(headers),
    };
  });
}

const NO_HEADERS: ProduceMessage['headers'] = [];

function headersOf(headers: unknown): ProduceMessage['headers'] {
  return list(headers, LIMITS.gatewayHeadersMax, 'headers').map((header) => {
    const { key, value } = fieldsOf(header);
    if (typeof key !== 'string' || typeof value !== 'string') throw wrong('a header has to have a key and a value, both strings');
    return [key, value];
  });
}

export interface ConsumeRequest {
  readonly topics: readonly string[];
  readonly waitMs: number;
}

export function consumeRequest(body: unknown): ConsumeRequest {
  const fields = fieldsOf(body);
  const { topic, topics } = fields;
  const given = [
    ...(topic === undefined ? [] : [topic]),
    ...(topics === undefined ? [] : list(topics, LIMITS.gatewayBatchMax, 'topics')),
  ];
  const names = [...new Set(given.map((name) => nameOf(name, 'topic')))].sort();
  if (names.length === 0) throw wrong('topic or topics has to be given');
  return { topics: names, waitMs: waitOf(fields.timeout) };
}

export interface FetchRequest {
  readonly from: readonly PartitionOffset[];
  readonly waitMs: number;
}

export function fetchRequest(body: unknown): FetchRequest {
  const fields = fieldsOf(body);
  const { topic, topicPartitionOffsets } = fields;
  const more = topicPartitionOffsets === undefined ? [] : placesWithOffset(topicPartitionOffsets);
  const from = topic === undefined ? more : [placeWithOffset(fields), ...more];
  if (from.length === 0) throw wrong('topic, partition and offset have to be given');
  const partitions = new Set(from.map((one) => `${one.topic}/${one.partition}`));
  if (partitions.size < from.length) throw wrong('a partition can be fetched from one offset only');
  return { from, waitMs: waitOf(fields.timeout) };
}

/** @returns undefined: what was consumed last. */
export function commitOffsets(body: unknown): readonly PartitionOffset[] | undefined {
  return body === undefined || body === null ? undefined : placesWithOffset(body);
}

export function topicPartitions(body: unknown): readonly TopicPartition[] {
  return list(body, LIMITS.gatewayBatchMax, 'partitions').map((one) => place(fieldsOf(one)));
}

/** A name in a path. @throws invalid_request */
export function nameOf(name: unknown, what: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  throw wrong(`${what} has to be a name of letters, digits, dot, underscore and hyphen, at most 249`);
}

function placesWithOffset(body: unknown): readonly PartitionOffset[] {
  return list(body, LIMITS.gatewayBatchMax, 'offsets').map((one) => placeWithOffset(fieldsOf(one)));
}

function placeWithOffset(fields: Fields): PartitionOffset {
  return { ...place(fields), offset: wholeOf(fields.offset, 'offset') };
}

function place(fields: Fields): TopicPartition {
  return { topic: nameOf(fields.topic, 'topic'), partition: wholeOf(fields.partition, 'partition') };
}

/** One stands for a list of one. @throws body_too_large */
function list(body: unknown, countMax: number, what: string): readonly unknown[] {
  const all: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (all.length > countMax) throw new MetricStreamError('body_too_large', `A request may have ${countMax} ${what}.`);
  return all;
}

function fieldsOf(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong('an object is expected');
}

function optional(value: unknown, what: string): number | undefined {
  return value === undefined || value === null ? undefined : wholeOf(value, what);
}

function wholeOf(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw wrong(`${what} has to be a whole number from 0`);
}

function waitOf(timeout: unknown): number {
  return Math.min(optional(timeout, 'timeout') ?? LIMITS.gatewayWaitMs, LIMITS.gatewayWaitMsMax);
}

function wrong(what: string): MetricStreamError {
  return new MetricStreamError('invalid_request', `${what[0]?.toUpperCase()}${what.slice(1)}.`);
}
