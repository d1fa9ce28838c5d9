/** A thousand seeds of the whole system: crashes, losses, repeats, lateness, skew, silence; and every invariant after them. */
import { describe, expect, test } from 'vitest';
import { runSeeds, type SeedsReport } from './run-seeds.ts';

const SEEDS = 1_000;
const REPEATED = 100;

describe('the whole system under faults', () => {
  let report: SeedsReport | undefined;

  test(`keeps its promises for ${SEEDS} seeds, in which every planned fault happens`, { timeout: 600_000 }, async () => {
    report = await runSeeds(1, SEEDS);
    console.log(`faults over ${SEEDS} seeds:\n${report.faults.table()}`);
    if (report.broken > 0) expect.fail(`${report.broken} of ${SEEDS} seeds are broken\n${report.failures.join('\n\n')}`);
    expect(report.faults.missing()).toEqual([]);
  });

  test(`does the same again for ${REPEATED} of the seeds`, { timeout: 120_000 }, async () => {
    const first = report ?? (await runSeeds(1, REPEATED));
    const again = await runSeeds(1, REPEATED);
    const different = [...again.hashes].filter(([seed, hash]) => first.hashes.get(seed) !== hash);
    expect(different).toEqual([]);
  });
});
