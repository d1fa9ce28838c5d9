/**
 * Reads a push that has the bytes of an earlier one, but for the client's name and the numbers: agents send the same
 * text each time. What differs in anything else is left to the parser, which decides alone what is valid.
 */
import { LIMITS } from '../model/limits.ts';
import type { Shape } from '../model/series.ts';

/** A body of one shape without its client's name and its numbers. */
interface BodyTemplate {
  /** What stands between the numbers, all in a row; it begins with the quote after the client's name. */
  readonly literal: Uint8Array;
  /** Where the text before each number ends in `literal`, and last the text behind all. */
  readonly ends: Int32Array;
  /** Two numbers for each metric: 1 where it is the timestamp. */
  readonly isTime: Uint8Array;
  /** Bodies of the shape in a row that were otherwise. */
  misses: number;
}

interface Numbers {
  readonly values: Float64Array;
  /** One where all are the same. */
  readonly timesMs: Float64Array;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const OPENING = 0x7b;
const CLOSING = 0x7d;
const LIST = 0x5b;
const LIST_END = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const ZERO = 0x30;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const EXPONENT = 0x65;
const CASE = 0x20;
const ASCII_END = 0x7f;

const ASCII = new TextEncoder();
const PREFIX = ASCII.encode('{"client_id":');
/** So many decimal digits are exact in a double, and so are the powers of ten by which they are divided: one rounding in all. */
const EXACT_DIGITS = 15;
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

export class BodyTemplates {
  readonly #templates = new WeakMap<Shape, BodyTemplate>();
  /** By a hash of their bytes: one text for each, whose own hash is computed once. */
  #clients = new Map<number, string>();
  /** Where reading goes on. */
  #at = 0;

  /** @returns the client's name where the body begins with a plain one; `read` goes on behind it. */
  clientOf(body: Uint8Array): string | undefined {
    let start = PREFIX.length;
    if (body.length <= start + 2) return undefined;
    for (let i = 0; i < start; i++) if (body[i] !== PREFIX[i]) return undefined;
    if (body[start] === SPACE) start += 1;
    if (body[start] !== QUOTE) return undefined;
    start += 1;
    const end = Math.min(body.length, start + LIMITS.clientIdLengthMax + 1);
    let hash = 0;
    for (let at = start; at < end; at++) {
      const byte = body[at] as number;
      if (byte === QUOTE) {
        this.#at = at;
        return this.#client(body, start, hash);
      }
      if (byte < SPACE || byte >= ASCII_END || byte === BACKSLASH) return undefined;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    return undefined;
  }

  #client(body: Uint8Array, start: number, hash: number): string {
    const end = this.#at;
    const known = this.#clients.get(hash);
    if (known !== undefined && isText(known, body, start, end)) return known;
    const name = textOf(body, start, end);
    if (this.#clients.size >= LIMITS.clientsPerTenantMax) this.#clients = new Map();
    this.#clients.set(hash, name);
    return name;
  }

  /** After `clientOf`. @param oldestMs Unix ms of samples that are taken, as newestMs. @returns undefined where the body is not of the shape's template, or a number is out of its range. */
  read(body: Uint8Array, shape: Shape, oldestMs: number, newestMs: number): Numbers | undefined {
    const template = this.#templates.get(shape);
    if (template === undefined) return undefined;
    const numbers = this.#numbers(body, shape, template, oldestMs, newestMs);
    template.misses = numbers === undefined ? template.misses + 1 : 0;
    return numbers;
  }

  #numbers(
    body: Uint8Array,
    { min, max }: Shape,
    template: BodyTemplate,
    oldestMs: number,
    newestMs: number,
  ): Numbers | undefined {
    const { literal, ends, isTime } = template;
    const values = new Float64Array(min.length);
    let timesMs: Float64Array | undefined;
    let sharedMs = 0;
    let at = this.#at;
    let from = 0;
    for (let i = 0; i < isTime.length; i++) {
      const end = ends[i] as number;
      if (at + end - from >= body.length) return undefined;
      for (; from < end; from++, at++) if (body[at] !== literal[from]) return undefined;
      this.#at = at;
      const number = this.#number(body);
      at = this.#at;
      const metric = i >> 1;
      if (isTime[i] === 0) {
        if (!(number >= (min[metric] as number) && number <= (max[metric] as number))) return undefined;
        values[metric] = number;
        continue;
      }
      if (!(number >= oldestMs && number <= newestMs)) return undefined;
      const ms = Math.floor(number);
      if (metric === 0) sharedMs = ms;
      else if (timesMs === undefined && ms !== sharedMs) timesMs = new Float64Array(min.length).fill(sharedMs, 0, metric);
      if (timesMs !== undefined) timesMs[metric] = ms;
    }
    if (body.length - at !== literal.length - from) return undefined;
    for (; from < literal.length; from++, at++) if (body[at] !== literal[from]) return undefined;
    return { values, timesMs: timesMs ?? Float64Array.of(sharedMs) };
  }

  /**
   * The number where reading has come to, as JSON has it and JSON.parse reads it: few digits are an exact integer divided by
   * an exact power of ten (Clinger, How to read floating point numbers accurately, 1990), more are left to the host.
   * @returns NaN where none stands there.
   */
  #number(body: Uint8Array): number {
    const start = this.#at;
    const length = body.length;
    const isNegative = body[start] === MINUS;
    const whole = isNegative ? start + 1 : start;
    let at = whole;
    let mantissa = 0;
    for (let digit = 0; at < length; at++) {
      digit = (body[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      mantissa = mantissa * 10 + digit;
    }
    let digits = at - whole;
    if (digits === 0 || at === length || (digits > 1 && body[whole] === ZERO)) return Number.NaN;
    let decimals = 0;
    if (body[at] === POINT) {
      const fraction = at + 1;
      for (at = fraction; at < length; at++) {
        const digit = (body[at] as number) - ZERO;
        if (digit < 0 || digit > 9) break;
        mantissa = mantissa * 10 + digit;
      }
      decimals = at - fraction;
      digits += decimals;
      if (decimals === 0 || at === length) return Number.NaN;
    }
    this.#at = at;
    if (((body[at] as number) | CASE) === EXPONENT) return this.#scaled(body, start);
    if (digits > EXACT_DIGITS) return Number(textOf(body, start, at));
    const value = decimals === 0 ? mantissa : mantissa / (POWERS[decimals] as number);
    return isNegative ? -value : value;
  }

  /** A number whose exponent begins where reading has come to. */
  #scaled(body: Uint8Array, start: number): number {
    let at = this.#at + 1;
    if (body[at] === PLUS || body[at] === MINUS) at += 1;
    const exponent = at;
    while (at < body.length && (body[at] as number) >= ZERO && (body[at] as number) <= ZERO + 9) at += 1;
    if (at === exponent) return Number.NaN;
    this.#at = at;
    return Number(textOf(body, start, at));
  }

  /** A valid body of just this shape. A template that some bodies still fit stays. */
  learn(body: Uint8Array, shape: Shape): void {
    const known = this.#templates.get(shape);
    if (known !== undefined && known.misses < LIMITS.templateMissesMax) return;
    const template = this.clientOf(body) === undefined ? undefined : templateOf(body, this.#at, shape.series.length);
    if (template !== undefined) this.#templates.set(shape, template);
  }
}

/** @param start of what stays, in a valid body. @returns undefined where it is no plain push: other members, no timestamp, escapes. */
function templateOf(body: Uint8Array, start: number, metrics: number): BodyTemplate | undefined {
  if (body.includes(BACKSLASH)) return undefined;
  const scan = new BodyScan(body, start + 1);
  if (!scan.takes(COMMA) || scan.text() !== 'metrics' || !scan.takes(COLON) || !scan.takes(LIST)) return undefined;
  for (let i = 0; i < metrics; i++) if (!scan.metric() || !scan.takes(i < metrics - 1 ? COMMA : LIST_END)) return undefined;
  if (!scan.takes(CLOSING) || !scan.atEnd) return undefined;
  const literal = new Uint8Array(body.length - start);
  const ends: number[] = [];
  let length = 0;
  let from = start;
  for (const { start: until, end } of scan.numbers) {
    literal.set(body.subarray(from, until), length);
    length += until - from;
    ends.push(length);
    from = end;
  }
  literal.set(body.subarray(from), length);
  length += body.length - from;
  return {
    literal: literal.slice(0, length),
    ends: Int32Array.from(ends),
    isTime: Uint8Array.from(scan.numbers, ({ isTime }) => (isTime ? 1 : 0)),
    misses: 0,
  };
}

/** Walks over a valid JSON text without escapes. */
class BodyScan {
  readonly numbers: { readonly isTime: boolean; readonly start: number; readonly end: number }[] = [];
  readonly #body: Uint8Array;
  #at: number;

  constructor(body: Uint8Array, start: number) {
    this.#body = body;
    this.#at = start;
  }

  get atEnd(): boolean {
    this.#skipSpace();
    return this.#at === this.#body.length;
  }

  takes(byte: number): boolean {
    this.#skipSpace();
    if (this.#body[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** @returns undefined where no text begins. */
  text(): string | undefined {
    if (!this.takes(QUOTE)) return undefined;
    const start = this.#at;
    this.#at = this.#body.indexOf(QUOTE, start) + 1;
    return textOf(this.#body, start, this.#at - 1);
  }

  /** @returns whether it has one value and one timestamp. */
  metric(): boolean {
    if (!this.takes(OPENING)) return false;
    const seen: string[] = [];
    do {
      const key = this.text();
      if (key === undefined || !this.takes(COLON)) return false;
      this.#skipSpace();
      const start = this.#at;
      this.#skipValue();
      if (key !== 'value' && key !== 'timestamp') continue;
      this.numbers.push({ isTime: key === 'timestamp', start, end: this.#at });
      seen.push(key);
    } while (this.takes(COMMA));
    return this.takes(CLOSING) && seen.length === 2 && seen[0] !== seen[1];
  }

  /** A text, or what ends where one more bracket closes than opens, or where a comma stands between brackets. */
  #skipValue(): void {
    let depth = 0;
    for (; this.#at < this.#body.length; this.#at++) {
      const byte = this.#body[this.#at] as number;
      if (byte === QUOTE) this.#at = this.#body.indexOf(QUOTE, this.#at + 1);
      else if (byte === OPENING || byte === LIST) depth += 1;
      else if (depth === 0 && (byte === COMMA || byte === CLOSING || byte === LIST_END || isSpace(byte))) return;
      else if (byte === CLOSING || byte === LIST_END) depth -= 1;
    }
  }

  #skipSpace(): void {
    while (isSpace(this.#body[this.#at])) this.#at += 1;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === LINE_FEED || byte === CARRIAGE_RETURN;
}

function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

/** Of ASCII. */
function textOf(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}
