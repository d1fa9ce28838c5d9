/** The test of the tests: every known way to break a promise is found by the simulation. */
import { describe, expect, test } from 'vitest';
import { createIdentities } from './identities.ts';
import { MUTANTS } from './mutants.ts';
import { SYSTEM, sownSystem } from './system.ts';
import { simulate } from './world.ts';

const SEEDS_MAX = 200;

describe('the simulation finds', async () => {
  const identities = await createIdentities();

  test.each(MUTANTS)('$name', { timeout: 120_000 }, async ({ sabotage = {}, sown, likelySeed = 1 }) => {
    const system = sown === undefined ? SYSTEM : sownSystem(sown);
    let found: string | undefined;
    for (let tried = 0; tried < SEEDS_MAX && found === undefined; tried++) {
      // From the likely one on; then those before it.
      const seed = ((likelySeed - 1 + tried) % SEEDS_MAX) + 1;
      [found] = (await simulate({ seed, system, identities, sabotage })).violations;
    }
    expect(found).toBeDefined();
  });
});
