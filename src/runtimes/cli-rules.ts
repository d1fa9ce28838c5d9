/** `metricstream rules`: check rule files, run the tests of rules, and write out rules that are TypeScript. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { BUILTIN_GROUP, BUILTIN_RULES } from '../alerts/builtin-rules.ts';
import { newJudge } from '../alerts/new-judge.ts';
import { parseRuleFile } from '../alerts/rule-file.ts';
import { parseRuleTests } from '../alerts/rule-test-file.ts';
import { runRuleTests } from '../alerts/rule-tests.ts';
import { ruleFileText } from '../alerts/rule-text.ts';
import type { RuleSpec } from '../model/alert.ts';
import type { BookProblem } from '../ports/alert-book.ts';

/** A file that was read, and what is wrong with it. */
interface Loaded {
  readonly rules: readonly RuleSpec[];
  readonly problems: readonly string[];
}

/** Where lines go, and files come from. */
export interface RulesCommandDeps {
  read(path: string): string;
  out(line: string): void;
}

const DEPS: RulesCommandDeps = {
  read: (path) => readFileSync(path, 'utf8'),
  out: (line) => process.stdout.write(`${line}\n`),
};

export function rulesCommand(deps: RulesCommandDeps = DEPS): Command {
  const command = new Command('rules').description('check and test alert rules');
  command
    .command('check')
    .description('say what is wrong with rule files, each problem with its line')
    .argument('<files...>', 'rule files: YAML, or TypeScript that exports `rules`')
    .action(async (files: string[]) => end(await checkFiles(files, deps)));
  command
    .command('test')
    .description('run unit tests of rules')
    .argument('<files...>', 'test files: YAML with rule_files and tests')
    .action(async (files: string[]) => end(await testFiles(files, deps)));
  command
    .command('print')
    .description('write rules that are TypeScript as the YAML of a rule file')
    .argument('<file>', 'a module that exports `rules`')
    .action(async (file: string) => end(await printFile(file, deps)));
  return command;
}

function end(succeeded: boolean): void {
  if (!succeeded) process.exitCode = 1;
}

/** @returns whether all of them are right. */
export async function checkFiles(files: readonly string[], deps: RulesCommandDeps): Promise<boolean> {
  let succeeded = true;
  for (const file of files) {
    const { rules, problems } = await load(file, BUILTIN_RULES, deps);
    for (const problem of problems) deps.out(problem);
    if (problems.length > 0) succeeded = false;
    else deps.out(`${file}: ${ownOf(rules).length} rules, and ${rules.length - ownOf(rules).length} built in`);
  }
  return succeeded;
}

/** @returns whether all tests of all files passed. */
export async function testFiles(files: readonly string[], deps: RulesCommandDeps): Promise<boolean> {
  let succeeded = true;
  for (const file of files) if (!(await testFile(file, deps))) succeeded = false;
  return succeeded;
}

async function testFile(file: string, deps: RulesCommandDeps): Promise<boolean> {
  const text = attempt(file, deps);
  if (text.problem !== undefined) return fail(deps, [text.problem]);
  const named = parseRuleTests(text.content, { builtins: BUILTIN_RULES });
  if (named.problems.length > 0) return fail(deps, named.problems.map(lineOf(file)));
  let { rules } = named;
  for (const path of named.ruleFiles) {
    const loaded = await load(join(dirname(file), path), rules.filter(isBuiltin), deps);
    if (loaded.problems.length > 0) return fail(deps, loaded.problems);
    rules = [...loaded.rules.filter(isBuiltin), ...ownOf(rules), ...ownOf(loaded.rules)];
  }
  const twice = rules.find((rule, i) => rules.findIndex((one) => one.group === rule.group && one.alert === rule.alert) < i);
  if (twice !== undefined) return fail(deps, [`${file}:1: ${twice.group}/${twice.alert} stands in two of its rule files`]);
  const results = runRuleTests(named.tests, rules, newJudge);
  const failures = results.flatMap(({ name, failures: own }) =>
    own.map(({ line, message }) => `${file}:${line}: ${name}: ${message}`),
  );
  if (failures.length > 0) return fail(deps, failures);
  deps.out(`${file}: ${results.length} tests passed`);
  return true;
}

/** @returns whether it could be read. */
export async function printFile(file: string, deps: RulesCommandDeps): Promise<boolean> {
  const { rules, problems } = await load(file, BUILTIN_RULES, deps);
  if (problems.length > 0) return fail(deps, problems);
  deps.out(ruleFileText(ownOf(rules)).trimEnd());
  return true;
}

function fail(deps: RulesCommandDeps, lines: readonly string[]): false {
  for (const line of lines) deps.out(line);
  return false;
}

function isBuiltin({ group }: RuleSpec): boolean {
  return group === BUILTIN_GROUP;
}

function ownOf(rules: readonly RuleSpec[]): RuleSpec[] {
  return rules.filter((rule) => !isBuiltin(rule));
}

function lineOf(file: string): (problem: BookProblem) => string {
  return ({ line, path, message }) => `${file}:${line}: ${path === '' ? '' : `${path}: `}${message}`;
}

type Attempt =
  | { readonly content: string; readonly problem: undefined }
  | { readonly content: undefined; readonly problem: string };

function attempt(file: string, deps: RulesCommandDeps): Attempt {
  try {
    return { content: deps.read(file), problem: undefined };
  } catch (error) {
    return {
      content: undefined,
      problem: `${file}:1: cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

/** A rule file, or a module whose rules are taken as if they stood in one: the same bounds hold. */
async function load(file: string, builtins: readonly RuleSpec[], deps: RulesCommandDeps): Promise<Loaded> {
  const text = /\.[mc]?[jt]s$/.test(file) ? await moduleText(file) : attempt(file, deps);
  if (text.problem !== undefined) return { rules: [], problems: [text.problem] };
  const { rules, problems } = parseRuleFile(text.content, { builtins });
  return { rules, problems: problems.map(lineOf(file)) };
}

async function moduleText(file: string): Promise<Attempt> {
  try {
    const { rules } = (await import(pathToFileURL(resolve(file)).href)) as { rules?: unknown };
    if (Array.isArray(rules)) return { content: ruleFileText(rules as readonly RuleSpec[]), problem: undefined };
    return { content: undefined, problem: `${file}:1: exports no \`rules\`, which has to be a list` };
  } catch (error) {
    return { content: undefined, problem: `${file}:1: ${error instanceof Error ? error.message : String(error)}` };
  }
}
