/** A reader of line protocol for tests, written from what InfluxDB's own parser does, with nothing of the encoder in it. */

export interface ParsedPoint {
  readonly measurement: string;
  /** As the store would keep them, in their order on the line. */
  readonly tags: readonly (readonly [key: string, value: string])[];
  readonly fields: ReadonlyMap<string, number | string>;
  readonly ns: bigint;
}

const ESCAPED = /\\([,= ])/g;

/** The place of the first of `stops` from `at` on that no backslash stands before. */
function unescaped(line: string, stops: string, at: number): number {
  for (let i = at; i < line.length; i++) if (stops.includes(line[i] ?? '') && line[i - 1] !== '\\') return i;
  throw new Error(`no end: ${JSON.stringify(line.slice(at))}`);
}

/** Lines end where no quote is open; quotes count only behind the first space that is not escaped. */
export function splitLines(text: string): string[] {
  const lines: string[] = [];
  let start = 0;
  let inFields = false;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === ' ') inFields = true;
    else if (text[i] === '"' && inFields) quoted = !quoted;
    else if (text[i] === '\n' && !quoted) {
      lines.push(text.slice(start, i));
      start = i + 1;
      inFields = false;
    }
  }
  if (start !== text.length) throw new Error('the last line has no end');
  return lines;
}

export function parseLine(line: string): ParsedPoint {
  let at = unescaped(line, ', ', 0);
  const measurement = line.slice(0, at).replace(ESCAPED, '$1');
  const tags: [string, string][] = [];
  while (line[at] === ',') {
    const equals = unescaped(line, '=', at + 1);
    const end = unescaped(line, ', ', equals + 1);
    const value = line.slice(equals + 1, end);
    if (value === '') throw new Error('an empty tag');
    if (/(?<!\\)=/.test(value)) throw new Error('an equals sign that is not escaped');
    tags.push([line.slice(at + 1, equals).replace(ESCAPED, '$1'), value.replace(ESCAPED, '$1')]);
    at = end;
  }
  const fields = new Map<string, number | string>();
  do {
    const equals = unescaped(line, '=', at + 1);
    const name = line.slice(at + 1, equals);
    if (line[equals + 1] === '"') {
      let end = equals + 2;
      while (line[end] !== '"') end += line[end] === '\\' ? 2 : 1;
      fields.set(name, line.slice(equals + 2, end).replace(/\\(["\\])/g, '$1'));
      at = end + 1;
    } else {
      const [number = ''] = /^-?\d+(?:\.\d+)?(?:e[+-]\d+)?/.exec(line.slice(equals + 1)) ?? [];
      if (number === '') throw new Error(`no number: ${line.slice(equals + 1)}`);
      fields.set(name, Number(number));
      at = equals + 1 + number.length;
    }
  } while (line[at] === ',');
  if (!/^ \d+$/.test(line.slice(at))) throw new Error(`no time: ${JSON.stringify(line.slice(at))}`);
  return { measurement, tags, fields, ns: BigInt(line.slice(at + 1)) };
}
