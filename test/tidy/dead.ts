/** What nobody uses: files, exports, limits, error codes. */
import { basename } from 'node:path';
import { manifestOf } from './packages.ts';
import { nameOf, nodesOf, type Source } from './source.ts';
import { at, type Rule, type Tree } from './tree.ts';

const CODE_NAME = /[\w./-]+\.[cm]?[jt]sx?$/;
/** What is run by itself: everything else has to be reached from here. */
const ENTRIES = /^src\/runtimes\/[^/]+$|^src\/edge\/dashboard\/browser\/page\.ts$|^test\/.*\.test\.ts$|^[^/]+$/;

/** The files that a source imports or names in a string, as child processes and bundles are. */
function reachedFrom(tree: Tree, source: Source): string[] {
  const imported = source.imports.flatMap(({ from }) => tree.resolve(source, from) ?? []);
  // The examples of these rules name files that are not meant.
  if (source.path.startsWith('test/tidy/')) return imported;
  const named = source.strings.flatMap((text) => {
    const name = text.match(CODE_NAME)?.[0] ?? '';
    const path = name.replace(/^[./]+/, '');
    if (path === '' || path.includes('/')) return path;
    return [...tree.files.keys()].filter((file) => basename(file) === path);
  });
  return [...imported, ...named];
}

/** The commands of the project: the scripts of package.json and what CI calls. */
function commandsOf(tree: Tree): string {
  return `${JSON.stringify(manifestOf(tree).scripts ?? {})}\n${tree.files.get('.ci/run') ?? ''}`;
}

const noDeadFile: Rule = {
  name: 'every file of code is reached from a runtime, the page, a test or a command',
  because: 'what nothing reaches is never run, and still has to be read',
  check: (tree) => {
    const byPath = new Map(tree.sources.map((source) => [source.path, source]));
    const commands = commandsOf(tree);
    const isEntry = (path: string): boolean => ENTRIES.test(path) || (path.startsWith('scripts/') && commands.includes(path));
    const queue = [...byPath.keys()].filter(isEntry);
    const reached = new Set(queue);
    for (const path of queue) {
      const source = byPath.get(path);
      for (const next of source === undefined ? [] : reachedFrom(tree, source)) {
        if (!reached.has(next)) queue.push(next);
        reached.add(next);
      }
    }
    const code = tree.sources.filter(({ path }) => !reached.has(path)).map((source) => at(source, 0, 'reached from nowhere'));
    const assets = [...tree.files.keys()].filter((path) => path.startsWith('src/') && !byPath.has(path));
    const isNamed = (path: string): boolean => tree.sources.some(({ text }) => text.includes(basename(path)));
    return [...code, ...assets.filter((path) => !isNamed(path)).map((path) => ({ path, line: 0, what: 'named nowhere' }))];
  },
  caught: [
    [{ 'src/edge/a.ts': '', 'src/runtimes/bun.ts': '' }, 'src/edge/a.ts:1'],
    [{ 'scripts/a.ts': '', 'package.json': '{"scripts":{"bench":"node scripts/b.ts"}}', 'scripts/b.ts': '' }, 'scripts/a.ts:1'],
    [{ 'src/edge/dashboard/old.css': 'a {}' }, 'src/edge/dashboard/old.css:0'],
    [{ 'test/contract/store.ts': "test('a', f);", 'test/a.test.ts': '' }, 'test/contract/store.ts:1'],
  ],
  allowed: {
    'src/runtimes/bun.ts': "import '../edge/a.ts';",
    'src/edge/a.ts': "import type { B } from './b.ts';",
    'src/edge/b.ts': "asset('./page.css');",
    'src/edge/page.css': '',
    'scripts/c.ts': "import './d.ts';",
    'scripts/d.ts': '',
    'package.json': '{"scripts":{"bench":"node scripts/c.ts"}}',
    'test/a.test.ts': "spawn('node', [new URL('./child.ts', import.meta.url).pathname, join(root, 'test/system/other.ts')]);",
    'test/child.ts': '',
    'test/system/other.ts': '',
  },
};

const noDeadExport: Rule = {
  name: 'every export of src is imported somewhere; types may also name parts of their own file',
  because: 'an export is a promise to others, and there have to be others',
  check: (tree) => {
    const taken = new Set<string>();
    for (const source of tree.sources) {
      for (const { from, names } of source.imports) {
        const target = tree.resolve(source, from);
        for (const name of names === 'all' ? ['*'] : names) taken.add(`${target}:${name}`);
      }
    }
    return tree.under('src/').flatMap((source) => {
      const uses = (name: string): number => source.nodes('Identifier').filter((node) => nameOf(node) === name).length;
      return source.exports
        .filter(({ name }) => !taken.has(`${source.path}:${name}`) && !taken.has(`${source.path}:*`))
        .filter(({ name, isType }) => !(isType && uses(name) > 1))
        .map(({ name, line }) => ({
          path: source.path,
          line,
          what: uses(name) > 1 ? `${name} need not be exported` : `${name} is not used`,
        }));
    });
  },
  caught: [
    [{ 'src/edge/a.ts': '\nexport function f() {}' }, 'src/edge/a.ts:2'],
    [
      { 'src/edge/a.ts': 'export const A = 1;\nexport const b = A;', 'test/b.test.ts': "import { b } from '../src/edge/a.ts';" },
      'src/edge/a.ts:1',
    ],
    [{ 'src/edge/a.ts': 'export interface A {}' }, 'src/edge/a.ts:1'],
  ],
  allowed: {
    'src/edge/a.ts': 'export interface Options {}\nexport function f(options: Options) {}\nexport type T = 1;',
    'test/a.test.ts': "import { f as g } from '../src/edge/a.ts';\nlet t: import('../src/edge/a.ts').T;",
  },
};

/** The keys of an object that a file exports as a constant, with the line of each. */
function keysOf(source: Source | undefined, constant: string): { readonly name: string; readonly start: number }[] {
  const declared = source?.nodes('VariableDeclarator').find((node) => nameOf(node.id) === constant);
  const isTop = (key: number): boolean => declared !== undefined && key > declared.start && key < declared.end;
  const objects = (source?.nodes('ObjectExpression', 'ArrayExpression') ?? []).filter(({ start }) => isTop(start));
  return nodesOf(objects.find(({ start }) => start === Math.min(...objects.map((object) => object.start))))
    .flatMap((object) => [...nodesOf(object.properties), ...nodesOf(object.elements)])
    .flatMap((entry) => ({ name: nameOf(entry.key ?? entry) ?? '', start: entry.start }));
}

/** `LIMITS.x`, `deps.limits.x`, `const { x } = limits`. */
function limitsUsedBy(source: Source): string[] {
  const isLimits = (value: unknown): boolean =>
    nodesOf(value).some((node) => /limits$/i.test(nameOf(node.property ?? node) ?? ''));
  const members = source
    .nodes('MemberExpression')
    .filter((node) => isLimits(node.object))
    .map((node) => node.property);
  const patterns = source.nodes('VariableDeclarator').filter((node) => isLimits(node.init));
  const keys = patterns
    .flatMap((node) => nodesOf(node.id))
    .flatMap((pattern) => nodesOf(pattern.properties).map(({ key }) => key));
  return [...members, ...keys].flatMap((name) => nameOf(name) ?? []);
}

const noDeadLimit: Rule = {
  name: 'every limit is used in src',
  because: 'a bound that nothing reads bounds nothing',
  check: (tree) => {
    const used = new Set(tree.under('src/').flatMap(limitsUsedBy));
    const sheets = [
      ['src/model/limits.ts', 'LIMITS'],
      ['src/model/service-limits.ts', 'SERVICE_LIMITS'],
      ['src/model/alert-limits.ts', 'ALERT_LIMITS'],
    ] as const;
    return sheets.flatMap(([file, object]) => {
      const source = tree.sources.find(({ path }) => path === file);
      return keysOf(source, object).flatMap(({ name, start }) =>
        source === undefined || name === '' || used.has(name) ? [] : [at(source, start, name)],
      );
    });
  },
  caught: [
    [
      {
        'src/model/limits.ts': 'export const LIMITS = {\n  aMs: 1,\n  bMs: [2],\n} as const;',
        'src/edge/a.ts': 'f(LIMITS.aMs, other.bMs);',
        'test/a.test.ts': 'f(LIMITS.bMs);',
      },
      'src/model/limits.ts:3',
    ],
  ],
  allowed: {
    'src/model/limits.ts': 'export const LIMITS = { aMs: 1, bMs: 2, cMs: 3 } as const;',
    'src/edge/a.ts': 'f(LIMITS.aMs, deps.limits.bMs);\nconst { cMs } = limits;',
  },
};

const noDeadCode: Rule = {
  name: 'every catalogued error code and reason is used',
  because: 'a code that is never given is a promise to clients that nothing keeps',
  check: (tree) => {
    const source = tree.sources.find(({ path }) => path === 'src/model/errors.ts');
    const used = new Set(tree.under('src/').flatMap((other) => (other === source ? [] : other.strings)));
    const codes = [...keysOf(source, 'ERRORS'), ...keysOf(source, 'REJECT_REASONS')];
    return codes.flatMap(({ name, start }) => (source === undefined || used.has(name) ? [] : [at(source, start, name)]));
  },
  caught: [
    [{ 'src/model/errors.ts': "export const ERRORS = {\n  gone: { text: 'x' },\n} as const;" }, 'src/model/errors.ts:2'],
    [
      { 'src/model/errors.ts': "export const REJECT_REASONS = ['late'] as const;", 'src/edge/a.ts': 'late();' },
      'src/model/errors.ts:1',
    ],
  ],
  allowed: {
    'src/model/errors.ts': "export const ERRORS = { gone: { text: 'x' } };\nexport const REJECT_REASONS = ['late'];",
    'src/edge/a.ts': "new MetricStreamError('gone');\nreject('late');",
  },
};

export const DEAD_RULES = [noDeadFile, noDeadExport, noDeadLimit, noDeadCode];
