/** Rule 3 of the house: which parts of the language are used. */
import { isNode, nameOf, nodesOf, rootOf, type Source, type SyntaxNode } from './source.ts';
import { at, forbids, type Rule, type Tree } from './tree.ts';

const FUNCTION = /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/;

const everywhere = (tree: Tree): readonly Source[] => tree.sources;

/** Files whose host takes its settings only from a default export. */
const DEFAULT_DEMANDED = [
  'vitest.config.ts',
  'src/runtimes/cloudflare.ts',
  'src/runtimes/cloudflare-services.ts',
  'test/workers/worker.ts',
];

const noDefaultExport: Rule = {
  name: 'nothing is exported as default, but where a tool demands it',
  because: 'a name that each importer makes up cannot be searched for',
  check: (tree) =>
    tree.sources
      .filter(({ path }) => !DEFAULT_DEMANDED.includes(path))
      .flatMap(({ path, exports }) =>
        exports.filter(({ name }) => name === 'default').map(({ line }) => ({ path, line, what: 'export default' })),
      ),
  caught: [
    [{ 'src/edge/a.ts': '\nexport default function app() {}' }, 'src/edge/a.ts:2'],
    [{ 'src/edge/a.ts': 'const a = 1;\nexport { a as default };' }, 'src/edge/a.ts:2'],
  ],
  allowed: { 'vitest.config.ts': 'export default {};' },
};

const noEnum = forbids(
  {
    name: 'there is no enum',
    because: 'an enum is code that no JavaScript engine reads; a const tuple and its union say the same',
    caught: [[{ 'src/model/a.ts': 'export enum A { B }' }, 'src/model/a.ts:1']],
    allowed: { 'src/model/a.ts': "export const KINDS = ['a'] as const;" },
  },
  everywhere,
  ['TSEnumDeclaration'],
  () => 'enum',
);

const noAny = forbids(
  {
    name: 'there is no any',
    because: 'it ends type checking for all that it touches; unknown does not',
    caught: [[{ 'test/a.ts': 'const a = JSON.parse(b) as\n  any;' }, 'test/a.ts:2']],
    allowed: { 'src/model/any.ts': 'export const any: unknown = 1; // any' },
  },
  everywhere,
  ['TSAnyKeyword'],
  () => 'any',
);

const noNonNull = forbids(
  {
    name: 'nothing is asserted to be there with !',
    because: 'it is a promise that nobody checks',
    caught: [
      [{ 'src/model/a.ts': 'const a = b[0]!;' }, 'src/model/a.ts:1'],
      [{ 'src/model/a.ts': 'let a!: number;' }, 'src/model/a.ts:1'],
    ],
    allowed: { 'src/model/a.ts': 'const a = !b && c !== d;' },
  },
  everywhere,
  ['TSNonNullExpression', 'VariableDeclarator', 'PropertyDefinition'],
  (node) => (node.type === 'TSNonNullExpression' || node.definite === true ? '!' : undefined),
);

const noSilencing: Rule = {
  name: 'nothing silences the compiler',
  because: 'what it says there is what the next reader has to know',
  check: (tree) =>
    tree.sources.flatMap((source) =>
      source.comments
        .filter(({ value }) => /@ts-(?:ignore|nocheck)/.test(value))
        .map((comment) => at(source, comment.start, comment.value.trim())),
    ),
  caught: [[{ 'test/a.ts': '\n// @ts-ignore: no types' }, 'test/a.ts:2']],
  allowed: { 'test/a.ts': "const a = '@ts-ignore';" },
};

const MUTATORS =
  /^(?:set|add|delete|clear|push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin|set(?:Uint|Int|Float|Big)\w+)$/;

/** What a node writes into, where it writes into a part of something. */
function written(node: SyntaxNode): SyntaxNode | undefined {
  const target = [node.left, node.argument, node.callee].find(isNode);
  if (target?.type !== 'MemberExpression') return undefined;
  if (node.type === 'CallExpression' && !MUTATORS.test(nameOf(target.property) ?? '')) return undefined;
  if (node.type === 'UnaryExpression' && node.operator !== 'delete') return undefined;
  return rootOf(target);
}

function isInFunction(source: Source, node: SyntaxNode): boolean {
  for (let up = source.place(node); up !== undefined; up = source.place(up.parent)) {
    if (FUNCTION.test(up.parent.type)) return true;
  }
  return false;
}

/** `let` at the top, static fields, and constants of the module that a function writes into. */
function moduleState(source: Source): SyntaxNode[] {
  const top = nodesOf(source.program.body).flatMap((node) => [node, ...nodesOf(node.declaration)]);
  const variables = top.filter(({ type }) => type === 'VariableDeclaration');
  const statics = source.nodes('PropertyDefinition').filter((node) => node.static === true && node.readonly !== true);
  const own = new Set(variables.flatMap((node) => nodesOf(node.declarations).map(({ id }) => nameOf(id))));
  const writes = source.nodes('AssignmentExpression', 'UpdateExpression', 'UnaryExpression', 'CallExpression').filter((node) => {
    const into = written(node);
    const name = nameOf(into);
    return into !== undefined && name !== undefined && own.has(name) && !source.isLocal(name, into) && isInFunction(source, node);
  });
  return [...variables.filter(({ kind }) => kind !== 'const'), ...statics, ...writes];
}

const noModuleState: Rule = {
  name: 'no module keeps state that changes',
  because: 'two servers, or two tests, in one process would share it',
  check: (tree) =>
    tree
      .under('src/')
      .flatMap((source) =>
        moduleState(source).map((node) => at(source, node.start, source.text.slice(node.start, node.end).split('\n')[0] ?? '')),
      ),
  caught: [
    [{ 'src/edge/a.ts': 'let last = 0;' }, 'src/edge/a.ts:1'],
    [{ 'src/edge/a.ts': 'export let last = 0;' }, 'src/edge/a.ts:1'],
    [{ 'src/edge/a.ts': 'class A { static last = 0; }' }, 'src/edge/a.ts:1'],
    [{ 'src/edge/a.ts': 'const seen = new Map();\nconst see = (k) => seen.set(k, 1);' }, 'src/edge/a.ts:2'],
    [{ 'src/edge/a.ts': 'const seen = {};\nfunction see(k) {\n  seen[k] = 1;\n}' }, 'src/edge/a.ts:3'],
    [{ 'src/edge/a.ts': 'const stats = { n: 0 };\nfunction f() { stats.n++; }' }, 'src/edge/a.ts:2'],
    [{ 'src/edge/a.ts': 'const seen = {};\nfunction forget(k) { delete seen[k]; }' }, 'src/edge/a.ts:2'],
  ],
  allowed: {
    'src/edge/a.ts': [
      'const TABLE = new Uint32Array(256);',
      'for (let i = 0; i < 256; i++) TABLE[i] = i;',
      'const out = [];',
      'export function f() { const out = []; out.push(1); let n = 0; n += 1; return out; }',
    ].join('\n'),
    'test/a.test.ts': 'let server;',
  },
};

export const LANGUAGE_RULES = [noDefaultExport, noEnum, noAny, noNonNull, noSilencing, noModuleState];
