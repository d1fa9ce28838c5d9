/** Rule 4 of the house, and how files and folders are laid out. */
import { nameOf, nodesOf, type Source, type SyntaxNode } from './source.ts';
import { at, type Rule } from './tree.ts';

const FILE_LINES_MAX = 400;
/** A Durable Object is a shell: it loads, calls, saves and sets its alarm. */
const SHELL_LINES_MAX = 100;
const FUNCTION_LINES_MAX = 70;

function linesOf(count: number): string {
  return 'const a = [\n'.padEnd(12 + count - 2, '\n').concat('];');
}

const shortFiles: Rule = {
  name: `files have at most ${FILE_LINES_MAX} lines, shells of Durable Objects ${SHELL_LINES_MAX}`,
  because: 'a file that long does more than one thing',
  check: (tree) =>
    tree.sources.flatMap((source) => {
      const lines = source.text.trimEnd().split('\n').length;
      const most = source.path.endsWith('-object.ts') ? SHELL_LINES_MAX : FILE_LINES_MAX;
      return lines > most ? [at(source, 0, `${lines} lines`)] : [];
    }),
  caught: [
    [{ 'src/edge/a.ts': linesOf(FILE_LINES_MAX + 1) }, 'src/edge/a.ts:1'],
    [{ 'src/consumers/shard-object.ts': linesOf(SHELL_LINES_MAX + 1) }, 'src/consumers/shard-object.ts:1'],
  ],
  allowed: { 'src/edge/a.ts': `${linesOf(FILE_LINES_MAX)}\n`, 'src/consumers/shard-object.ts': linesOf(SHELL_LINES_MAX) },
};

const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/** True for a function that declares tests and is none: the body of a `describe`, or a contract suite. */
function isSuite(source: Source, node: SyntaxNode): boolean {
  const begins = (part: SyntaxNode | undefined, pattern: RegExp): boolean =>
    part !== undefined && pattern.test(source.text.slice(part.start, part.end));
  const statements = nodesOf(node.body).flatMap((block) => nodesOf(block.body));
  const declares = statements.some((statement) => begins(statement, /^(?:describe|test|it)\b/));
  return source.path.startsWith('test/') && (declares || begins(source.place(node)?.parent, /^describe\b/));
}

const shortFunctions: Rule = {
  name: `functions have at most ${FUNCTION_LINES_MAX} lines`,
  because: 'a function is read on one screen',
  check: (tree) =>
    tree.sources.flatMap((source) =>
      source.nodes(...FUNCTIONS).flatMap((node) => {
        const lines = source.lineOf(node.end) - source.lineOf(node.start) + 1;
        return lines > FUNCTION_LINES_MAX && !isSuite(source, node) ? [at(source, node.start, `${lines} lines`)] : [];
      }),
    ),
  caught: [
    [{ 'src/edge/a.ts': `\nfunction f() {\n${linesOf(FUNCTION_LINES_MAX - 1)}\n}` }, 'src/edge/a.ts:2'],
    [{ 'test/a.test.ts': `test('a', () => {\n${linesOf(FUNCTION_LINES_MAX - 1)}\n})` }, 'test/a.test.ts:1'],
  ],
  allowed: {
    'src/edge/a.ts': `function f() {\n${linesOf(FUNCTION_LINES_MAX - 2)}\n}`,
    'test/a.test.ts': `describe('a', () => {\n${linesOf(FUNCTION_LINES_MAX)}\n})`,
    'test/contract/a.ts': `export function storeContract(open) {\ntest('a', () => {});\n${linesOf(FUNCTION_LINES_MAX)}\n}`,
  },
};

const captions: Rule = {
  name: 'every code file opens with a sentence that says what it is for',
  because: 'a reader decides by it whether to read on',
  check: (tree) =>
    tree.sources.flatMap((source) => {
      const [first] = source.comments;
      const before = source.text.slice(0, first?.start ?? 0).replace(/^#!.*\n/, '');
      const isCaption = first?.type === 'Block' && /^\*\s.*\w.*[.!?]\s*$/s.test(first.value) && before === '';
      return isCaption ? [] : [at(source, 0, 'no caption')];
    }),
  caught: [
    [{ 'src/edge/a.ts': 'const a = 1;\n/** Too late. */' }, 'src/edge/a.ts:1'],
    [{ 'src/edge/a.ts': '// No caption.\n' }, 'src/edge/a.ts:1'],
    [{ 'src/edge/a.ts': '/** no sentence */\n' }, 'src/edge/a.ts:1'],
    [{ 'src/edge/a.ts': '/** */\n' }, 'src/edge/a.ts:1'],
  ],
  allowed: {
    'src/runtimes/cli.ts': '#!/usr/bin/env bun\n/** The command line. */\nrun();',
    'src/edge/a.ts': '/**\n * What it is for.\n */\n',
  },
};

/** Kafka, Redis and InfluxDB are services: what starts them and what tests against them may say so. */
const EMPTY_WORDS = /(?:^|\/)(?:utils?|common|shared|helpers?|types|(?<!^(?:scripts|test)\/)services|lib|core)\//;

const speakingFolders: Rule = {
  name: 'no folder has a name that fits everything',
  because: 'what is in utils, common or lib can only be found by opening it',
  check: ({ files }) =>
    [...files.keys()].filter((path) => EMPTY_WORDS.test(path)).map((path) => ({ path, line: 0, what: 'names nothing' })),
  caught: [
    [{ 'src/edge/utils/text.ts': '' }, 'src/edge/utils/text.ts:0'],
    [{ 'test/helpers/a.ts': '' }, 'test/helpers/a.ts:0'],
    [{ 'infra/common/a.yaml': '' }, 'infra/common/a.yaml:0'],
    [{ 'src/services/a.ts': '' }, 'src/services/a.ts:0'],
  ],
  allowed: {
    'src/edge/score/a.ts': '',
    'src/model/types.ts': '',
    'scripts/services/kafka.ts': '',
    'test/services/a.test.ts': '',
  },
};

const noIndex: Rule = {
  name: 'there is no index file',
  because: 'it hides where things are and ties into one knot all that is behind it',
  check: ({ files }) =>
    [...files.keys()]
      .filter((path) => /(?:^|\/)index\.[cm]?[jt]sx?$/.test(path))
      .map((path) => ({ path, line: 0, what: 'an index' })),
  caught: [[{ 'src/edge/index.ts': '' }, 'src/edge/index.ts:0']],
  allowed: { 'src/edge/dashboard/index.html': '', 'src/model/series-index.ts': '' },
};

const wholeImports: Rule = {
  name: 'relative imports name a file that is there, with its ending',
  because: 'every host then finds it without a build step',
  check: (tree) =>
    tree.sources.flatMap((source) => {
      const statements = source.nodes('ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression');
      return statements.flatMap((node) => {
        const [from] = nodesOf(node.source);
        const target = tree.resolve(source, nameOf(from) ?? '');
        return from === undefined || target === undefined || tree.files.has(target) ? [] : [at(source, from.start, target)];
      });
    }),
  caught: [
    [{ 'src/edge/a.ts': "import { b } from './b';", 'src/edge/b.ts': '' }, 'src/edge/a.ts:1'],
    [{ 'src/edge/a.ts': "\nexport * from '../model/gone.ts';" }, 'src/edge/a.ts:2'],
  ],
  allowed: { 'src/edge/a.ts': "import { b } from './b.ts';\nimport { Hono } from 'hono';", 'src/edge/b.ts': '' },
};

export const LAYOUT_RULES = [shortFiles, shortFunctions, captions, speakingFolders, noIndex, wholeImports];
