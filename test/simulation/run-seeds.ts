/** Runs many seeds, and says of a broken one how to see it again. */
import { createHash } from 'node:crypto';
import { FaultCounts } from './faults.ts';
import { createIdentities } from './identities.ts';
import { SYSTEM } from './system.ts';
import { type Outcome, simulate } from './world.ts';

export interface SeedsReport {
  readonly faults: FaultCounts;
  /** One text for each broken seed, the first few only. */
  readonly failures: readonly string[];
  readonly broken: number;
  /** Of each seed's trace. */
  readonly hashes: ReadonlyMap<number, string>;
}

const FAILURES_SHOWN = 3;
const TRACE_LINES_SHOWN = 30;

/** @param done is told of every seed. */
export async function runSeeds(from: number, count: number, done: (outcome: Outcome) => void = () => {}): Promise<SeedsReport> {
  const identities = await createIdentities();
  const faults = new FaultCounts();
  const failures: string[] = [];
  const hashes = new Map<number, string>();
  let broken = 0;
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await simulate({ seed, system: SYSTEM, identities, sabotage: {} });
    faults.add(outcome.faults);
    hashes.set(seed, createHash('sha256').update(outcome.trace.join('\n')).digest('hex'));
    if (outcome.violations.length > 0) {
      broken += 1;
      if (failures.length < FAILURES_SHOWN) failures.push(failureOf(outcome));
    }
    done(outcome);
  }
  return { faults, failures, broken, hashes };
}

function failureOf({ seed, violations, trace }: Outcome): string {
  return [
    `seed ${seed} (node scripts/simulate.ts --seed ${seed} --trace):`,
    ...violations.map((violation) => `  ${violation}`),
    'the end of its trace:',
    ...trace.slice(-TRACE_LINES_SHOWN).map((line) => `  ${line.slice(0, 240)}`),
  ].join('\n');
}
