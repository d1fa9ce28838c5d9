/** What the agent costs in a process of its own: CPU and memory over a minute at one push a second, from /proc (Linux). */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const [runtime = process.execPath, seconds = '60'] = process.argv.slice(2);
/** USER_HZ, a constant of the kernel's interface on all platforms that Node runs on. */
const TICKS_PER_SECOND = 100;
const INTERVAL_MS = 1_000;

let pushes = 0;
let bytes = 0;
const server = createServer(async (request, response) => {
  for await (const chunk of request) bytes += (chunk as Uint8Array).length;
  pushes += 1;
  response.writeHead(202).end('{}');
});
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));

const spoolDir = mkdtempSync(join(tmpdir(), 'metricstream-cost-'));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const options = { url, key: 'k', client: 'cost', intervalMs: INTERVAL_MS, spoolDir };
const script = fileURLToPath(new URL('../test/agent/agent-process.ts', import.meta.url));
const child = spawn(runtime, [script, JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit'] });

/** CPU seconds used so far: fields 14 and 15 of proc_pid_stat(5), counted from behind the command's parenthesis. */
function cpuSeconds(): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function memoryMib(field: 'VmRSS' | 'VmHWM'): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib) / 1_024);
}

await sleep(5_000);
const before = { cpu: cpuSeconds(), pushes, bytes };
await sleep(Number(seconds) * 1_000);
const cpu = cpuSeconds() - before.cpu;
const made = pushes - before.pushes;
const perPushMs = (cpu * 1_000) / made;
console.log(`runtime            ${runtime}`);
console.log(`pushes             ${made} in ${seconds} s, ${Math.round((bytes - before.bytes) / made)} bytes each`);
console.log(`CPU                ${perPushMs.toFixed(2)} ms a push, all in`);
console.log(`of a core          ${((cpu * 100) / Number(seconds)).toFixed(2)} % at 1 s (measured)`);
console.log(`                   at most ${(perPushMs / 100).toFixed(3)} % at 10 s (scaled by the pushes)`);
console.log(`memory             ${memoryMib('VmRSS')} MiB resident, ${memoryMib('VmHWM')} MiB at most`);

child.kill('SIGTERM');
server.close();
server.closeAllConnections();
rmSync(spoolDir, { recursive: true, force: true });
