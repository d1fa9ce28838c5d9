/**
 * Everything that is tested on Deno (`npm run test:deno`): the contracts in a vitest that Deno itself runs, the running system by a vitest
 * on Node that starts Deno servers. Deno is installed first where it is not there: as a dependency it would break `npm ci`, because its
 * packages for other platforms are not all published.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PACKAGE = 'deno@2.9.6';
const DENO = 'node_modules/.bin/deno';
const VITEST = 'node_modules/vitest/vitest.mjs';

/** @returns whether it ended well. */
function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): boolean {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  return status === 0;
}

/** A report that `scripts/ci-count.ts` counts. */
function report(name: string): string[] {
  return ['--reporter=default', '--reporter=json', `--outputFile.json=node_modules/.reports/${name}.json`];
}

if (!existsSync(DENO)) run('npm', ['install', '--no-save', '--no-audit', '--no-fund', PACKAGE]);
if (run(DENO, ['--version'])) {
  // Workers have to be processes: threads need a part of node:worker_threads that Deno lacks.
  const contracts = ['run', 'test/contract', 'test/deno', '--pool=forks', ...report('deno-contracts')];
  const system = ['run', '--project=node', 'test/system', 'test/differential', ...report('deno-system')];
  const passed = [
    run(DENO, ['run', '-A', '--no-lock', VITEST, ...contracts]),
    run(process.execPath, [VITEST, ...system], { METRICSTREAM_TEST_HOSTS: 'deno' }),
  ];
  process.exitCode = passed.every(Boolean) ? 0 : 1;
} else {
  console.error(`There is no Deno, and ${PACKAGE} could not be installed.`);
  process.exitCode = 1;
}
