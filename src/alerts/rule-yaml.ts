/** A YAML text looked at node by node: every value keeps its line, and what does not fit is a problem there. */
import {
  Composer,
  type CST,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type ParsedNode,
  Parser,
  visit,
} from 'yaml';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { BookProblem } from '../ports/alert-book.ts';

/** A node where it stands. */
export interface Place {
  /** As in `groups[0].rules[2].expr`; empty for the whole. */
  readonly path: string;
  readonly node: ParsedNode | null | undefined;
  /** What shows its line where there is no node: its key. */
  readonly key?: ParsedNode | null | undefined;
}

const TOO_DEEP = 'it is nested too deeply';
/** What the engines say when they ran out of stack. */
const STACK = /call stack|too much recursion/i;

/** The fields of a map that its reader asks for; those that it never asks for are unknown, and said to be. */
export type Fields = ReadonlyMap<string, Place>;

export class YamlReader {
  /** In the order in which they were found. */
  readonly problems: BookProblem[] = [];
  readonly #lines = new LineCounter();
  readonly #root: ParsedNode | null | undefined;
  readonly #anchors = new Map<string, ParsedNode>();
  #nodesLeft: number = ALERT_LIMITS.ruleFileNodesMax;

  /** Never throws: what cannot be read is among the problems. */
  constructor(text: string) {
    if (new TextEncoder().encode(text).length > ALERT_LIMITS.ruleFileBytesMax) {
      this.problems.push({ line: 1, path: '', message: `the file is larger than ${ALERT_LIMITS.ruleFileBytesMax / 1024} KiB` });
      return;
    }
    try {
      // Keys are compared here: the library does it each with each.
      const composer = new Composer<ParsedNode>({ uniqueKeys: false, logLevel: 'error' });
      const [document, more] = [...composer.compose(this.#tokensOf(text), true, text.length)];
      const [error] = document?.errors ?? [];
      if (error !== undefined) this.#unreadable(error.message, error.pos[0]);
      if (more !== undefined) this.#unreadable('it is more than one document', more.range[0]);
      if (document === undefined || this.problems.length > 0) return;
      this.#root = document.contents;
      visit(document, {
        Node: (_, node) => {
          if (isAlias(node) || node.anchor === undefined) return;
          if (this.#anchors.has(node.anchor)) this.#unreadable(`the anchor ${node.anchor} stands twice`, node.range?.[0]);
          this.#anchors.set(node.anchor, node as ParsedNode);
        },
      });
    } catch {
      this.#unreadable(TOO_DEEP, 0);
    }
  }

  /** What the library parses of a text, up to our bounds: what nests deeply takes it minutes, and what is many errors seconds. */
  *#tokensOf(text: string): Generator<CST.Token, void> {
    const parser = new Parser(this.#lines.addNewLine);
    this.#lines.addNewLine(0);
    let left: number = ALERT_LIMITS.ruleFileWordsMax;
    let before = '';
    for (const word of new Lexer().lex(text)) {
      yield* parser.next(word);
      if (word === ',' && [',', '[', '{'].includes(before))
        return this.#unreadable('nothing stands before a comma', parser.offset - 1);
      if (word.startsWith('%') && before.startsWith('%'))
        return this.#unreadable('it has more than one directive', parser.offset - 1);
      if (parser.stack.length > ALERT_LIMITS.ruleFileDepthMax) return this.#unreadable(TOO_DEEP, parser.offset);
      if (left-- === 0)
        return this.#unreadable(`it has more than ${ALERT_LIMITS.ruleFileWordsMax} words and signs`, parser.offset);
      if (word.trim() !== '') before = word;
    }
    yield* parser.end();
  }

  #unreadable(why: string, offset = 0): void {
    const message = `this is no YAML: ${STACK.test(why) ? TOO_DEEP : why}`;
    if (this.problems.length === 0) this.problems.push({ line: this.#lineAt(offset), path: '', message });
  }

  /** The whole document; undefined where it cannot be read. */
  get root(): Place | undefined {
    return this.problems.length > 0 ? undefined : { path: '', node: this.#root };
  }

  /** Line from 1; of a text that goes over several lines, that of one of its characters. */
  lineOf({ node, key }: Place, offset = 0): number {
    const start = node?.range?.[0] ?? key?.range?.[0];
    if (start === undefined) return 1;
    const line = this.#lineAt(start);
    const isBlock = isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
    if (!isBlock || typeof node.value !== 'string') return line;
    return line + 1 + (node.type === 'BLOCK_LITERAL' ? node.value.slice(0, offset).split('\n').length - 1 : 0);
  }

  problem(place: Place, message: string, offset = 0): undefined {
    // What is read past the bound on nodes is nothing, and says nothing.
    if (this.problems.length < ALERT_LIMITS.ruleProblemsMax && this.#nodesLeft >= 0)
      this.problems.push({ line: this.lineOf(place, offset), path: place.path, message });
    return undefined;
  }

  /** @returns the node behind an alias, counted each time: a bomb of aliases ends at the bound. */
  #resolved(place: Place): ParsedNode | null | undefined {
    if (this.#nodesLeft === 0) this.problem(place, `the file has more than ${ALERT_LIMITS.ruleFileNodesMax} nodes`);
    this.#nodesLeft -= 1;
    if (this.exhausted) return null;
    const { node } = place;
    if (!isAlias(node)) return node;
    const target = this.#anchors.get(node.source);
    return target ?? this.problem(place, `there is no anchor ${node.source.slice(0, 60)}`);
  }

  /** The problems by line. */
  get sorted(): readonly BookProblem[] {
    return this.problems.toSorted((a, b) => a.line - b.line);
  }

  /** Whether the bound on nodes was passed: nothing that is read after it counts. */
  get exhausted(): boolean {
    return this.#nodesLeft < 0;
  }

  /** @param known the fields that there are; undefined: any. */
  fields(place: Place, known: readonly string[] | undefined): Fields | undefined {
    const node = this.#resolved(place);
    if (!isMap(node)) return this.problem(place, `has to be a map${known === undefined ? '' : ` with ${known.join(', ')}`}`);
    const fields = new Map<string, Place>();
    for (const { key, value } of node.items) {
      const at: Place = { path: place.path, node: key as ParsedNode | null };
      const name = isScalar(key) ? String(key.source ?? key.value) : undefined;
      if (name === undefined) {
        this.problem(at, 'keys have to be texts');
        continue;
      }
      const path = place.path === '' ? name : `${place.path}.${name}`;
      if (fields.has(name)) this.problem({ ...at, path }, `${name} stands twice`);
      else if (known?.includes(name) === false) this.problem({ ...at, path }, unknownField(name, known));
      else fields.set(name, { path, node: isNode(value) ? (value as ParsedNode) : null, key: key as ParsedNode });
      if (this.exhausted) break;
    }
    return fields;
  }

  items(place: Place, max: number): Place[] {
    const node = this.#resolved(place);
    if (!isSeq(node)) {
      this.problem(place, 'has to be a list');
      return [];
    }
    if (node.items.length > max) this.problem(place, `has more than ${max} entries`);
    return node.items.slice(0, max).map((item, i) => ({ path: `${place.path}[${i}]`, node: item as ParsedNode }));
  }

  /** A text; numbers and booleans count as they are written. */
  text(place: Place): string | undefined {
    const node = this.#resolved(place);
    if (isScalar(node) && node.value !== null)
      return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
    return this.problem(place, 'has to be a text');
  }

  number(place: Place): number | undefined {
    const node = this.#resolved(place);
    if (isScalar(node) && typeof node.value === 'number' && Number.isFinite(node.value)) return node.value;
    return this.problem(place, 'has to be a number');
  }

  boolean(place: Place): boolean | undefined {
    const node = this.#resolved(place);
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    return this.problem(place, 'has to be true or false');
  }

  #lineAt(offset: number): number {
    return this.#lines.linePos(offset).line;
  }
}

function unknownField(name: string, known: readonly string[]): string {
  if (name === 'record') return 'there are no recording rules: an alert reads the minutes of the metrics themselves';
  if (name === '<<') return 'there are no merge keys: write the fields out';
  return `there is no field ${name}: there are ${known.join(', ')}`;
}
