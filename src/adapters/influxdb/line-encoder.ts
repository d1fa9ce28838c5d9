/** Points as line protocol, batch by batch. */
import { LIMITS } from '../../model/limits.ts';
import type { Series } from '../../model/series.ts';
import { BLOCK_MS, type Resolution, windowStart } from '../../model/window.ts';
import type { ClientPoints } from '../../ports/point-writer.ts';
import type { SampleBlock, SampleColumn, WindowColumn } from '../../ports/time-series-store.ts';
import { numberText } from '../../protocols/number-text.ts';
import { MEASUREMENT, PACKED, POINT_KINDS, type PointKind, VALUE, WINDOW_FIELDS } from './names.ts';
import { windowPacker } from './packed-windows.ts';
import { tagKey, tagText } from './tag-text.ts';

/*
 * https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
 * line   = measurement *( "," key "=" text ) " " field *( "," field ) " " unix-ns LF
 * text   = the tag's text (tag-text.ts) with a backslash before each comma, equals sign and space
 * field  = name "=" decimal | name "=" DQUOTE string DQUOTE     with a backslash before each quote and backslash of a string
 * Of a whole block comes one more line for each series, at the start of the block, with all its windows in one string: packed-windows.ts.
 * A decimal is the shortest that is read back as the same double, −0 included. Tags are in order of their keys: InfluxDB would sort them.
 */

/** Lines of one bucket, as they are sent. */
export interface LineBatch {
  readonly kind: PointKind;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** For each line the offset after its newline. */
  readonly ends: Int32Array;
  /** Its first points are of the client that ended the batch before it. */
  readonly follows: boolean;
}

/** Is told of points that line protocol cannot carry. */
export type Refuse = (reason: string, line: string) => void;

export interface LineEncoder {
  /** Lazily: what it yields is encoded when it is asked for. Several may take turns. */
  batches(points: readonly ClientPoints[], refuse: Refuse): Generator<LineBatch>;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const NEWLINE = 0x0a;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
/** Of a number in thousandths: its millions are below 2^31. */
const EXACT_THOUSANDTHS = 10 ** 15;
const FIRST_BYTES = 1 << 16;
/** More than the fields and the time of a point take, without its unit. */
const REST_BYTES = 512;
const VALUE_IS = `${VALUE}=`;
const AVG_IS = 'avg=';

/** Lines in the making. */
class LineBuffer {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;
  readonly #ends = new Int32Array(LIMITS.influxBatchPointsMax);
  #lines = 0;
  #lastValue = 0;
  #lastText = '0';

  get isEmpty(): boolean {
    return this.#lines === 0;
  }

  get isFull(): boolean {
    return this.#lines === this.#ends.length || this.#length >= LIMITS.influxBatchBytesMax;
  }

  /** @param lines that belong together. */
  hasRoomFor(lines: number): boolean {
    return this.#lines + lines <= this.#ends.length;
  }

  begin(prefix: Uint8Array, restBytes = REST_BYTES): void {
    const needed = this.#length + prefix.length + restBytes;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(prefix, this.#length);
    this.#length += prefix.length;
  }

  /** Only ASCII. */
  text(text: string): void {
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#length = at;
  }

  /** The host's own text of a double costs more than all else of a point: numbers of few decimals are written digit by digit. */
  number(value: number): void {
    const thousandths = Math.round(value * 1_000);
    // A quotient of integers is rounded as its decimal text is when it is read: both are the double nearest to it.
    if (thousandths / 1_000 === value && value !== 0 && thousandths <= EXACT_THOUSANDTHS && thousandths >= -EXACT_THOUSANDTHS) {
      this.#decimal(thousandths);
      return;
    }
    if (value !== this.#lastValue || value === 0) {
      this.#lastValue = value;
      this.#lastText = numberText(value);
    }
    this.text(this.#lastText);
  }

  #decimal(thousandths: number): void {
    if (thousandths < 0) this.#bytes[this.#length++] = MINUS;
    const size = Math.abs(thousandths);
    const whole = Math.floor(size / 1_000);
    const fraction = size - whole * 1_000;
    const high = Math.floor(whole / 1_000_000);
    if (high > 0) {
      this.#digits(high, 1);
      this.#digits(whole - high * 1_000_000, 6);
    } else this.#digits(whole, 1);
    if (fraction === 0) return;
    this.#bytes[this.#length++] = POINT;
    if (fraction % 100 === 0) this.#digits(fraction / 100, 1);
    else if (fraction % 10 === 0) this.#digits(fraction / 10, 2);
    else this.#digits(fraction, 3);
  }

  /** @param number below 2^31. @param least digits, with zeros before it. */
  #digits(number: number, least: number): void {
    let count = least;
    for (let limit = 10 ** least; number >= limit; limit *= 10) count += 1;
    let rest = number | 0;
    for (let at = this.#length + count - 1; at >= this.#length; at--) {
      const tenth = (rest / 10) | 0;
      this.#bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.#length += count;
  }

  end(): void {
    this.#bytes[this.#length++] = NEWLINE;
    this.#ends[this.#lines++] = this.#length;
  }

  /** Takes the line back that was just ended. @returns it, without its newline. */
  drop(): string {
    this.#lines -= 1;
    const start = this.#lines === 0 ? 0 : (this.#ends[this.#lines - 1] as number);
    const line = DECODER.decode(this.#bytes.subarray(start, this.#length - 1));
    this.#length = start;
    return line;
  }

  take(kind: PointKind, follows: boolean): LineBatch {
    const batch = { kind, bytes: this.#bytes.slice(0, this.#length), ends: this.#ends.slice(0, this.#lines), follows };
    this.#length = 0;
    this.#lines = 0;
    return batch;
  }
}

/** What stands before the numbers of a point: measurement, tags, unit and kind. */
interface Prefix {
  readonly unit: string;
  readonly kind: Series['kind'];
  readonly bytes: Uint8Array;
  /** Not well-formed Unicode, which UTF-8 cannot carry. */
  readonly isBroken: boolean;
}

function prefixOf({ tenant, client, datacenter, environment }: ClientPoints, { name, labels, unit, kind }: Series): Prefix {
  const tags: [key: string, value: string][] = [
    ['host', client],
    ['metric_name', name],
    ['tenant', tenant],
    ...labels.map(([key, value]): [string, string] => [tagKey(key), value]),
  ];
  if (datacenter !== undefined) tags.push(['datacenter', datacenter]);
  if (environment !== undefined) tags.push(['environment', environment]);
  tags.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  let text = MEASUREMENT;
  for (const [key, value] of tags) text += `,${key}=${tagText(value).replace(/[,= ]/g, '\\$&')}`;
  text += ' ';
  if (unit !== '') text += `unit="${unit.replace(/["\\]/g, '\\$&')}",`;
  if (kind !== 'gauge') text += `kind="${kind}",`;
  return { unit, kind, bytes: ENCODER.encode(text), isBroken: !text.isWellFormed() };
}

/** Prefixes by client and series: made once, used for every point. When there are too many, all are forgotten. */
class Prefixes {
  readonly #clients = new Map<string, Map<string, Prefix>>();
  #count = 0;

  of(client: ClientPoints): (series: Series) => Prefix {
    const { tenant, datacenter, environment } = client;
    const key = `${tenant}\0${client.client}\0${datacenter ?? '\0'}\0${environment ?? '\0'}`;
    let held = this.#clients.get(key);
    return (series) => {
      const known = held?.get(series.key);
      if (known !== undefined && known.unit === series.unit && known.kind === series.kind) return known;
      if (this.#count >= LIMITS.influxPrefixesMax) {
        this.#clients.clear();
        this.#count = 0;
        held = undefined;
      }
      const made = prefixOf(client, series);
      held ??= new Map();
      this.#clients.set(key, held.set(series.key, made));
      this.#count += 1;
      return made;
    };
  }
}

/** The times of a block as line protocol ends a line: one text for all series. */
function stampsOf({ timesMs, timesNs }: SampleBlock): string[] {
  return Array.from(timesMs, (ms, row) => stampOf(ms, timesNs?.[row] ?? 0));
}

function stampOf(ms: number, ns: number): string {
  return ns === 0 ? ` ${ms}000000` : ` ${ms}${String(ns).padStart(6, '0')}`;
}

/** One client's points of one kind, into the buffer; cut off where it is full. */
interface Encoding {
  readonly buffer: LineBuffer;
  readonly prefixOf: (series: Series) => Prefix;
  readonly refuse: Refuse;
  readonly cut: () => LineBatch;
  readonly pack: (column: WindowColumn) => string;
}

function* sampleLines(column: SampleColumn, stamps: readonly string[], encoding: Encoding) {
  const { buffer, refuse, cut } = encoding;
  const prefix = encoding.prefixOf(column.series);
  const { rows, values } = column;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    buffer.begin(prefix.bytes);
    buffer.text(VALUE_IS);
    buffer.number(value);
    buffer.text(stamps[rows === undefined ? i : (rows[i] as number)] as string);
    buffer.end();
    if (prefix.isBroken || !Number.isFinite(value)) refuse(reasonOf(prefix), buffer.drop());
    else if (buffer.isFull) yield cut();
  }
}

function* windowLines(column: WindowColumn, encoding: Encoding) {
  const { buffer, refuse, cut } = encoding;
  const prefix = encoding.prefixOf(column.series);
  const fields = WINDOW_FIELDS.map((name) => ({ text: `,${name}=`, values: column[name] }));
  for (let i = 0; i < column.starts.length; i++) {
    const avg = (column.sum[i] as number) / (column.count[i] as number);
    let whole = Number.isFinite(avg);
    buffer.begin(prefix.bytes);
    buffer.text(AVG_IS);
    buffer.number(avg);
    for (const { text, values } of fields) {
      const value = values[i] as number;
      whole &&= Number.isFinite(value);
      buffer.text(text);
      buffer.number(value);
    }
    buffer.text(stampOf(column.starts[i] as number, 0));
    buffer.end();
    if (prefix.isBroken || !whole) refuse(reasonOf(prefix), buffer.drop());
    else if (buffer.isFull) yield cut();
  }
}

/** Whole blocks of a client: where one piece of an hour is, all others are taken to be, so that they go in one batch if it holds them. */
function* packedLines(columns: readonly WindowColumn[], resolution: Resolution, encoding: Encoding) {
  const { buffer, cut, pack } = encoding;
  // Their points were refused, too.
  const prefixed = columns.map((column) => ({ column, prefix: encoding.prefixOf(column.series) }));
  const whole = prefixed.filter(({ column, prefix }) => column.starts.length > 0 && !prefix.isBroken);
  if (!buffer.isEmpty && !buffer.hasRoomFor(whole.length)) yield cut();
  for (const { column, prefix } of whole) {
    const text = `${PACKED}="${pack(column)}"`;
    buffer.begin(prefix.bytes, text.length + REST_BYTES);
    buffer.text(text);
    buffer.text(stampOf(windowStart(column.starts[0] as number, BLOCK_MS[resolution]), 0));
    buffer.end();
    if (buffer.isFull) yield cut();
  }
}

function reasonOf({ isBroken }: Prefix): string {
  return isBroken ? 'a label or the unit is not well-formed Unicode' : 'a number is not finite, which line protocol cannot say';
}

function* clientLines(kind: PointKind, client: ClientPoints, encoding: Encoding): Generator<LineBatch> {
  if (kind !== 'raw') {
    const blocks = client.blocks.filter(({ resolution }) => resolution === kind).flatMap(({ columns }) => columns);
    for (const column of kind === '1m' ? client.minutes : client.hours) yield* windowLines(column, encoding);
    for (const column of blocks) yield* windowLines(column, encoding);
    yield* packedLines(blocks, kind, encoding);
    return;
  }
  for (const block of client.samples) {
    const stamps = stampsOf(block);
    for (const column of block.columns) yield* sampleLines(column, stamps, encoding);
  }
}

export function lineEncoder(): LineEncoder {
  // Empty whenever a generator waits: what is in it was taken before.
  const buffer = new LineBuffer();
  const prefixes = new Prefixes();
  const { pack } = windowPacker();
  return {
    *batches(points, refuse) {
      for (const kind of POINT_KINDS) {
        let follows = false;
        const cut = (): LineBatch => {
          const batch = buffer.take(kind, follows);
          follows = true;
          return batch;
        };
        for (const client of points) {
          yield* clientLines(kind, client, { buffer, prefixOf: prefixes.of(client), refuse, cut, pack });
          // Cut exactly where the client ended: the next batch begins with another.
          follows &&= !buffer.isEmpty;
        }
        if (!buffer.isEmpty) yield cut();
      }
    },
  };
}
