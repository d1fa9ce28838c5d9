/** What CI says of a run: nothing that went wrong may count as passed. */
import { describe, expect, test } from 'vitest';
import { countPart, countReport } from '../../scripts/ci-count.ts';

const vitest = (total: number, passed: number) => JSON.stringify({ numTotalTests: total, numPassedTests: passed });
const junit = (attributes: string) =>
  `<?xml version="1.0"?>\n<testsuites name="bun test" ${attributes} time="1.5">\n</testsuites>`;

describe('a report', () => {
  test('of vitest counts its tests', () => {
    expect(countReport(vitest(7, 5))).toEqual({ passed: 5, failed: 2 });
  });

  test('of bun counts its tests, a skipped one as failed', () => {
    expect(countReport(junit('tests="9" assertions="20" failures="2" skipped="1"'))).toEqual({ passed: 6, failed: 3 });
  });
});

describe('a part', () => {
  const part = (exitCode: number, ...reports: (string | undefined)[]) => countPart({ name: 'a', exitCode, reports });

  test('with reports counts the tests of all of them', () => {
    expect(part(0, vitest(3, 3), junit('tests="2" failures="0" skipped="0"'))).toEqual({ passed: 5, failed: 0 });
  });

  test('without reports is one check', () => {
    expect(part(0)).toEqual({ passed: 1, failed: 0 });
    expect(part(1)).toEqual({ passed: 0, failed: 1 });
  });

  test('that crashed although its tests passed has failed', () => {
    expect(part(124, vitest(3, 3))).toEqual({ passed: 3, failed: 1 });
  });

  test('whose report is missing or torn has failed, whatever its exit code', () => {
    expect(part(0, vitest(3, 3), undefined)).toEqual({ passed: 3, failed: 1 });
    expect(part(0, vitest(3, 3).slice(0, 10))).toEqual({ passed: 0, failed: 1 });
  });

  test('that ran nothing has failed', () => {
    expect(part(0, vitest(0, 0))).toEqual({ passed: 0, failed: 1 });
    expect(part(0, '')).toEqual({ passed: 0, failed: 1 });
  });

  test('whose failures are counted is not counted twice', () => {
    expect(part(1, vitest(3, 2))).toEqual({ passed: 2, failed: 1 });
  });
});
