/** Answers of InfluxDB to Flux, read line by line into tables. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';

/*
 * Annotated CSV: https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/
 * answer = *( [ "#datatype" cells "#group" cells "#default" cells header ] *row )   an empty line ends what has one header
 * row    = "" result table [ time ] value *( cell )     where `result` is empty, and stands in "#default"
 * All cells after the value are the same for all rows of a table: they are read once.
 */

/** One series of an answer, or one field of it. Rows are as they came, which is by time. */
export interface FluxTable {
  /** The name of the yield. */
  readonly result: string;
  /** The tags, and `_field`. */
  readonly tags: ReadonlyMap<string, string>;
  /** Unix ms of each row, and the nanoseconds within it. */
  readonly timesMs: number[];
  readonly timesNs: number[];
  /** Where the values are floats, and texts where they are not. */
  readonly numbers: number[];
  readonly texts: string[];
}

export interface FluxReader {
  /**
   * Takes the next piece of the answer, wherever it was cut.
   * @throws `unavailable` where it is the error that ended the query | `too_many_points` | `internal` where it has other columns than expected.
   */
  read(piece: string): void;
  /** The answer has ended. */
  tables(): readonly FluxTable[];
}

export function fluxReader(): FluxReader {
  const lines = new LineReader();
  let rest = '';
  return {
    read(piece) {
      const text = rest + piece;
      let start = 0;
      let from = 0;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
        from = end + 1;
        const line = text.slice(start, text[end - 1] === '\r' ? end - 1 : end);
        // The newline is one of a cell.
        if (line.includes('"') && isOpen(line)) continue;
        lines.read(line);
        start = from;
      }
      rest = text.slice(start);
    },
    tables() {
      if (rest !== '') lines.read(rest);
      rest = '';
      return lines.tables;
    },
  };
}

function isOpen(line: string): boolean {
  let quotes = 0;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) quotes += 1;
  return quotes % 2 === 1;
}

class LineReader {
  readonly tables: FluxTable[] = [];
  #datatypes: string[] = [];
  #defaults: string[] = [];
  #rows: Rows | undefined;
  #inError = false;
  #count = 0;

  read(line: string): void {
    if (line === '' || line.startsWith('#')) {
      const cells = cellsOf(line);
      if (cells[0] === '#datatype') this.#datatypes = cells;
      if (cells[0] === '#default') this.#defaults = cells;
      this.#rows = undefined;
      this.#inError = false;
    } else if (this.#inError) {
      const said = cellsOf(line)[1] ?? '';
      throw new MetricStreamError('unavailable', `InfluxDB could not end a query: ${said}`, { retryAfterMs: LIMITS.retryMs });
    } else if (this.#rows === undefined) {
      const header = cellsOf(line);
      this.#inError = header[1] === 'error';
      if (!this.#inError) this.#rows = new Rows(header, this.#datatypes, this.#defaults[1] ?? '', this.tables);
    } else {
      if (++this.#count > LIMITS.influxRowsMax) throw new MetricStreamError('too_many_points');
      this.#rows.add(line);
    }
  }
}

/** The rows under one header. */
class Rows {
  readonly #header: readonly string[];
  readonly #result: string;
  readonly #tables: FluxTable[];
  readonly #hasTimes: boolean;
  readonly #valuePlace: number;
  readonly #isNumber: boolean;
  readonly #times = new TimeParser();
  #current: FluxTable | undefined;
  /** How rows of the current table begin, up to their time: cells up to there are never quoted. */
  #lead = '';

  constructor(header: readonly string[], datatypes: readonly string[], result: string, tables: FluxTable[]) {
    this.#header = header;
    this.#result = result;
    this.#tables = tables;
    this.#hasTimes = header[3] === '_time';
    this.#valuePlace = this.#hasTimes ? 4 : 3;
    this.#isNumber = datatypes[this.#valuePlace] === 'double';
    if (header[this.#valuePlace] !== '_value')
      throw new MetricStreamError('internal', `InfluxDB answered with the columns ${header.slice(1).join(' ')}.`);
  }

  add(line: string): void {
    let table = this.#current;
    if (table === undefined || !line.startsWith(this.#lead)) table = this.#begin(line);
    const timeAt = this.#lead.length;
    const valueAt = this.#hasTimes ? line.indexOf(',', timeAt) + 1 : timeAt;
    const end = line.indexOf(',', valueAt);
    const valueEnd = end < 0 ? line.length : end;
    if (this.#isNumber) {
      // A null, which only another writer can have brought about.
      if (valueEnd === valueAt) return;
      table.numbers.push(parseNumber(line, valueAt, valueEnd));
    } else if (line.charCodeAt(valueAt) === QUOTE) table.texts.push(cellsOf(line)[this.#valuePlace] ?? '');
    else table.texts.push(line.slice(valueAt, valueEnd));
    if (!this.#hasTimes) return;
    this.#times.parse(line, timeAt, valueAt - 1);
    table.timesMs.push(this.#times.ms);
    table.timesNs.push(this.#times.ns);
  }

  #begin(line: string): FluxTable {
    const cells = cellsOf(line);
    const tags = new Map<string, string>();
    for (let place = this.#valuePlace + 1; place < cells.length; place++) {
      const value = cells[place] as string;
      if (value !== '') tags.set(this.#header[place] ?? '', value);
    }
    this.#lead = `${cells.slice(0, 3).join(',')},`;
    this.#current = { result: this.#result, tags, timesMs: [], timesNs: [], numbers: [], texts: [] };
    this.#tables.push(this.#current);
    return this.#current;
  }
}

const QUOTE = 34;
const ZERO = 48;
/** So many digits are an integer that a double holds, and so the quotient of two of them is rounded as its text would be. */
const EXACT_DIGITS = 15;

function parseNumber(line: string, from: number, to: number): number {
  const isNegative = line.charCodeAt(from) === 45;
  let mantissa = 0;
  let digits = 0;
  let scale = 0;
  for (let at = isNegative ? from + 1 : from; at < to; at++) {
    const digit = line.charCodeAt(at) - ZERO;
    if (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digits += 1;
      scale *= 10;
    } else if (digit === -2 && scale === 0) scale = 1;
    else return Number(line.slice(from, to));
  }
  if (digits > EXACT_DIGITS) return Number(line.slice(from, to));
  const size = scale === 0 ? mantissa : mantissa / scale;
  return isNegative ? -size : size;
}

/** RFC 3339 in UTC, as Flux writes it: rows of one day share all but their last digits. */
class TimeParser {
  ms = 0;
  ns = 0;
  #day = ' ';
  #dayMs = 0;

  parse(line: string, from: number, to: number): void {
    // 2026-11-24T00:00:00.123456789Z
    if (!line.startsWith(this.#day, from)) {
      this.#day = line.slice(from, from + 11);
      this.#dayMs = Date.parse(`${this.#day}00:00:00Z`);
    }
    const pair = (at: number): number => (line.charCodeAt(from + at) - ZERO) * 10 + line.charCodeAt(from + at + 1) - ZERO;
    const seconds = (pair(11) * 60 + pair(14)) * 60 + pair(17);
    let fraction = 0;
    let digits = 0;
    for (let at = from + 20; at < to - 1; at++, digits++) fraction = fraction * 10 + line.charCodeAt(at) - ZERO;
    if (digits > 0) for (; digits < 9; digits++) fraction *= 10;
    const ms = Math.floor(fraction / 1_000_000);
    this.ms = this.#dayMs + seconds * 1_000 + ms;
    this.ns = fraction - ms * 1_000_000;
  }
}

/** The cells of a line of CSV (RFC 4180). */
function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const cells: string[] = [];
  let at = 0;
  while (at <= line.length) {
    if (line[at] !== '"') {
      const end = line.indexOf(',', at);
      cells.push(line.slice(at, end < 0 ? undefined : end));
      at = end < 0 ? line.length + 1 : end + 1;
      continue;
    }
    let cell = '';
    for (at += 1; ; at++) {
      const end = line.indexOf('"', at);
      cell += line.slice(at, end < 0 ? undefined : end);
      at = end < 0 ? line.length : end + 1;
      if (line[at] !== '"') break;
      cell += '"';
    }
    cells.push(cell);
    at += 1;
  }
  return cells;
}
