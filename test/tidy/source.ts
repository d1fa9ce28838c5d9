/** One code file, parsed once: its syntax nodes, imports, exports, comments and names. */
import { parseSync } from 'vite';

/** An ESTree node as oxc gives it; what a kind of node holds is read by name. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface Import {
  /** As written: './a.ts', 'node:fs', 'hono'. */
  readonly from: string;
  readonly line: number;
  /** The exported names that are taken; 'all' where that cannot be told. */
  readonly names: readonly string[] | 'all';
}

export interface Export {
  readonly name: string;
  readonly line: number;
  readonly isType: boolean;
}

export interface Comment {
  readonly type: 'Line' | 'Block';
  readonly value: string;
  readonly start: number;
}

export interface Source {
  readonly path: string;
  readonly text: string;
  readonly program: SyntaxNode;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  /** Literals, and the fixed parts of templates. */
  readonly strings: readonly string[];
  /** Every node of these types, in the order of the text. */
  nodes(...types: string[]): SyntaxNode[];
  /** Where a node hangs: its parent and the field of the parent. */
  place(node: SyntaxNode): Place | undefined;
  /** The line of an offset, from 1. */
  lineOf(offset: number): number;
  /** True where a function around the node, or the file, declares the name: then it is no global. */
  isDeclared(name: string, at: SyntaxNode): boolean;
  /** True where a function around the node declares the name: then it is not the file's own. */
  isLocal(name: string, at: SyntaxNode): boolean;
}

interface Place {
  readonly parent: SyntaxNode;
  readonly field: string;
}

type Scopes = ReadonlyMap<string, ReadonlySet<SyntaxNode>>;

const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** The nodes in a field that holds one node or a list of them. */
export function nodesOf(value: unknown): SyntaxNode[] {
  return Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [];
}

/** The name of an identifier, or the value of a string literal. */
export function nameOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  const name = value.type === 'Literal' ? value.value : value.name;
  return typeof name === 'string' ? name : undefined;
}

/** `a.b` of a member expression written with plain names, else ''. */
export function dotted(node: SyntaxNode): string {
  if (node.type !== 'MemberExpression' || node.computed === true) return '';
  return `${nameOf(node.object) ?? ''}.${nameOf(node.property) ?? ''}`;
}

/** The identifier that a chain of members begins with: `a` of `a.b[c].d`. */
export function rootOf(node: SyntaxNode): SyntaxNode {
  return isNode(node.object) ? rootOf(node.object) : node;
}

/** @throws where the file does not parse; `npm run check:types` says more. */
export function parseSource(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text);
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`);
  const root = program as unknown as SyntaxNode;
  const byType = new Map<string, SyntaxNode[]>();
  const places = new Map<SyntaxNode, Place>();
  collect(root, byType, places);
  const nodes = (...types: string[]): SyntaxNode[] => types.flatMap((type) => byType.get(type) ?? []);
  const place = (node: SyntaxNode): Place | undefined => places.get(node);
  const breaks = [...text.matchAll(/\n/g)].map((match) => match.index);
  const lineOf = (offset: number): number => breaks.findLastIndex((at) => at < offset) + 2;
  const scopes = scopesOf(nodes, place);
  const scopedBy = (name: string, at: SyntaxNode, found: (scope: SyntaxNode) => boolean): boolean => {
    const scopesOfName = scopes.get(name);
    for (let node: SyntaxNode | undefined = at; node !== undefined; node = places.get(node)?.parent) {
      if (scopesOfName?.has(node) === true && found(node)) return true;
    }
    return false;
  };
  return {
    path,
    text,
    program: root,
    comments,
    imports: importsOf(nodes, lineOf),
    exports: exportsOf(nodes, lineOf),
    strings: [...nodes('Literal').map((node) => node.value), ...nodes('TemplateElement').map(cooked)].filter(
      (value) => typeof value === 'string',
    ),
    nodes,
    place,
    lineOf,
    isDeclared: (name, at) => scopedBy(name, at, () => true),
    isLocal: (name, at) => scopedBy(name, at, (scope) => scope !== root),
  };
}

function cooked(element: SyntaxNode): unknown {
  return (element.value as { cooked?: unknown }).cooked;
}

function collect(node: SyntaxNode, byType: Map<string, SyntaxNode[]>, places: Map<SyntaxNode, Place>): void {
  const same = byType.get(node.type);
  if (same === undefined) byType.set(node.type, [node]);
  else same.push(node);
  for (const [field, value] of Object.entries(node)) {
    for (const child of nodesOf(value)) {
      places.set(child, { parent: node, field });
      collect(child, byType, places);
    }
  }
}

type Nodes = Source['nodes'];
type LineOf = Source['lineOf'];

/** Imports and re-exports, of types too; `import()`; `new URL('./x', import.meta.url)`. */
function importsOf(nodes: Nodes, lineOf: LineOf): Import[] {
  const found: Import[] = [];
  const add = (node: SyntaxNode, source: unknown, names: Import['names']): void => {
    const from = nameOf(source);
    if (from !== undefined) found.push({ from, line: lineOf(node.start), names });
  };
  for (const node of nodes('ImportDeclaration', 'ExportNamedDeclaration')) {
    const specifiers = nodesOf(node.specifiers);
    const whole = specifiers.some((specifier) => specifier.type === 'ImportNamespaceSpecifier');
    const names = specifiers.map((specifier) => nameOf(specifier.imported ?? specifier.local) ?? 'default');
    add(node, node.source, whole ? 'all' : names);
  }
  for (const node of nodes('ExportAllDeclaration', 'ImportExpression', 'TSImportType')) add(node, node.source, 'all');
  for (const node of nodes('NewExpression')) {
    const [target, base] = nodesOf(node.arguments);
    if (nameOf(node.callee) === 'URL' && base !== undefined && nameOf(base.property) === 'url') add(node, target, 'all');
  }
  return found;
}

const TYPE_DECLARATIONS = ['TSInterfaceDeclaration', 'TSTypeAliasDeclaration'];

function exportsOf(nodes: Nodes, lineOf: LineOf): Export[] {
  const found: Export[] = [];
  for (const node of nodes('ExportNamedDeclaration')) {
    const line = lineOf(node.start);
    for (const specifier of nodesOf(node.specifiers)) {
      const isType = node.exportKind === 'type' || specifier.exportKind === 'type';
      found.push({ name: nameOf(specifier.exported) ?? '', line: lineOf(specifier.start), isType });
    }
    for (const declaration of nodesOf(node.declaration)) {
      const isType = TYPE_DECLARATIONS.includes(declaration.type);
      const names = nodesOf(declaration.declarations).flatMap((variable) => bound(variable.id));
      for (const name of [...bound(declaration.id), ...names]) found.push({ name, line, isType });
    }
  }
  for (const node of nodes('ExportDefaultDeclaration')) found.push({ name: 'default', line: lineOf(node.start), isType: false });
  return found;
}

/** Which function, or the program, declares which names; blocks count as their function. */
function scopesOf(nodes: Nodes, place: Source['place']): Scopes {
  const scopes = new Map<string, Set<SyntaxNode>>();
  const around = (node: SyntaxNode): SyntaxNode => {
    let scope = node;
    for (let up = place(node); up !== undefined; up = place(up.parent)) {
      scope = up.parent;
      if (FUNCTIONS.includes(scope.type)) break;
    }
    return scope;
  };
  const add = (pattern: unknown, scope: SyntaxNode): void => {
    for (const name of bound(pattern)) {
      const known = scopes.get(name);
      if (known === undefined) scopes.set(name, new Set([scope]));
      else known.add(scope);
    }
  };
  const declaring = ['VariableDeclarator', 'FunctionDeclaration', 'ClassDeclaration'];
  for (const node of nodes(...declaring)) add(node.id, around(node));
  for (const node of nodes(...FUNCTIONS)) for (const param of nodesOf(node.params)) add(param, node);
  for (const node of nodes('CatchClause')) add(node.param, around(node));
  for (const node of nodes('ImportSpecifier', 'ImportDefaultSpecifier', 'ImportNamespaceSpecifier'))
    add(node.local, around(node));
  return scopes;
}

/** The names that a pattern declares. */
function bound(pattern: unknown): string[] {
  if (!isNode(pattern)) return [];
  if (pattern.type === 'Identifier') return [nameOf(pattern) ?? ''];
  const inside = ['properties', 'elements', 'argument', 'left', 'parameter'];
  const parts = pattern.type === 'Property' ? [pattern.value] : inside.flatMap((field) => nodesOf(pattern[field]));
  return parts.flatMap(bound);
}
