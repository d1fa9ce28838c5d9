/** The test of the tests: every known way to break a promise is found by the simulation. */
import { describe, expect, test } from 'vitest';
import { createIdentities } from './identities.ts';
import { MUTANTS, sow } from './mutants.ts';
import { SYSTEM } from './system.ts';
import { simulate } from './world.ts';

const SEEDS_MAX = 200;

describe('the simulation finds', async () => {
  const identities = await createIdentities();

  test.each(MUTANTS)('$name', { timeout: 120_000 }, async ({ sabotage = {}, sown }) => {
    const copy = sown === undefined ? undefined : await sow(sown);
    try {
      let found: string | undefined;
      for (let seed = 1; seed <= SEEDS_MAX && found === undefined; seed++) {
        [found] = (await simulate({ seed, system: copy?.system ?? SYSTEM, identities, sabotage })).violations;
      }
      expect(found).toBeDefined();
    } finally {
      copy?.remove();
    }
  });
});
