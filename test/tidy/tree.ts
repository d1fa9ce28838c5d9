/** The files of the project as the rules see them, read from the disk or made up by an example. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSource, type Source, type SyntaxNode } from './source.ts';

/** Paths from the root of the project, with slashes, to the text of the file. */
export type Files = Readonly<Record<string, string>>;

export interface Tree {
  readonly files: ReadonlyMap<string, string>;
  readonly sources: readonly Source[];
  /** Sources below a folder: 'src/', or several. */
  under(...folders: string[]): Source[];
  /** The file that an import means, where it is one of ours; undefined for packages. */
  resolve(from: Source, specifier: string): string | undefined;
}

interface Finding {
  readonly path: string;
  /** From 1; 0 where the file as a whole is meant. */
  readonly line: number;
  readonly what: string;
}

/** One rule of the house, with examples of what it catches: a rule that cannot fail is no rule. */
export interface Rule {
  /** The guarantee; it names the test. */
  readonly name: string;
  readonly because: string;
  check(tree: Tree): Finding[];
  /** Made-up trees, each with the one place that the rule has to find: 'path:line'. */
  readonly caught: readonly (readonly [Files, string])[];
  /** A made-up tree that comes close and is right. */
  readonly allowed: Files;
}

const CODE = /\.[cm]?[jt]sx?$/;

export function treeOf(files: Files): Tree {
  const sources = Object.entries(files)
    .filter(([path]) => CODE.test(path))
    .map(([path, text]) => parseSource(path, text));
  return {
    files: new Map(Object.entries(files)),
    sources,
    under: (...folders) => sources.filter(({ path }) => folders.some((folder) => path.startsWith(folder))),
    resolve(from, specifier) {
      if (!specifier.startsWith('.')) return undefined;
      return posix.join(posix.dirname(from.path), specifier);
    },
  };
}

/** Reads every text file below `root` that `.gitignore` does not leave out by `folder/` or `*.ending`. Git's own is none: of a worktree it is a file. */
export function readTree(root: string): Tree {
  const ignored = readFileSync(join(root, '.gitignore'), 'utf8').split('\n');
  const folders = new Set(ignored);
  const endings = ignored.filter((line) => line.startsWith('*.')).map((line) => line.slice(1));
  const files: Record<string, string> = {};
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (path === '.git') continue;
      if (entry.isDirectory() && !folders.has(`${entry.name}/`)) visit(path);
      // In a worktree .git is a file.
      if (!entry.isFile() || folders.has(`${entry.name}/`) || endings.some((ending) => path.endsWith(ending))) continue;
      const text = readFileSync(join(root, path), 'utf8');
      if (!text.includes('\0')) files[path] = text;
    }
  };
  visit('');
  return treeOf(files);
}

/** A finding at an offset of a source, by default where the file begins. */
export function at(source: Source, start: number, what: string): Finding {
  return { path: source.path, line: source.lineOf(start), what };
}

/** Findings for every match of a pattern in a text. */
export function matches(path: string, text: string, pattern: RegExp): Finding[] {
  return text.split('\n').flatMap((line, index) => {
    const match = line.match(pattern);
    return match === null ? [] : [{ path, line: index + 1, what: match[0] }];
  });
}

/** A rule that forbids nodes of the syntax; `what` names the ones that it finds. */
export function forbids(
  rule: Omit<Rule, 'check'>,
  sources: (tree: Tree) => readonly Source[],
  types: readonly string[],
  what: (node: SyntaxNode, source: Source) => string | undefined,
): Rule {
  const check = (tree: Tree) =>
    sources(tree).flatMap((source) =>
      source.nodes(...types).flatMap((node) => {
        const found = what(node, source);
        return found === undefined ? [] : [at(source, node.start, found)];
      }),
    );
  return { ...rule, check };
}
