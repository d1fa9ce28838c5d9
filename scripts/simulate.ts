/** Runs the simulation for many seeds; `--seed N --trace` shows one of them. */
import { parseArgs } from 'node:util';
import { runSeeds } from '../test/simulation/run-seeds.ts';

const SEEDS = 10_000;
const PROGRESS_EVERY = 500;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: String(SEEDS) },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const one = values.seed !== undefined;
const from = Number(values.seed ?? values.from);
const count = one ? 1 : Number(values.seeds);
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count)) {
  console.error('usage: node scripts/simulate.ts [--from N] [--seeds N] | --seed N [--trace]');
  process.exit(2);
}

const startMs = performance.now();
const report = await runSeeds(from, count, ({ seed, trace }) => {
  if (values.trace) console.log(trace.join('\n'));
  if (!one && (seed - from + 1) % PROGRESS_EVERY === 0) console.log(`${seed - from + 1} seeds`);
});
console.log(`\n${report.faults.table()}\n`);
if (report.broken > 0) console.log(`${report.failures.join('\n\n')}\n`);
const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
console.log(`${count - report.broken} of ${count} seeds kept every promise, ${seconds} s`);
process.exitCode = report.broken > 0 ? 1 : 0;
