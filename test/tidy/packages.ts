/** What package.json, its lock file and the tsconfigs may hold. */
import { NEUTRAL } from './floors.ts';
import type { Import, Source } from './source.ts';
import { at, matches, type Rule, type Tree } from './tree.ts';

type Entries = Readonly<Record<string, string>>;

interface Manifest {
  readonly scripts: Entries;
  readonly dependencies: Entries;
  readonly devDependencies: Entries;
}

export function manifestOf(tree: Tree): Manifest {
  const none = { scripts: {}, dependencies: {}, devDependencies: {} };
  return { ...none, ...(JSON.parse(tree.files.get('package.json') ?? '{}') as Partial<Manifest>) };
}

function inManifest(tree: Tree, name: string, what: string) {
  const lines = (tree.files.get('package.json') ?? '').split('\n');
  return { path: 'package.json', line: lines.findIndex((text) => text.includes(`"${name}":`)) + 1, what };
}

/** The package of an import; undefined for our own files and for what a host brings. */
function packageOf({ from }: Import): string | undefined {
  if (from.startsWith('.') || from.includes(':')) return undefined;
  return from.split('/', from.startsWith('@') ? 2 : 1).join('/');
}

function packagesOf(sources: readonly Source[]): Set<string | undefined> {
  return new Set(sources.flatMap(({ imports }) => imports.map(packageOf)));
}

/** Packages whose command has another name. */
const COMMANDS: Entries = { '@biomejs/biome': 'biome', typescript: 'tsc' };

/** The package whose types these are. */
const typed = (name: string): string => name.replace('@types/', '');

const usedPackages: Rule = {
  name: 'every dependency is imported, called by a script of package.json or named in a tsconfig',
  because: 'each package is trust given and work owed',
  check: (tree) => {
    const { scripts, dependencies, devDependencies } = manifestOf(tree);
    const imported = packagesOf(tree.sources);
    const words = new Set(Object.values(scripts).flatMap((script) => script.split(' ')));
    const settings = [...tree.files].filter(([path]) => /^tsconfig[^/]*\.json$/.test(path)).map(([, text]) => text);
    const isUsed = (name: string): boolean =>
      imported.has(name) ||
      words.has(COMMANDS[name] ?? name) ||
      settings.some((text) => text.includes(`"${typed(name)}"`)) ||
      (name !== typed(name) && imported.has(typed(name)));
    const names = Object.keys({ ...dependencies, ...devDependencies });
    return names.filter((name) => !isUsed(name)).map((name) => inManifest(tree, name, `${name} is not used`));
  },
  caught: [
    [{ 'package.json': '{"dependencies":{\n"hono":"4.0.0"}}' }, 'package.json:2'],
    [
      { 'package.json': '{"devDependencies":{\n"typescript":"7.0.0"}}', 'a.test.ts': "import './typescript.ts';" },
      'package.json:2',
    ],
  ],
  allowed: {
    'package.json':
      '{"scripts":{"check":"tsc -p ."},"dependencies":{"zod":"4.0.0"},"devDependencies":{"typescript":"7.0.0","@types/node":"24.0.0"}}',
    'tsconfig.json': '{"compilerOptions":{"types":["node"]}}',
    'src/edge/a.ts': "import { z } from 'zod/mini';",
  },
};

const pinnedPackages: Rule = {
  name: 'every dependency has one exact version',
  because: 'what is not pinned changes without a commit',
  check: (tree) => {
    const { dependencies, devDependencies } = manifestOf(tree);
    return Object.entries({ ...dependencies, ...devDependencies })
      .filter(([, version]) => !/^\d+\.\d+\.\d+[\w.-]*$/.test(version))
      .map(([name, version]) => inManifest(tree, name, `${name} ${version}`));
  },
  caught: [
    [{ 'package.json': '{"dependencies":{"hono":"^4.0.0"}}' }, 'package.json:1'],
    [{ 'package.json': '{"devDependencies":{\n"vite":"latest"}}' }, 'package.json:2'],
  ],
  allowed: { 'package.json': '{"dependencies":{"hono":"4.0.0","miniflare":"5.0.1-beta.2"}}' },
};

const shippedPackages: Rule = {
  name: 'src imports only packages among the dependencies',
  because: 'an installation without devDependencies has to start',
  check: (tree) => {
    const { dependencies } = manifestOf(tree);
    return tree.under('src/').flatMap(({ path, imports }) =>
      imports.flatMap((entry) => {
        const name = packageOf(entry);
        const isShipped = name === undefined || dependencies[name] !== undefined;
        return isShipped ? [] : [{ path, line: entry.line, what: `${name} is not among the dependencies` }];
      }),
    );
  },
  caught: [
    [
      { 'package.json': '{"devDependencies":{"vite":"8.0.0"}}', 'src/runtimes/a.ts': "import { build } from 'vite';" },
      'src/runtimes/a.ts:1',
    ],
    [{ 'src/edge/a.ts': "\nimport type { A } from '@a/b/c';" }, 'src/edge/a.ts:2'],
  ],
  allowed: {
    'package.json': '{"dependencies":{"@a/b":"4.0.0"}}',
    'src/runtimes/bun.ts': "import 'bun:sqlite';\nimport '@a/b/c';\nimport './d.ts';",
  },
};

const lockWithoutHosts: Rule = {
  name: 'the lock file names no host',
  because: 'npm ci has to work with whatever registry a machine is set to',
  check: (tree) => matches('package-lock.json', tree.files.get('package-lock.json') ?? '', /"resolved": .*/),
  caught: [[{ 'package-lock.json': '{\n"resolved": "https://example.org/a.tgz"}' }, 'package-lock.json:2']],
  allowed: { 'package-lock.json': '{"packages":{"node_modules/resolved":{"version":"1.0.0"}}}' },
};

interface Settings {
  readonly compilerOptions?: { readonly types?: readonly string[] };
  readonly include?: readonly string[];
}

const typeChecked: Rule = {
  name: 'every file is type-checked, neutral code without the types of a host',
  because: 'what no tsconfig includes is checked by nobody, and a neutral file that may say Buffer soon does',
  check: (tree) => {
    const settings = [...tree.files]
      .filter(([path]) => /^tsconfig[^/]*\.json$/.test(path))
      .map(([, text]) => JSON.parse(text) as Settings);
    const includes = (path: string, { include = [] }: Settings): boolean =>
      include.some((folder) => path.startsWith(`${folder}/`));
    const isNeutral = (path: string): boolean => NEUTRAL.some((folder) => path.startsWith(`src/${folder}/`));
    return tree.under('src/', 'scripts/', 'test/').flatMap((source) => {
      const of = settings.filter((entry) => includes(source.path, entry));
      if (of.length === 0) return [at(source, 0, 'in no tsconfig')];
      const isBare = of.every(({ compilerOptions }) => compilerOptions?.types?.length === 0);
      return isNeutral(source.path) && !isBare ? [at(source, 0, 'checked with the types of a host')] : [];
    });
  },
  caught: [
    [
      { 'src/gateway/a.ts': '', 'tsconfig.json': '{"compilerOptions":{"types":[]},"include":["src/model"]}' },
      'src/gateway/a.ts:1',
    ],
    [
      { 'src/edge/a.ts': '', 'tsconfig.server.json': '{"compilerOptions":{"types":["node"]},"include":["src"]}' },
      'src/edge/a.ts:1',
    ],
  ],
  allowed: {
    'src/model/a.ts': '',
    'src/agent/b.ts': '',
    'tsconfig.json': '{"compilerOptions":{"types":[]},"include":["src/model"]}',
    'tsconfig.server.json': '{"compilerOptions":{"types":["node"]},"include":["src/agent"]}',
    'tsconfig.base.json': '{}',
  },
};

export const PACKAGE_RULES = [usedPackages, pinnedPackages, shippedPackages, lockWithoutHosts, typeChecked];
