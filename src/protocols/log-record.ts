/** The record that the log keeps: one push of one client, a tick, or what alert rules are told. */

import type { AlertControl } from '../model/alert.ts';
import { CATALOGUE, catalogueNumber } from '../model/catalogue.ts';
import { MetricStreamError, REJECT_REASONS, type RejectReason } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { murmur2 } from '../model/partition.ts';
import type { Push, PushId } from '../model/push.ts';
import { createSeries, createShape, type Series, type Shape } from '../model/series.ts';
import { ByteReader, ByteWriter } from './bytes.ts';

/*
 * record  = version:u8 type:u8 ( push | nothing | control ) version 1; type 0 push, 1 tick, 2 control
 * control = text                                            AlertControl as JSON: few, and not on the hot path
 * push    = flags:varint tenant:text client:text arrival:f64 hash:u32 correlation:text
 *           [sent:f64] [boot:text sequence:f64] [boot:text count:f64] [traceparent:text] [datacenter:text] [environment:text]
 *           [ n:varint ( reason:u8 count:varint ){n} ]       what the edge refused
 *           shape:block times values:f64{series}
 * times   = ms:f64 [ns:u32]                                 all samples share one time
 *         | ms:f64{series} [ns:u32{series}]                 flag `own`
 * shape   = n:varint series{n}
 * series  = known:varint                                    0: name:text follows; else catalogue number + 1
 *           meta:u8                                         bit 0 counter, bit 1 unit:text follows, bit 2 neither is the catalogue's
 *           [unit:text] n:varint ( key:text value:text ){n}
 * text    = block of UTF-8;  block = length:varint bytes;  all numbers little-endian
 */
const VERSION = 1;
const TYPE_PUSH = 0;
const TYPE_TICK = 1;
const TYPE_CONTROL = 2;
const FLAG = {
  sent: 1,
  pushId: 2,
  previous: 4,
  traceparent: 8,
  datacenter: 16,
  environment: 32,
  own: 64,
  ns: 128,
  rejected: 256,
  stamped: 512,
} as const;
const META_COUNTER = 1;
const META_UNIT = 2;
const META_OWN = 4;

export type LogEntry =
  | { readonly type: 'push'; readonly push: Push }
  | { readonly type: 'tick' }
  | { readonly type: 'control'; readonly control: AlertControl };

export interface ShapeInterner {
  /** The one shape of these series; equal lists give the same object while it is remembered. */
  intern(series: readonly Series[]): Shape;
  /** The same from encoded bytes. @throws corrupt_data */
  internBytes(bytes: Uint8Array): Shape;
}

/** Bounded by count and bytes: when full it forgets everything, which costs only work. */
export function shapeInterner(): ShapeInterner {
  const writer = new ByteWriter(4096);
  let byHash = new Map<number, Shape[]>();
  let count = 0;
  let bytesHeld = 0;

  const find = (bytes: Uint8Array, hash: number): Shape | undefined =>
    byHash.get(hash)?.find((shape) => equalBytes(shape.bytes, bytes));
  const remember = (shape: Shape, hash: number): Shape => {
    if (count >= LIMITS.shapesMax || bytesHeld >= LIMITS.shapeBytesMax) {
      byHash = new Map();
      count = 0;
      bytesHeld = 0;
    }
    count += 1;
    bytesHeld += shape.bytes.length;
    const chain = byHash.get(hash);
    if (chain === undefined) byHash.set(hash, [shape]);
    else chain.push(shape);
    return shape;
  };
  return {
    intern(series) {
      writer.reset();
      encodeShape(writer, series);
      const bytes = writer.copy();
      const hash = murmur2(bytes);
      return find(bytes, hash) ?? remember(createShape([...series], bytes), hash);
    },
    internBytes(bytes) {
      const hash = murmur2(bytes);
      // A copy: a view would keep the whole batch in memory.
      return find(bytes, hash) ?? remember(createShape(decodeShape(bytes), new Uint8Array(bytes)), hash);
    },
  };
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The encoding of a list of series, for one that need not be interned. */
export function shapeBytes(series: readonly Series[]): Uint8Array {
  const writer = new ByteWriter(1024);
  encodeShape(writer, series);
  return writer.copy();
}

function encodeShape(writer: ByteWriter, series: readonly Series[]): void {
  writer.varint(series.length);
  for (const { name, labels, unit, kind } of series) {
    const number = catalogueNumber(name);
    const known = CATALOGUE[number];
    writer.varint(number + 1);
    if (known === undefined) writer.text(name);
    if (known?.unit === unit && known.kind === kind) {
      writer.u8(0);
    } else {
      writer.u8(META_OWN | (kind === 'counter' ? META_COUNTER : 0) | (unit === '' ? 0 : META_UNIT));
      if (unit !== '') writer.text(unit);
    }
    writer.varint(labels.length);
    for (const [key, value] of labels) {
      writer.text(key);
      writer.text(value);
    }
  }
}

function decodeShape(bytes: Uint8Array): Series[] {
  const reader = new ByteReader(bytes);
  const series: Series[] = [];
  for (let left = reader.count(3); left > 0; left--) {
    const number = reader.varint();
    const known = CATALOGUE[number - 1];
    if (number > 0 && known === undefined) throw new MetricStreamError('corrupt_data', 'A stored metric number is unknown.');
    const name = known?.name ?? reader.text();
    const meta = reader.u8();
    const own = (meta & META_OWN) !== 0 || known === undefined;
    const unit = (meta & META_UNIT) !== 0 ? reader.text() : own ? '' : known.unit;
    const kind = own ? ((meta & META_COUNTER) !== 0 ? 'counter' : 'gauge') : known.kind;
    const labels: [string, string][] = [];
    for (let pairs = reader.count(2); pairs > 0; pairs--) labels.push([reader.text(), reader.text()]);
    series.push(createSeries(name, labels, unit, kind));
  }
  if (reader.remaining > 0) throw new MetricStreamError('corrupt_data', 'Bytes stand behind a shape.');
  return series;
}

/** @param writer scratch, reset by this call. @returns a fresh array. */
export function encodePush(push: Push, writer: ByteWriter): Uint8Array<ArrayBuffer> {
  const { pushId, shape, timesMs, timesNs } = push;
  const own = timesMs.length !== 1;
  writer.reset();
  writer.u8(VERSION);
  writer.u8(TYPE_PUSH);
  writer.varint(flagsOf(push, own));
  writer.text(push.tenant);
  writer.text(push.client);
  writer.f64(push.arrivalMs);
  writer.u32(push.contentHash >>> 0);
  writer.text(push.correlationId);
  if (push.sentMs !== undefined) writer.f64(push.sentMs);
  if (pushId !== undefined) {
    writer.text(pushId.boot);
    writer.f64(pushId.sequence);
    if (pushId.previous !== undefined) {
      writer.text(pushId.previous.boot);
      writer.f64(pushId.previous.count);
    }
  }
  if (push.traceparent !== undefined) writer.text(push.traceparent);
  if (push.datacenter !== undefined) writer.text(push.datacenter);
  if (push.environment !== undefined) writer.text(push.environment);
  if (push.rejected.length > 0) {
    writer.varint(push.rejected.length);
    for (const [reason, count] of push.rejected) {
      writer.u8(REJECT_REASONS.indexOf(reason));
      writer.varint(count);
    }
  }
  writer.block(shape.bytes);
  writer.floats(timesMs);
  if (timesNs !== undefined) for (const ns of timesNs) writer.u32(ns);
  writer.floats(push.values);
  return writer.copy();
}

function flagsOf(push: Push, own: boolean): number {
  return (
    (push.sentMs === undefined ? 0 : FLAG.sent) |
    (push.pushId === undefined ? 0 : FLAG.pushId) |
    (push.pushId?.previous === undefined ? 0 : FLAG.previous) |
    (push.traceparent === undefined ? 0 : FLAG.traceparent) |
    (push.datacenter === undefined ? 0 : FLAG.datacenter) |
    (push.environment === undefined ? 0 : FLAG.environment) |
    (own ? FLAG.own : 0) |
    (push.timesNs === undefined ? 0 : FLAG.ns) |
    (push.rejected.length > 0 ? FLAG.rejected : 0) |
    (push.stamped ? FLAG.stamped : 0)
  );
}

export function encodeTick(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(VERSION, TYPE_TICK);
}

export function encodeControl(control: AlertControl): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(4096);
  writer.u8(VERSION);
  writer.u8(TYPE_CONTROL);
  writer.text(JSON.stringify(control));
  return writer.copy();
}

/** @throws corrupt_data for anything that the encoders here could not have written. */
export function decodeRecord(bytes: Uint8Array, shapes: ShapeInterner): LogEntry {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new MetricStreamError('corrupt_data', `A record has version ${version}; this reads ${VERSION}.`);
  const type = reader.u8();
  if (type !== TYPE_PUSH && type !== TYPE_TICK && type !== TYPE_CONTROL)
    throw new MetricStreamError('corrupt_data', `A record has the unknown type ${type}.`);
  const entry: LogEntry =
    type === TYPE_TICK
      ? { type: 'tick' }
      : type === TYPE_CONTROL
        ? { type: 'control', control: decodeControl(reader) }
        : { type: 'push', push: decodePush(reader, shapes) };
  if (reader.remaining > 0) throw new MetricStreamError('corrupt_data', 'Bytes stand behind a record.');
  return entry;
}

function decodeControl(reader: ByteReader): AlertControl {
  try {
    const control = JSON.parse(reader.text()) as AlertControl;
    const sound = typeof control.tenant === 'string' && (control.kind === 'retired' || Array.isArray(control.rules.rules));
    if (sound) return control;
  } catch (cause) {
    throw new MetricStreamError('corrupt_data', 'A stored control record is none.', { cause });
  }
  throw new MetricStreamError('corrupt_data', 'A stored control record is none.');
}

function decodePush(reader: ByteReader, shapes: ShapeInterner): Push {
  const flags = reader.varint();
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const tenant = reader.text();
  const client = reader.text();
  const arrivalMs = reader.f64();
  const contentHash = reader.u32() | 0;
  const correlationId = reader.text();
  const sentMs = has(FLAG.sent) ? reader.f64() : undefined;
  const pushId = has(FLAG.pushId) ? decodePushId(reader, has(FLAG.previous)) : undefined;
  const traceparent = has(FLAG.traceparent) ? reader.text() : undefined;
  const datacenter = has(FLAG.datacenter) ? reader.text() : undefined;
  const environment = has(FLAG.environment) ? reader.text() : undefined;
  const rejected = has(FLAG.rejected) ? decodeRejected(reader) : [];
  const shape = shapes.internBytes(reader.block());
  const count = shape.series.length;
  const timesMs = reader.floats(has(FLAG.own) ? count : 1);
  const timesNs = has(FLAG.ns) ? Int32Array.from({ length: timesMs.length }, () => reader.u32()) : undefined;
  const values = reader.floats(count);
  const sound = timesMs.every(Number.isSafeInteger) && (timesNs?.every(isRemainder) ?? true) && values.every(Number.isFinite);
  if (!sound) throw new MetricStreamError('corrupt_data', 'A stored sample is none.');
  return {
    tenant,
    client,
    arrivalMs,
    sentMs,
    pushId,
    contentHash,
    correlationId,
    traceparent,
    datacenter,
    environment,
    shape,
    values,
    timesMs,
    timesNs,
    stamped: has(FLAG.stamped),
    rejected,
  };
}

function isRemainder(ns: number): boolean {
  return ns >= 0 && ns < 1_000_000;
}

function decodePushId(reader: ByteReader, previous: boolean): PushId {
  const boot = reader.text();
  const sequence = reader.f64();
  return { boot, sequence, previous: previous ? { boot: reader.text(), count: reader.f64() } : undefined };
}

function decodeRejected(reader: ByteReader): [RejectReason, number][] {
  const rejected: [RejectReason, number][] = [];
  for (let left = reader.count(2); left > 0; left--) {
    const reason = REJECT_REASONS[reader.u8()];
    if (reason === undefined) throw new MetricStreamError('corrupt_data', 'A stored reason is unknown.');
    rejected.push([reason, reader.varint()]);
  }
  return rejected;
}
