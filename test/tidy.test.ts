/** The rules of the house, checked on every file, and each rule checked on examples of what it forbids. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CONTRACT_RULES } from './tidy/contracts.ts';
import { DEAD_RULES } from './tidy/dead.ts';
import { DOCUMENT_RULES } from './tidy/documents.ts';
import { FLOOR_RULES } from './tidy/floors.ts';
import { LANGUAGE_RULES } from './tidy/language.ts';
import { LAYOUT_RULES } from './tidy/layout.ts';
import { PACKAGE_RULES } from './tidy/packages.ts';
import { type Rule, readTree, type Tree, treeOf } from './tidy/tree.ts';

const RULES: readonly Rule[] = [
  ...FLOOR_RULES,
  ...LANGUAGE_RULES,
  ...LAYOUT_RULES,
  ...CONTRACT_RULES,
  ...DEAD_RULES,
  ...PACKAGE_RULES,
  ...DOCUMENT_RULES,
];

/** The places where a rule is broken, once each. */
function places(rule: Rule, tree: Tree): string[] {
  return [...new Set(rule.check(tree).map(({ path, line }) => `${path}:${line}`))];
}

describe('the house', () => {
  const tree = readTree(fileURLToPath(new URL('..', import.meta.url)));

  test.each(RULES)('$name', (rule) => {
    const broken = rule.check(tree).map(({ path, line, what }) => `  ${path}:${line} ${what}`);
    if (broken.length > 0) expect.fail(`${rule.name}: ${rule.because}\n${broken.join('\n')}`);
  });
});

describe('each rule finds what it forbids, and nothing else', () => {
  test.each(RULES)('$name', (rule) => {
    for (const [files, place] of rule.caught) expect(places(rule, treeOf(files)), JSON.stringify(files)).toEqual([place]);
    expect(places(rule, treeOf(rule.allowed)), 'allowed').toEqual([]);
  });
});
