/** What the texts of the project say has to hold: paths, commands, tables, and nothing put off. */
import { posix } from 'node:path';
import { manifestOf } from './packages.ts';
import { dotted, nameOf, rootOf } from './source.ts';
import { type Files, forbids, matches, type Rule, type Tree } from './tree.ts';

/** A stretch of text that speaks about the project: a line of a document or of a comment. */
interface Line {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

function linesOf(path: string, text: string, first = 1): Line[] {
  return text.split('\n').map((content, index) => ({ path, line: first + index, text: content }));
}

function documentsOf(tree: Tree, name: RegExp): Line[] {
  return [...tree.files].filter(([path]) => name.test(path)).flatMap(([path, text]) => linesOf(path, text));
}

function commentsOf(tree: Tree): Line[] {
  return tree.sources.flatMap(({ path, comments, lineOf }) =>
    comments.flatMap((comment) => linesOf(path, comment.value, lineOf(comment.start))),
  );
}

/** The parts of lines that are set as code: fenced blocks of a document, and what stands in backticks. */
function codeIn(lines: readonly Line[]): Line[] {
  let fenced = false;
  return lines.flatMap((line) => {
    if (line.line === 1 || /^\s*```/.test(line.text)) fenced = line.line > 1 && !fenced;
    if (fenced) return [line];
    return [...line.text.matchAll(/`([^`]+)`/g)].map((match) => ({ ...line, text: match[1] ?? '' }));
  });
}

const PATH =
  /(?<![\w/.-])(?:(?:src|test|scripts|infra|\.ci|\.github)\/[\w.<>{},*/-]*|[A-Z]+\.md\b|package\.json\b|biome\.json\b|tsconfig[\w.]*\.json\b)/g;

/** The paths that braces, <names> and stars in a path stand for, as patterns; a folder is the beginning of its files. */
function patternsOf(path: string): RegExp[] {
  const group = /\{([^{}]*)\}/.exec(path);
  if (group !== null) return (group[1] ?? '').split(',').flatMap((part) => patternsOf(path.replace(group[0], part)));
  const escaped = path.replace(/[.,/-]+$/, '').replaceAll('.', '\\.');
  return [
    new RegExp(`^${escaped.replace(/<[^<>]*>/g, '*').replace(/\*+/g, (stars) => (stars === '*' ? '[^/]*' : '.*'))}(?:/|$)`),
  ];
}

const pathsExist: Rule = {
  name: 'paths that documents and comments set as code exist',
  because: 'a wrong signpost is worse than none; a file that is planned is set in italics',
  check: (tree) => {
    const paths = [...tree.files.keys()];
    const exists = (path: string): boolean => patternsOf(path).every((pattern) => paths.some((other) => pattern.test(other)));
    return codeIn([...documentsOf(tree, /\.md$/), ...commentsOf(tree)]).flatMap(({ path, line, text }) =>
      [...text.matchAll(PATH)].filter((match) => !exists(match[0])).map((match) => ({ path, line, what: match[0] })),
    );
  },
  caught: [
    [{ 'README.md': 'Read this.\nSee `src/edge/app.ts`.' }, 'README.md:2'],
    [{ 'README.md': 'Text.\n```\ncat test/gone.ts\n```' }, 'README.md:3'],
    [{ 'README.md': 'See `STORAGE.md`.' }, 'README.md:1'],
    [{ 'CONTRIBUTING.md': '`src/adapters/{bun,node}/a.ts`', 'src/adapters/bun/a.ts': '' }, 'CONTRIBUTING.md:1'],
    [{ 'src/edge/a.ts': '\n/** What `test/edge/a.test.ts` shows. */' }, 'src/edge/a.ts:2'],
  ],
  allowed: {
    'README.md': 'See `src/edge/`, `src/{edge,model}/<file>.ts`, `npm run a src/**/b.ts`, _src/alerts/rules.ts_ and `a/src/b`.',
    'src/edge/b.ts': '',
    'src/model/c.ts': "const path = 'src/nowhere.ts';",
  },
};

/** The anchor that a forge makes of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

const linksExist: Rule = {
  name: 'links within the project lead somewhere',
  because: 'a wrong signpost is worse than none',
  check: (tree) => {
    const anchors = (path: string): string[] =>
      [...(tree.files.get(path) ?? '').matchAll(/^#+ (.*)$/gm)].map((match) => anchorOf(match[1] ?? ''));
    const isThere = (from: string, link: string): boolean => {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? from : posix.join(posix.dirname(from), file).replace(/\/$/, '');
      const exists = [...tree.files.keys()].some((path) => path === target || path.startsWith(`${target}/`));
      return exists && (anchor === undefined || anchors(target).includes(anchor));
    };
    return documentsOf(tree, /\.md$/).flatMap(({ path, line, text }) =>
      [...text.matchAll(/\]\(([^()\s]+)\)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => !/^(?:https?|mailto):/.test(link) && !isThere(path, link))
        .map((link) => ({ path, line, what: link })),
    );
  },
  caught: [
    [{ 'README.md': '# A\n[b](docs/b.md)' }, 'README.md:2'],
    [{ 'README.md': '[b](#nowhere)\n# Somewhere' }, 'README.md:1'],
    [{ 'README.md': '[b](B.md#c)', 'B.md': '# D' }, 'README.md:1'],
  ],
  allowed: {
    'README.md': '# The `a`: b\n[a](#the-a-b) [c](src/) [d](https://example.org/d) [e](B.md#f)',
    'B.md': '## F',
    'src/a.ts': '',
  },
};

const commandsExist: Rule = {
  name: 'npm commands that documents, comments, CI and scripts name exist',
  because: 'the first thing that a newcomer does is to type them',
  check: (tree) => {
    const { scripts } = manifestOf(tree);
    const speaking = documentsOf(tree, /\.(?:md|ya?ml|sh)$|^\.ci\/|^package\.json$/);
    return [...speaking, ...commentsOf(tree)].flatMap(({ path, line, text }) =>
      [...text.matchAll(/\bnpm (?:run (?:-\S+ )*([a-z][\w:-]*)|(start|test)\b)/g)]
        .map((match) => match[1] ?? match[2] ?? '')
        .filter((name) => scripts[name] === undefined)
        .map((name) => ({ path, line, what: `npm run ${name}` })),
    );
  },
  caught: [
    [{ 'README.md': '\n`npm run gone`' }, 'README.md:2'],
    [{ 'README.md': '    npm start' }, 'README.md:1'],
    [{ '.ci/run': 'part npm run --silent gone' }, '.ci/run:1'],
    [{ 'scripts/a.ts': '/** Run by `npm run gone`. */' }, 'scripts/a.ts:1'],
    [{ 'package.json': '{"scripts":{"a":"npm run b"}}' }, 'package.json:1'],
  ],
  allowed: {
    'README.md': '`npm run a -- --flag`, `npm test`, `npm ci`',
    'package.json': '{"scripts":{"a":"b","test":"npm run a"}}',
  },
};

const STANDING = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'STORAGE.md', 'SECURITY.md', 'LICENSE'];
const ALL_STANDING: Files = Object.fromEntries(STANDING.map((path) => [path, '# A']));

const standingDocuments: Rule = {
  name: 'the standing documents are there',
  because: 'each answers one question, and every one of them is asked',
  check: ({ files }) =>
    STANDING.filter((path) => (files.get(path) ?? '').trim() === '').map((path) => ({ path, line: 0, what: 'is missing' })),
  caught: [[{ ...ALL_STANDING, LICENSE: '\n' }, 'LICENSE:0']],
  allowed: ALL_STANDING,
};

const tablesDocumented: Rule = {
  name: 'STORAGE.md names every table that src creates',
  because: 'the data outlive the code; whoever opens the file has to know what lies in it',
  check: (tree) =>
    tree.under('src/').flatMap(({ path, text }) =>
      linesOf(path, text).flatMap(({ line, text: content }) => {
        const table = /CREATE TABLE (?:IF NOT EXISTS )?(\w+)/.exec(content)?.[1];
        const isKnown = table === undefined || new RegExp(`\\b${table}\\b`).test(tree.files.get('STORAGE.md') ?? '');
        return isKnown ? [] : [{ path, line, what: table }];
      }),
    ),
  caught: [
    [
      { 'src/adapters/embedded/a.ts': "\ndb.exec('CREATE TABLE IF NOT EXISTS raw (a) STRICT');", 'STORAGE.md': 'rawest' },
      'src/adapters/embedded/a.ts:2',
    ],
  ],
  allowed: { 'src/adapters/embedded/a.ts': "db.exec('CREATE TABLE raw (a)');", 'STORAGE.md': 'The table `raw`.' },
};

const SUITES = /^(?:test|it|describe|suite|bench)$/;

const noSkippedTest = forbids(
  {
    name: 'no test is skipped, put off or run alone',
    because: 'a test that does not run guards nothing',
    caught: [
      [{ 'test/a.test.ts': "test.skip('a', f);" }, 'test/a.test.ts:1'],
      [{ 'test/a.test.ts': "describe.concurrent.only('a', f);" }, 'test/a.test.ts:1'],
      [{ 'test/a.test.ts': "it.todo('a');" }, 'test/a.test.ts:1'],
      [{ 'test/a.test.ts': "test.skipIf(slow)('a', f);" }, 'test/a.test.ts:1'],
    ],
    allowed: { 'test/a.test.ts': "test.each([1])('skips what is gone', f);\niterator.skip();" },
  },
  (tree) => tree.under('test/'),
  ['MemberExpression'],
  (node) => {
    const isSuite = SUITES.test(nameOf(rootOf(node)) ?? '');
    return isSuite && /^(?:skip|only|todo|skipIf|runIf|if|fails|failing)$/.test(nameOf(node.property) ?? '')
      ? dotted(node)
      : undefined;
  },
);

/** Every text but the lock file, whose hashes spell anything. */
function everyText(tree: Tree, pattern: RegExp) {
  return [...tree.files].flatMap(([path, text]) => (path === 'package-lock.json' ? [] : matches(path, text, pattern)));
}

// The patterns and examples below are spelled so that they do not find themselves.
const LATER = /\b(?:TO[D]O|FIX[M]E|X{3}|HAC[K])\b|\b[Nn]ot[ ]implemented\b|\b[Cc]oming[ ]soon\b/;

const nothingForLater: Rule = {
  name: 'nothing is put off in the text',
  because: 'what is not there yet belongs in an issue, and the documents say what is',
  check: (tree) => everyText(tree, LATER),
  caught: ['// TO\x44O: retry', '/* FIX\x4dE */', '// X\x58X', '// HAC\x4b', '// Not\x20implemented', 'coming\x20soon'].map(
    (text): readonly [Files, string] => [{ 'infra/a.sh': `\n${text}` }, 'infra/a.sh:2'],
  ),
  allowed: { 'infra/a.sh': 'mktemp -d XXXXXX # hackathon, todo' },
};

const MACHINE =
  /(?<![\w.-])\/(?:work|root|home\/\w+)(?![\w-])|https?:\/\/[^\s/'"`]*(?:registry|artifactory|nexus|verdaccio|mirror)/;

const noMachine: Rule = {
  name: 'no text names a path of a machine or the host of a registry',
  because: 'it is true on one machine only, and tells strangers about it',
  check: (tree) => everyText(tree, MACHINE),
  caught: [
    [{ 'scripts/a.ts': "\nread('\x2fwork/main/a');" }, 'scripts/a.ts:2'],
    [{ 'README.md': 'cd \x2froot' }, 'README.md:1'],
    [{ 'infra/a.yaml': 'path: file:///\x2fhome/anna/a' }, 'infra/a.yaml:1'],
    [{ '.npmrc': 'registry=https:/\x2fregistry.example.org' }, '.npmrc:1'],
  ],
  allowed: { 'README.md': 'src/work/a, network/root, /workers, /home, registry.get(), https://example.org/registry' },
};

export const DOCUMENT_RULES = [
  pathsExist,
  linksExist,
  commandsExist,
  standingDocuments,
  tablesDocumented,
  noSkippedTest,
  nothingForLater,
  noMachine,
];
