/** Rule 5 of the house, its error model, and what ports, adapters and names promise. */
import { isNode, nameOf, nodesOf, type Source } from './source.ts';
import { at, forbids, type Rule, type Tree } from './tree.ts';

const inSrc = (tree: Tree): readonly Source[] => tree.under('src/');
const LIMITS_FILES = ['src/model/limits.ts', 'src/model/service-limits.ts', 'src/model/alert-limits.ts'];
const ERRORS_FILE = 'src/model/errors.ts';

const oneError = forbids(
  {
    name: 'src throws MetricStreamError, and no other error is made',
    because: 'an error is recognised by its code; one without a code can only be guessed at',
    caught: [
      [{ 'src/edge/a.ts': "throw new Error('no key');" }, 'src/edge/a.ts:1'],
      [{ 'src/agent/a.ts': 'reject(new TypeError());' }, 'src/agent/a.ts:1'],
      [{ 'src/edge/a.ts': 'class KeyError extends Error {}' }, 'src/edge/a.ts:1'],
    ],
    allowed: {
      'src/model/errors.ts': 'export class MetricStreamError extends Error {}',
      'src/edge/a.ts': "throw new MetricStreamError('internal');",
      'test/a.test.ts': "throw new Error('seed 5');",
    },
  },
  (tree) => inSrc(tree).filter(({ path }) => path !== ERRORS_FILE),
  ['NewExpression', 'ClassDeclaration'],
  (node) => {
    const name = nameOf(node.callee ?? node.superClass) ?? '';
    return /^(?:Type|Range|Syntax|Aggregate)?Error$/.test(name)
      ? `${node.type === 'NewExpression' ? 'new' : 'extends'} ${name}`
      : undefined;
  },
);

const errorsByCode = forbids(
  {
    name: 'errors are recognised by code, never by text',
    because: 'texts are for people and change',
    caught: [
      [{ 'src/edge/a.ts': "if (error.message === 'gone') f();" }, 'src/edge/a.ts:1'],
      [{ 'src/edge/a.ts': 'if (\n  error.message.includes(text)) f();' }, 'src/edge/a.ts:2'],
      [{ 'src/edge/a.ts': 'if (/gone/.test(error.message)) f();' }, 'src/edge/a.ts:1'],
    ],
    allowed: { 'src/edge/a.ts': "log(error.message);\nif (error.code === 'unauthorized') f();" },
  },
  inSrc,
  ['BinaryExpression', 'CallExpression'],
  (node) => {
    const isText = (part: unknown): boolean =>
      isNode(part) && part.type === 'MemberExpression' && nameOf(part.property) === 'message';
    const callee = isNode(node.callee) ? node.callee : undefined;
    const tests =
      callee !== undefined && /^(?:includes|startsWith|endsWith|match|search|test)$/.test(nameOf(callee.property) ?? '');
    const compares = /^[!=]==?$/.test(String(node.operator ?? ''));
    const parts = compares ? [node.left, node.right] : tests ? [callee.object, ...nodesOf(node.arguments)] : [];
    return parts.some(isText) ? 'decides by the text of an error' : undefined;
  },
);

const portsAreContracts: Rule = {
  name: 'a port is interfaces and types only: at most four methods, each with its contract above it',
  because: 'a port is the promise that every adapter is tested against',
  check: (tree) =>
    tree.under('src/ports/').flatMap((source) => {
      const types = /^(?:ImportDeclaration|ExportNamedDeclaration|TSInterfaceDeclaration|TSTypeAliasDeclaration)$/;
      const body = nodesOf(source.program.body).flatMap((node) => [node, ...nodesOf(node.declaration)]);
      const code = body.filter(({ type }) => !types.test(type)).map((node) => at(source, node.start, 'code in a port'));
      const methods = source.nodes('TSInterfaceBody').flatMap((node) => {
        const own = nodesOf(node.body).filter(({ type }) => type === 'TSMethodSignature');
        const bare = own.filter(({ start }) => !/\*\/\s*$/.test(source.text.slice(0, start)));
        const many = own.length > 4 ? [at(source, node.start, `${own.length} methods`)] : [];
        return [...many, ...bare.map((method) => at(source, method.start, `${nameOf(method.key)} has no contract`))];
      });
      return [...code, ...methods];
    }),
  caught: [
    [{ 'src/ports/a.ts': 'export const A = 1;' }, 'src/ports/a.ts:1'],
    [{ 'src/ports/a.ts': 'export interface A {\n  f(): void;\n}' }, 'src/ports/a.ts:2'],
    [
      { 'src/ports/a.ts': `export interface A { ${[1, 2, 3, 4, 5].map((n) => `/** ${n} */ f${n}(): void;`).join(' ')} }` },
      'src/ports/a.ts:1',
    ],
  ],
  allowed: { 'src/ports/a.ts': '/** A. */\nexport interface A {\n  readonly b: number;\n  /** Does it. */\n  f(): void;\n}' },
};

const adaptersAreFactories = forbids(
  {
    name: 'adapters are factories and export no class',
    because: 'whoever wires an adapter knows the port, not what stands behind it',
    caught: [[{ 'src/adapters/memory/a.ts': 'export class MemoryStore {}' }, 'src/adapters/memory/a.ts:1']],
    allowed: {
      'src/adapters/memory/a.ts': 'class Store {}\nexport function memoryStore() { return new Store(); }',
      'src/adapters/durable-objects/shard-object.ts': 'export class Shard extends DurableObject {}',
    },
  },
  (tree) => tree.under('src/adapters/').filter(({ path }) => !path.endsWith('-object.ts')),
  ['ClassDeclaration'],
  (node, source) =>
    source.exports.some(({ name }) => name === nameOf(node.id)) ? `exports class ${nameOf(node.id)}` : undefined,
);

const MISNAMED = /^(?:max|min)[A-Z]|(?:Millis|Milliseconds|Seconds?Ms|InMs|InSeconds|Secs?)$/;

const unitsLast = forbids(
  {
    name: 'names say the unit last, as in timeoutMs and bodyBytesMax',
    because: 'one way to say it is one thing less to remember',
    caught: [
      [{ 'src/model/limits.ts': 'export const LIMITS = { maxBodyBytes: 5 };' }, 'src/model/limits.ts:1'],
      [{ 'src/edge/a.ts': 'interface Options {\n  timeoutMillis: number;\n}' }, 'src/edge/a.ts:2'],
    ],
    allowed: { 'src/edge/a.ts': 'interface Options { bodyBytesMax: number; min: number; timeoutMs: number }' },
  },
  inSrc,
  ['TSPropertySignature', 'Property'],
  (node, source) => {
    const name = nameOf(node.key) ?? '';
    const named = node.type === 'TSPropertySignature' || LIMITS_FILES.includes(source.path);
    return named && MISNAMED.test(name) ? name : undefined;
  },
);

const UNITS_FILE = 'src/model/window.ts';
const BOUND = /(?:Max|Ms|Bytes|Limit|Seconds)$|_(?:MAX|MS|BYTES|LIMIT|SECONDS)$/;
/** Fewer bytes than this are the width of a field or the cost of an object, which are no choices of ours. */
const BOUND_BYTES_MIN = 1_024;

/** The value of an expression made of numbers alone; constants that the file makes of numbers count as such. */
function numberOf(node: unknown, constants: ReadonlyMap<string, unknown>): number | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Literal') return typeof node.value === 'number' ? node.value : undefined;
  if (node.type === 'Identifier') return numberOf(constants.get(nameOf(node) ?? ''), new Map());
  if (node.type !== 'BinaryExpression') return undefined;
  const left = numberOf(node.left, constants);
  const right = numberOf(node.right, constants);
  if (left === undefined || right === undefined) return undefined;
  return node.operator === '*' || node.operator === '**' ? left * right : left + right;
}

const boundsInLimits: Rule = {
  name: 'every bound stands in model/limits.ts',
  because: 'an operator or a reviewer has to find all of them, with unit and reason, in one place',
  check: (tree) =>
    inSrc(tree)
      .filter(({ path }) => !LIMITS_FILES.includes(path) && path !== UNITS_FILE)
      .flatMap((source) => {
        const constants = new Map(source.nodes('VariableDeclarator').map((node) => [nameOf(node.id) ?? '', node.init]));
        return source.nodes('VariableDeclarator', 'Property', 'AssignmentPattern').flatMap((node) => {
          const name = nameOf(node.id ?? node.key ?? node.left) ?? '';
          const value = numberOf(node.init ?? node.value ?? node.right, constants) ?? 0;
          const isWidth = /bytes$/i.test(name) && value < BOUND_BYTES_MIN;
          return BOUND.test(name) && value > 1 && !isWidth ? [at(source, node.start, `${name} = ${value}`)] : [];
        });
      }),
  caught: [
    [{ 'src/edge/a.ts': '\nconst BODY_BYTES_MAX = 4 * 1024;' }, 'src/edge/a.ts:2'],
    [{ 'src/edge/a.ts': 'const SECOND = 1000;\nconst TIMEOUT_MS = 5 * SECOND;' }, 'src/edge/a.ts:2'],
    [{ 'src/edge/a.ts': 'export const f = (timeoutMs = 5_000) => timeoutMs;' }, 'src/edge/a.ts:1'],
    [{ 'src/edge/a.ts': 'open({ timeoutMs: 5_000 });' }, 'src/edge/a.ts:1'],
  ],
  allowed: {
    'src/model/limits.ts': 'export const LIMITS = { bodyBytesMax: 4_096 };',
    'src/model/service-limits.ts': 'export const SERVICE_LIMITS = { fetchBytesMax: 4_096 };',
    'src/model/alert-limits.ts': 'export const ALERT_LIMITS = { rulesMax: 1_000 };',
    'src/model/window.ts': 'export const MINUTE_MS = 60_000;',
    'src/protocols/a.ts': 'const HEADER_BYTES = 8;\nlet startMs = 0;\nconst timeoutMs = LIMITS.timeoutMs * 2;',
    'test/a.test.ts': 'const timeoutMs = 5_000;',
  },
};

export const CONTRACT_RULES = [oneError, errorsByCode, portsAreContracts, adaptersAreFactories, unitsLast, boundsInLimits];
