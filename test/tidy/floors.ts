/** Rules 1 and 2 of the house: who may import whom, and where technology may appear. */
import { builtinModules } from 'node:module';
import { dotted, nameOf, type Source, type SyntaxNode } from './source.ts';
import { at, type Rule, type Tree } from './tree.ts';

const MODEL = ['model'];
const PORTS = ['ports', ...MODEL];
const PROTOCOLS = ['protocols', ...PORTS];

/** For each folder of src, the folders whose files it may import, besides its own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  ports: MODEL,
  protocols: PORTS,
  agent: PROTOCOLS,
  edge: PROTOCOLS,
  gateway: PROTOCOLS,
  consumers: PROTOCOLS,
  alerts: PROTOCOLS,
  adapters: PROTOCOLS,
  runtimes: ['agent', 'edge', 'gateway', 'consumers', 'alerts', 'adapters', ...PROTOCOLS],
};

function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

const floors: Rule = {
  name: 'imports in src only go down the floors',
  because: 'a floor that knows the one above it, or its neighbour, can no longer be replaced or tested alone',
  check: (tree) =>
    tree.under('src/').flatMap((source) => {
      const own = folderOf(source.path);
      const below = MAY_IMPORT[own];
      if (below === undefined) return [at(source, 0, `src/${own} is no floor of the house`)];
      return source.imports.flatMap(({ from, line }) => {
        const target = tree.resolve(source, from);
        if (target === undefined) return [];
        const folder = target.startsWith('src/') ? folderOf(target) : target;
        return folder === own || below.includes(folder) ? [] : [{ path: source.path, line, what: `${own} imports ${target}` }];
      });
    }),
  caught: [
    [{ 'src/model/a.ts': "import type { B } from '../ports/b.ts';" }, 'src/model/a.ts:1'],
    [{ 'src/ports/a.ts': "export * from '../protocols/b.ts';" }, 'src/ports/a.ts:1'],
    [{ 'src/edge/a.ts': "\nimport { b } from '../consumers/b.ts';" }, 'src/edge/a.ts:2'],
    [{ 'src/consumers/a.ts': "const b = await import('../adapters/memory/b.ts');" }, 'src/consumers/a.ts:1'],
    [{ 'src/adapters/bun/a.ts': "let b: import('../../edge/b.ts').B;" }, 'src/adapters/bun/a.ts:1'],
    [{ 'src/agent/a.ts': "import { b } from '../runtimes/b.ts';" }, 'src/agent/a.ts:1'],
    [{ 'src/model/a.ts': "import { b } from '../../test/b.ts';" }, 'src/model/a.ts:1'],
    [{ 'src/engine/a.ts': '' }, 'src/engine/a.ts:1'],
  ],
  allowed: {
    'src/edge/a.ts': "import { b } from '../protocols/b.ts';\nimport { c } from './c.ts';",
    'src/runtimes/a.ts': "import { b } from '../edge/b.ts';\nimport { c } from './config.ts';",
    'test/a.test.ts': "import { b } from '../src/runtimes/b.ts';",
  },
};

/** Each circle of imports once, as the path that closes it. */
function circles(tree: Tree): [Source, readonly string[]][] {
  const byPath = new Map(tree.sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const found: [Source, string[]][] = [];
  const visit = (source: Source, trail: readonly string[]): void => {
    if (trail.includes(source.path)) {
      found.push([source, [...trail.slice(trail.indexOf(source.path)), source.path]]);
      return;
    }
    if (done.has(source.path)) return;
    for (const { from } of source.imports) {
      const next = byPath.get(tree.resolve(source, from) ?? '');
      if (next !== undefined) visit(next, [...trail, source.path]);
    }
    done.add(source.path);
  };
  for (const source of tree.sources) visit(source, []);
  return found;
}

const noCycle: Rule = {
  name: 'there is no import cycle, imports of types included',
  because: 'files in a circle can only be understood, moved and tested together',
  check: (tree) => circles(tree).map(([source, trail]) => at(source, 0, trail.join(' -> '))),
  caught: [
    [
      {
        'src/model/a.ts': "import type { B } from './b.ts';",
        'src/model/b.ts': "export { c } from './c.ts';",
        'src/model/c.ts': "import { a } from './a.ts';",
      },
      'src/model/a.ts:1',
    ],
  ],
  allowed: {
    'src/model/a.ts': "import './b.ts';\nimport './c.ts';",
    'src/model/b.ts': "import './c.ts';",
    'src/model/c.ts': '',
  },
};

const TOOLS = /^(?:test|scripts)\/|^[^/]+$/;

/** Where a technology may be imported, each with the places. What stands in no row may be imported everywhere above the ports. */
const AT_HOME: readonly { readonly what: RegExp; readonly where: readonly RegExp[] }[] = [
  { what: /^node:/, where: [/^src\/(?:agent|gateway|runtimes|adapters\/(?:node|system|kafka))\//, TOOLS] },
  { what: /^bun(?::|$)/, where: [/^src\/adapters\/bun\//, /^src\/runtimes\/bun\.ts$/, /^test\/bun\//, /^scripts\/bench\//] },
  { what: /^cloudflare:/, where: [/^src\/.*-object\.ts$/, /^src\/runtimes\/cloudflare\.ts$/, /^test\//] },
  { what: /^@?hono\b/, where: [/^src\/(?:edge|gateway|runtimes)\//, TOOLS] },
  { what: /^[^.]/, where: [/^src\/(?!model\/|ports\/)/, TOOLS] },
];

const technology: Rule = {
  name: 'node:, bun:, cloudflare: and hono are imported only where they belong, and model and ports import no package',
  because: 'code that names its host runs on one host',
  check: (tree) =>
    tree.sources.flatMap((source) =>
      source.imports.flatMap(({ from, line }) => {
        const module = builtinModules.includes(from) ? `node:${from}` : from;
        const home = AT_HOME.find(({ what }) => what.test(module));
        const isHome = home === undefined || home.where.some((place) => place.test(source.path));
        return isHome ? [] : [{ path: source.path, line, what: `imports ${from}` }];
      }),
    ),
  caught: [
    [{ 'src/consumers/a.ts': "import { readFileSync } from 'node:fs';" }, 'src/consumers/a.ts:1'],
    [{ 'src/edge/a.ts': "import { join } from 'path';" }, 'src/edge/a.ts:1'],
    [{ 'src/adapters/embedded/a.ts': "import { deflateRawSync } from 'node:zlib';" }, 'src/adapters/embedded/a.ts:1'],
    [{ 'src/runtimes/server.ts': "import { Database } from 'bun:sqlite';" }, 'src/runtimes/server.ts:1'],
    [{ 'src/agent/a.ts': "import type { Server } from 'bun';" }, 'src/agent/a.ts:1'],
    [{ 'src/consumers/shard.ts': "import { DurableObject } from 'cloudflare:workers';" }, 'src/consumers/shard.ts:1'],
    [{ 'src/consumers/a.ts': "import type { Context } from 'hono';" }, 'src/consumers/a.ts:1'],
    [{ 'src/protocols/a.ts': "import { html } from 'hono/html';" }, 'src/protocols/a.ts:1'],
    [{ 'src/model/a.ts': "import { z } from 'zod';" }, 'src/model/a.ts:1'],
  ],
  allowed: {
    'src/adapters/node/compression.ts': "import { deflateRawSync } from 'node:zlib';",
    'src/consumers/shard-object.ts': "import { DurableObject } from 'cloudflare:workers';",
    'src/edge/app.ts': "import { Hono } from 'hono';\nimport { z } from 'zod';",
    'src/runtimes/bun.ts': "import { Database } from 'bun:sqlite';\nimport { join } from 'node:path';",
    'test/a.test.ts': "import { join } from 'node:path';\nimport { test } from 'vitest';",
  },
};

export const NEUTRAL = [
  'model',
  'ports',
  'protocols',
  'edge',
  'consumers',
  'alerts',
  'adapters/durable-objects',
  'adapters/embedded',
  'adapters/influxdb',
  'adapters/memory',
  'adapters/upstash',
];
const BROWSER = 'src/edge/dashboard/browser/';
const AMBIENT = [
  'fetch',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'process',
  'Buffer',
  'Bun',
  'Deno',
  'globalThis',
  'self',
  'console',
];
const AMBIENT_MEMBERS = ['Date.now', 'Math.random', 'performance.now', 'AbortSignal.timeout'];
const NAMING = ['property', 'key', 'label', 'exprName', 'typeName', 'id'];

/** True where an identifier reads a value, not names a property, a type or a declaration. */
function isRead(source: Source, node: SyntaxNode): boolean {
  const place = source.place(node);
  if (place === undefined) return false;
  return !NAMING.includes(place.field) || (place.field === 'property' && place.parent.computed === true);
}

function ambientUses(source: Source): SyntaxNode[] {
  const free = (node: SyntaxNode, name: string): boolean => !source.isDeclared(name, node);
  const isAmbient = (node: SyntaxNode): boolean => {
    if (node.type === 'Identifier') {
      const name = nameOf(node) ?? '';
      return AMBIENT.includes(name) && isRead(source, node) && free(node, name);
    }
    if (node.type === 'MemberExpression') {
      const path = dotted(node);
      return AMBIENT_MEMBERS.includes(path) && free(node, path.split('.')[0] ?? '');
    }
    const reads = nameOf(node.callee) === 'Date' && (node.arguments as unknown[]).length === 0;
    return reads && free(node, 'Date');
  };
  return source.nodes('Identifier', 'MemberExpression', 'NewExpression', 'CallExpression').filter(isAmbient);
}

const noAmbient: Rule = {
  name: 'neutral code is handed the clock, chance, the network and timers',
  because: 'tests and the simulator have to own time and chance, and not every host has the same globals',
  check: (tree) =>
    tree
      .under(...NEUTRAL.map((folder) => `src/${folder}/`))
      .filter(({ path }) => !path.startsWith(BROWSER))
      .flatMap((source) => ambientUses(source).map((node) => at(source, node.start, source.text.slice(node.start, node.end)))),
  caught: [
    [{ 'src/consumers/a.ts': '\nconst now = Date.now();' }, 'src/consumers/a.ts:2'],
    [{ 'src/edge/a.ts': 'export function f(now = Date.now) { now(); }' }, 'src/edge/a.ts:1'],
    [{ 'src/model/a.ts': 'export const started = new Date();' }, 'src/model/a.ts:1'],
    [{ 'src/protocols/a.ts': 'export const chance = Math.random;' }, 'src/protocols/a.ts:1'],
    [{ 'src/edge/a.ts': 'await fetch(url);' }, 'src/edge/a.ts:1'],
    [{ 'src/edge/a.ts': 'function f(fetch) {}\nconst g = { fetch };' }, 'src/edge/a.ts:2'],
    [{ 'src/consumers/a.ts': 'setTimeout(run, 5);' }, 'src/consumers/a.ts:1'],
    [{ 'src/consumers/a.ts': 'globalThis.setInterval(run, 5);' }, 'src/consumers/a.ts:1'],
    [{ 'src/adapters/embedded/a.ts': 'const t = performance.now();' }, 'src/adapters/embedded/a.ts:1'],
    [{ 'src/consumers/a.ts': 'console.log(1);' }, 'src/consumers/a.ts:1'],
    [{ 'src/adapters/memory/a.ts': 'const home = process.env.HOME;' }, 'src/adapters/memory/a.ts:1'],
  ],
  allowed: {
    'src/edge/a.ts': [
      'interface Deps { fetch: typeof fetch }',
      'export const get = ({ fetch }: Deps) => fetch("/");',
      'export const later = (clock: Clock) => clock.setTimeout(new Date(5));',
    ].join('\n'),
    'src/edge/dashboard/browser/page.ts': 'setInterval(() => fetch("/"), Date.now());',
    'src/runtimes/bun.ts': 'setTimeout(() => process.exit(), Date.now());',
  },
};

export const FLOOR_RULES = [floors, noCycle, technology, noAmbient];
