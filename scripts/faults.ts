/** `npm run faults`: real faults of real brokers, stores and servers under a load whose sums spell how often each sample counted. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { FAULTS } from './faults/catalogue.ts';
import { type Row, runFault } from './faults/run.ts';
import { openSite } from './faults/site.ts';
import { isGood, rowText, writeTable } from './faults/table.ts';
import { say } from './services/progress.ts';

interface Options {
  readonly only?: readonly string[];
  readonly quick: boolean;
  readonly down?: number;
  readonly logs?: string;
  readonly write: boolean;
}

const DOWN_SECONDS = 120;
const DOWN_QUICK_SECONDS = 30;
const INTERRUPTED = 130;
/** What was just killed may still write. */
const REMOVAL = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 } as const;

function optionsOf(): Options {
  const names = FAULTS.map(({ name }) => name);
  const command = new Command('faults')
    .description('faults of Kafka, InfluxDB and servers under load; writes docs/faults.md')
    .addOption(new Option('--only <name...>', 'these faults and no others; their rows are written anew').choices(names))
    .addOption(new Option('--quick', 'shorter waits').default(false))
    .addOption(new Option('--down <seconds>', 'how long InfluxDB stays down; default 120, quick 30').argParser(Number))
    .addOption(new Option('--logs <folder>', 'leaves there what the servers wrote'))
    .addOption(new Option('--no-write', 'leaves docs/faults.md as it is'));
  return command.parse().opts<Options>();
}

/** @returns the exit code. */
async function main({ only, quick, down, logs, write }: Options): Promise<number> {
  const faults = FAULTS.filter(({ name }) => only === undefined || only.includes(name));
  const dir = mkdtempSync(join(tmpdir(), 'metricstream-faults-'));
  const rows: Row[] = [];
  let failures = 0;
  try {
    say('faults: three brokers and InfluxDB start');
    const site = await openSite(dir);
    process.once('exit', () => rmSync(dir, REMOVAL));
    for (const fault of faults) {
      say(`${fault.name}: ${fault.title}`);
      const startedMs = performance.now();
      try {
        const row = await runFault(fault, site, {
          isQuick: quick,
          downMs: (down ?? (quick ? DOWN_QUICK_SECONDS : DOWN_SECONDS)) * 1_000,
          logs,
        });
        rows.push(row);
        if (!isGood(row)) failures += 1;
        say(`${rowText(row)}\n  ${Math.round((performance.now() - startedMs) / 1_000)} s in all`);
        if (write) writeTable(rows, FAULTS);
      } catch (error) {
        failures += 1;
        say(error instanceof Error ? error.message : String(error));
      }
    }
    await site.close();
  } finally {
    rmSync(dir, REMOVAL);
  }
  return failures === 0 ? 0 : 1;
}

// What was started is killed when this process ends, however it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(INTERRUPTED));
process.exitCode = await main(optionsOf());
process.exit();
