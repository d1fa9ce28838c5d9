/** The model of the lifecycle against the real evaluator in the real pipeline: the same transitions, whatever came when and however often it died. */
import { describe, expect, test } from 'vitest';
import { seeded } from '../anomaly/series.ts';
import { historyOf } from './history.ts';
import { live } from './lives.ts';
import { keptIn, toldOf } from './told.ts';

const SEEDS = 10_000;
const FROM_SEED = Number(process.env.JUDGE_SEED ?? 1);

describe('the evaluator', () => {
  test(`says what the model says, in ${SEEDS} histories with gaps, losses, lateness, repeats and crashes`, {
    timeout: 120_000,
  }, async () => {
    const seen = new Map<string, number>();
    let repeated = 0;
    for (let seed = FROM_SEED; seed < FROM_SEED + SEEDS; seed++) {
      const history = historyOf(seed);
      const lived = await live(history.events, [history.spec], seeded(seed + 7));
      const [told, kept] = [toldOf(history), keptIn(lived)];
      if (told.join() !== kept.join()) expect(kept, `seed ${seed}`).toEqual(told);
      repeated += lived.told.length - lived.kept.length;
      for (const { to, amended } of lived.kept) seen.set(amended ? 'amended' : to, (seen.get(amended ? 'amended' : to) ?? 0) + 1);
    }
    // The histories are worth something: every state, corrections, and what was told again after a crash.
    for (const what of ['pending', 'inactive', 'firing', 'recovering', 'unknown', 'resolved', 'amended'])
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(SEEDS / 50);
    expect(repeated).toBeGreaterThan(SEEDS / 50);
  });
});
