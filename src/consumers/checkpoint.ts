/** The state of a partition's consumer at its position, as bytes. */
import { MetricStreamError, REJECT_REASONS } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { ByteReader, ByteWriter } from '../protocols/bytes.ts';
import { ClientState } from './client-state.ts';
import type { BootWindow, Ledger } from './ledger.ts';
import { type SealedState, stillSkipped } from './seal.ts';
import type { SeenShape } from './seen-series.ts';

/*
 * state   = version:u8 log:f64 shapes n:varint client{n} idle alerts                  version 2; log: log time, Unix ms
 * shapes  = n:varint shape:block{n}                  each once; first, since they stay the same from one checkpoint to the next
 * client  = tenant:text client:text frontier:f64 sealedThrough:f64 sealOffset:f64 bundledHour:f64 bundledDay:f64
 *           lastSample:f64 lastSeen:f64 sealedAt:f64 flags:u8 [skew:f64] [datacenter:text] [environment:text]
 *           pushes:varint{5} samples:varint{3} rejected boots corrections skipped trail seen
 * rejected    = n:varint ( reason:u8 count:varint ){n}
 * boots       = n:varint ( boot:text first:varint highest:f64 seen:u32{8} hashes:u32{16} ){n}       oldest first
 * idle        = n:varint ( partition:varint position:f64 ){n}       others, of which nothing was left to save at that position
 * corrections = n:varint ( minute:f64 m:varint ( series:text times:varint ){m} ){n}
 * skipped     = n:varint ( offset:f64 ms:f64 ){n}
 * trail       = judged:f64 l:varint late:f64{l} boot:text sequences:f64 last:f64 step:f64 n:varint ( boot:text from:f64 to:f64 missing:f64 after:f64 before:f64 ){n}
 *                                                    sequences: how many of the boot there are, up to the greatest seen
 * seen        = n:varint ( shape:varint age:varint ){n}      the place of a shape; whole seconds before log time
 * alerts      = resumed:f64 hole:f64 scanned:f64 state:block      log times, Unix ms; what the judge of the partition keeps
 * Version 1 has neither trail nor alerts.
 */
const VERSION = 2;
const HAS_SKEW = 1;
const HAS_DATACENTER = 2;
const HAS_ENVIRONMENT = 4;
const PUSH_FIELDS = ['expected', 'received', 'duplicate', 'late', 'conflict'] as const;
const SAMPLE_FIELDS = ['stored', 'duplicate', 'conflict'] as const;

/** What the judging of a partition goes on from. */
export interface AlertsAt {
  /** Log time at which our last outage ended, and at which it began; Unix ms. */
  readonly resumedMs: number;
  readonly holeMs: number;
  /** Log time at which silent hosts were looked for last. */
  readonly scannedMs: number;
  /** The judge's own. */
  readonly state: Uint8Array;
}

export const NO_ALERTS: AlertsAt = { resumedMs: 0, holeMs: 0, scannedMs: 0, state: new Uint8Array(0) };

/** A partition, and the position up to which nothing of it is left to save. */
export type IdleAt = readonly [partition: number, position: number];

/**
 * @param sealed the fields that the batch of this checkpoint changes, by client. @param seenOf the series of a client that hold a place.
 * @param idle other partitions, with the position up to which everything of them is saved and sealed.
 */
export function encodeCheckpoint(
  logMs: number,
  clients: Iterable<ClientState>,
  sealed: ReadonlyMap<ClientState, SealedState>,
  seenOf: (client: ClientState) => readonly SeenShape[],
  idle: readonly IdleAt[] = [],
  alerts: AlertsAt = NO_ALERTS,
): Uint8Array {
  const list = [...clients];
  const seen = list.map(seenOf);
  const places = placesOf(seen);
  const writer = new ByteWriter(64 + list.length * 256);
  writer.u8(VERSION);
  writer.f64(logMs);
  writer.varint(places.size);
  for (const shape of places.keys()) writer.block(shape);
  writer.varint(list.length);
  list.forEach((client, i) => {
    encodeClient(writer, client, sealed.get(client) ?? client);
    const known = (seen[i] ?? []).filter(({ shape }) => places.has(shape));
    writer.varint(known.length);
    for (const { shape, seenMs } of known) {
      writer.varint(places.get(shape) ?? 0);
      writer.varint(Math.max(0, Math.floor((logMs - seenMs) / 1000)));
    }
  });
  writer.varint(idle.length);
  for (const [partition, position] of idle) {
    writer.varint(partition);
    writer.f64(position);
  }
  writer.f64(alerts.resumedMs);
  writer.f64(alerts.holeMs);
  writer.f64(alerts.scannedMs);
  writer.block(alerts.state);
  return writer.copy();
}

/** The shapes that clients were seen with, each once, up to their bound. Hosts that send the same share one. */
function placesOf(seen: readonly (readonly SeenShape[])[]): Map<Uint8Array, number> {
  const places = new Map<Uint8Array, number>();
  let room: number = LIMITS.checkpointShapeBytesMax;
  for (const { shape } of seen.flat()) {
    if (places.has(shape) || shape.length > room) continue;
    places.set(shape, places.size);
    room -= shape.length;
  }
  return places;
}

function encodeClient(writer: ByteWriter, client: ClientState, after: SealedState): void {
  writer.text(client.tenant);
  writer.text(client.client);
  writer.f64(client.frontierMs);
  writer.f64(after.sealedThroughMs);
  writer.f64(after.sealOffset);
  writer.f64(after.bundledHourMs);
  writer.f64(after.bundledDayMs);
  writer.f64(client.lastSampleMs);
  writer.f64(client.lastSeenMs);
  writer.f64(client.sealedAtMs);
  writer.u8(
    (client.skewMs === undefined ? 0 : HAS_SKEW) |
      (client.datacenter === undefined ? 0 : HAS_DATACENTER) |
      (client.environment === undefined ? 0 : HAS_ENVIRONMENT),
  );
  if (client.skewMs !== undefined) writer.f64(client.skewMs);
  if (client.datacenter !== undefined) writer.text(client.datacenter);
  if (client.environment !== undefined) writer.text(client.environment);
  encodeLedger(writer, client.ledger);
  const corrections = [...client.corrections].filter(([minute]) => minute >= after.bundledHourMs || after === client);
  writer.varint(corrections.length);
  for (const [minute, bySeries] of corrections) {
    writer.f64(minute);
    writer.varint(bySeries.size);
    for (const [series, times] of bySeries) {
      writer.text(series);
      writer.varint(times);
    }
  }
  const skipped = stillSkipped(client.skipped, after);
  writer.varint(skipped.length);
  for (const [offset, ms] of skipped) {
    writer.f64(offset);
    writer.f64(ms);
  }
  encodeTrail(writer, client);
}

function encodeTrail(writer: ByteWriter, { judgedMs, lateMinutes, trail }: ClientState): void {
  writer.f64(judgedMs);
  writer.varint(lateMinutes.size);
  for (const minute of lateMinutes) writer.f64(minute);
  writer.text(trail.boot);
  writer.f64(trail.highest + 1);
  writer.f64(trail.lastMs);
  writer.f64(trail.stepMs);
  writer.varint(trail.holes.length);
  for (const { boot, from, to, missing, afterMs, beforeMs } of trail.holes) {
    writer.text(boot);
    for (const field of [from, to, missing, afterMs, beforeMs]) writer.f64(field);
  }
}

function encodeLedger(writer: ByteWriter, ledger: Ledger): void {
  for (const field of PUSH_FIELDS) writer.varint(ledger.pushes[field]);
  for (const field of SAMPLE_FIELDS) writer.varint(ledger.samples[field]);
  writer.varint(ledger.rejected.size);
  for (const [reason, count] of ledger.rejected) {
    writer.u8(REJECT_REASONS.indexOf(reason));
    writer.varint(count);
  }
  writer.varint(ledger.boots.length);
  for (const { boot, first, highest, seen, hashes } of ledger.boots) {
    writer.text(boot);
    writer.varint(first);
    writer.f64(highest);
    for (const word of seen) writer.u32(word);
    for (const hash of hashes) writer.u32(hash >>> 0);
  }
}

export interface DecodedCheckpoint {
  readonly logMs: number;
  readonly clients: readonly ClientState[];
  /** The series of each client that held a place; views of the bytes. */
  readonly seen: ReadonlyMap<ClientState, readonly SeenShape[]>;
  readonly idle: readonly IdleAt[];
  readonly alerts: AlertsAt;
}

/** @throws corrupt_data */
export function decodeCheckpoint(bytes: Uint8Array): DecodedCheckpoint {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION && version !== 1)
    throw new MetricStreamError('schema_newer', `A checkpoint has version ${version}; this reads ${VERSION}.`);
  const logMs = reader.f64();
  const shapes: Uint8Array[] = [];
  for (let left = reader.count(); left > 0; left--) shapes.push(reader.block());
  const clients: ClientState[] = [];
  const seen = new Map<ClientState, readonly SeenShape[]>();
  for (let left = reader.count(80); left > 0; left--) {
    const client = decodeClient(reader, version);
    clients.push(client);
    seen.set(client, decodeSeen(reader, shapes, logMs));
  }
  const idle: IdleAt[] = [];
  for (let left = reader.count(9); left > 0; left--) idle.push([reader.varint(), reader.f64()]);
  const alerts = version === 1 ? NO_ALERTS : decodeAlerts(reader);
  if (reader.remaining > 0) throw new MetricStreamError('corrupt_data', 'Bytes stand behind a checkpoint.');
  return { logMs, clients, seen, idle, alerts };
}

function decodeAlerts(reader: ByteReader): AlertsAt {
  return { resumedMs: reader.f64(), holeMs: reader.f64(), scannedMs: reader.f64(), state: reader.block() };
}

function decodeSeen(reader: ByteReader, shapes: readonly Uint8Array[], logMs: number): SeenShape[] {
  const seen: SeenShape[] = [];
  for (let left = reader.count(2); left > 0; left--) {
    const shape = shapes[reader.varint()];
    if (shape === undefined) throw new MetricStreamError('corrupt_data', 'A checkpoint names a shape that it does not hold.');
    seen.push({ shape, seenMs: logMs - reader.varint() * 1000 });
  }
  return seen;
}

function decodeClient(reader: ByteReader, version: number): ClientState {
  const client = new ClientState(reader.text(), reader.text(), reader.f64(), undefined, 0);
  client.saved = true;
  client.sealedThroughMs = reader.f64();
  client.sealOffset = reader.f64();
  client.bundledHourMs = reader.f64();
  client.bundledDayMs = reader.f64();
  client.lastSampleMs = reader.f64();
  client.lastSeenMs = reader.f64();
  client.sealedAtMs = reader.f64();
  const flags = reader.u8();
  if ((flags & HAS_SKEW) !== 0) client.skewMs = reader.f64();
  if ((flags & HAS_DATACENTER) !== 0) client.datacenter = reader.text();
  if ((flags & HAS_ENVIRONMENT) !== 0) client.environment = reader.text();
  decodeLedger(reader, client.ledger);
  for (let left = reader.count(9); left > 0; left--) {
    const bySeries = new Map<string, number>();
    client.corrections.set(reader.f64(), bySeries);
    for (let entries = reader.count(2); entries > 0; entries--) bySeries.set(reader.text(), reader.varint());
  }
  for (let left = reader.count(16); left > 0; left--) client.skipped.push([reader.f64(), reader.f64()]);
  if (version > 1) decodeTrail(reader, client);
  return client;
}

function decodeTrail(reader: ByteReader, client: ClientState): void {
  const { trail } = client;
  client.judgedMs = reader.f64();
  for (let left = reader.count(8); left > 0; left--) client.lateMinutes.add(reader.f64());
  trail.boot = reader.text();
  trail.highest = reader.f64() - 1;
  trail.lastMs = reader.f64();
  trail.stepMs = reader.f64();
  for (let left = reader.count(41); left > 0; left--) {
    const [boot, from, to, missing] = [reader.text(), reader.f64(), reader.f64(), reader.f64()];
    trail.holes.push({ boot, from, to, missing, afterMs: reader.f64(), beforeMs: reader.f64() });
  }
}

function decodeLedger(reader: ByteReader, ledger: Ledger): void {
  for (const field of PUSH_FIELDS) ledger.pushes[field] = reader.varint();
  for (const field of SAMPLE_FIELDS) ledger.samples[field] = reader.varint();
  for (let left = reader.count(2); left > 0; left--) {
    const reason = REJECT_REASONS[reader.u8()];
    const count = reader.varint();
    if (reason !== undefined) ledger.rejected.set(reason, count);
  }
  for (let left = reader.count(100); left > 0; left--) ledger.boots.push(decodeBoot(reader));
}

function decodeBoot(reader: ByteReader): BootWindow {
  return {
    boot: reader.text(),
    first: reader.varint(),
    highest: reader.f64(),
    seen: Uint32Array.from({ length: LIMITS.sequencesPerBoot / 32 }, () => reader.u32()),
    hashes: Int32Array.from({ length: LIMITS.contentHashesPerBoot }, () => reader.u32() | 0),
  };
}
