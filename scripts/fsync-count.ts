/**
 * Counts the fsyncs of a real server by strace: at least one for each acknowledged group commit (`npm run test:fsync`).
 * The arguments, where there are some, are what runs the server: `node`, or `deno run -A --no-lock`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeysFile } from '../src/runtimes/data-dir.ts';
import { untilReady } from './until-ready.ts';

const runtime = process.argv.length > 2 ? process.argv.slice(2) : [process.execPath];
const PUSHES = 200;
const START_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'metricstream-fsync-'));
const trace = join(folder, 'trace');
const child = spawn(
  'strace',
  [
    '-f',
    '-e',
    'trace=fsync,fdatasync',
    '-o',
    trace,
    ...runtime,
    'src/runtimes/cli.ts',
    'server',
    '--port',
    '0',
    '--data-dir',
    folder,
    '--no-agent',
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
let failed = true;
try {
  const keys = await untilReady(folder, START_MS);
  const before = syncs();
  const batchesBefore = await batches(keys);
  for (let i = 0; i < PUSHES; i++) await push(keys, i);
  const batchCount = (await batches(keys)) - batchesBefore;
  const syncCount = syncs() - before;
  failed = syncCount < batchCount || batchCount < PUSHES;
  console.log(
    `${PUSHES} pushes one after the other: ${batchCount} group commits, ${syncCount} fsyncs — ${failed ? 'FAILED' : 'ok'}`,
  );
} finally {
  await end();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

async function push({ url, ingest }: KeysFile, sequence: number): Promise<void> {
  const response = await fetch(`${url}/metrics`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ingest}`, 'content-type': 'application/json', 'idempotency-key': `fsync:${sequence}` },
    body: JSON.stringify({ client_id: `fsync-${sequence % 10}`, metrics: [{ name: 'cpu', value: sequence % 100 }] }),
  });
  if (response.status !== 202) throw new Error(`a push was answered ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}

async function batches({ url }: KeysFile): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^metricstream_log_batches_total (\d+)$/m.exec(text)?.[1] ?? 0);
}

function syncs(): number {
  return readFileSync(trace, 'utf8')
    .split('\n')
    .filter((line) => /f(?:data)?sync\(.*= 0/.test(line) || /resumed.*f?(?:data)?sync.*= 0/.test(line)).length;
}

/** The server is strace's only child; strace ends when it has. */
async function end(): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const server = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ')[0]);
  if (server > 0) process.kill(server, 'SIGTERM');
  else child.kill('SIGTERM');
  await ended;
}
