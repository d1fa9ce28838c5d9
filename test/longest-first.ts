/** The order of test files: what takes a minute begins first, or one worker would be left with it at the end. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Longest first; all others follow as vitest has them. */
const LONG = [
  'simulation/simulation',
  'simulation/mutants',
  'workers/budget',
  'system/crash',
  'system/alerts',
  'system/server',
  'alerts/judge/mutants',
  'alerts/judge/lifecycle-model',
  'workers/turmoil',
].map((name) => `/test/${name}.test.ts`);

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number =>
      LONG.findIndex((name) => moduleId.endsWith(name)) + 1 || LONG.length + 1;
    // The sort is stable.
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
