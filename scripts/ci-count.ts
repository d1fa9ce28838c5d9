/** Adds up the machine-readable reports of a CI run; its last line is `N passed, N failed`. */
import { existsSync, readFileSync } from 'node:fs';

export interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** One command that CI ran. */
export interface Part {
  readonly name: string;
  readonly exitCode: number;
  /** The texts of the reports that it has to write; undefined for one that is missing. None: the command is one check. */
  readonly reports: readonly (string | undefined)[];
}

/** Counts a report of vitest (`--reporter=json`) or of `bun test` (`--reporter=junit`). A skipped test has failed. */
export function countReport(text: string): Count {
  if (text.startsWith('{')) {
    const { numTotalTests, numPassedTests } = JSON.parse(text) as { numTotalTests: number; numPassedTests: number };
    return { passed: numPassedTests, failed: numTotalTests - numPassedTests };
  }
  const root = /<testsuites\b[^>]*>/.exec(text)?.[0] ?? '';
  const attribute = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const failed = attribute('failures') + attribute('errors') + attribute('skipped');
  return { passed: attribute('tests') - failed, failed };
}

/** As countReport; a report that is missing, or torn because its writer was killed, holds no tests. */
function countSafely(text: string | undefined): Count {
  try {
    return countReport(text ?? '');
  } catch {
    return { passed: 0, failed: 0 };
  }
}

/** A part that crashed, wrote no report or ran nothing counts as one failure at least. */
export function countPart({ exitCode, reports }: Part): Count {
  if (reports.length === 0) return exitCode === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  const counts = reports.map((text) => {
    const count = countSafely(text);
    return count.passed + count.failed === 0 ? { passed: 0, failed: 1 } : count;
  });
  const total = sum(counts);
  return exitCode !== 0 && total.failed === 0 ? { ...total, failed: 1 } : total;
}

function sum(counts: readonly Count[]): Count {
  return counts.reduce((all, { passed, failed }) => ({ passed: all.passed + passed, failed: all.failed + failed }), {
    passed: 0,
    failed: 0,
  });
}

/** @param argument `NAME=EXIT_CODE=REPORT,REPORT`, the reports being paths. */
function readPart(argument: string): Part {
  const [name = '', exitCode = '', paths = ''] = argument.split('=');
  const files = paths.split(',').filter((path) => path !== '');
  return {
    name,
    exitCode: Number(exitCode),
    reports: files.map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)),
  };
}

if (import.meta.main) {
  const counted = process.argv
    .slice(2)
    .map(readPart)
    .map((part) => ({ part, count: countPart(part) }));
  for (const { part, count } of counted) {
    console.log(`${part.name}: ${count.passed} passed, ${count.failed} failed, exit code ${part.exitCode}`);
  }
  const total = sum(counted.map(({ count }) => count));
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
}
