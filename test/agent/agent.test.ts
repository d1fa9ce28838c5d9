/** The whole agent against a real HTTP server: lost answers, kills, restarts, keys, health. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { type Agent, runAgent } from '../../src/agent/agent.ts';
import type { AgentOptions } from '../../src/agent/options.ts';
import { catalogueEntry } from '../../src/model/catalogue.ts';
import { type PushServer, pushServer } from './push-server.ts';

const PATIENCE = { timeout: 20_000, interval: 20 };
const PROCESS = fileURLToPath(new URL('agent-process.ts', import.meta.url));
const BUN = fileURLToPath(new URL('../../node_modules/.bin/bun', import.meta.url));

let root = '';
let server: PushServer;
let agents: Agent[] = [];
let children: ChildProcess[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'metricstream-agent-'));
  server = await pushServer();
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server.close();
  await Promise.all(agents.map((agent) => agent.stop()));
  agents = [];
  children = [];
  rmSync(root, { recursive: true, force: true });
});

const settings = (): Omit<AgentOptions, 'clock' | 'log'> => ({
  url: server.url,
  key: 'ms_canary_key',
  client: 'web-1',
  intervalMs: 1_000,
  spoolDir: join(root, 'spool'),
});

async function start(options: Partial<AgentOptions> = {}): Promise<Agent> {
  const agent = await runAgent({ ...settings(), clock: systemClock(), log: () => {}, ...options });
  agents.push(agent);
  return agent;
}

const received = (count: number): Promise<void> =>
  vi.waitFor(() => expect(server.pushes.length).toBeGreaterThanOrEqual(count), PATIENCE);

test('pushes what the catalogue names, with timestamps and the given labels, over one connection', async () => {
  await start({ labels: { rack: 'r1' }, datacenter: 'fra1', environment: 'prod' });
  await received(2);
  const [first, second] = server.pushes;
  const { client_id, metrics } = JSON.parse(second?.body ?? '');
  expect(client_id).toBe('web-1');
  for (const metric of metrics) {
    expect(catalogueEntry(metric.name), metric.name).toBeDefined();
    expect(Math.abs(metric.timestamp - Date.now())).toBeLessThan(60_000);
    expect(metric.labels.rack).toBe('r1');
  }
  expect(metrics.map(({ name }: { name: string }) => name)).toContain('cpu');
  expect(second?.headers).toMatchObject({
    authorization: 'Bearer ms_canary_key',
    'content-type': 'application/json',
    'x-client-id': 'web-1',
    'x-datacenter': 'fra1',
    'x-environment': 'prod',
  });
  expect(first?.id).toMatch(/^[0-9a-f]{32}:0$/);
  expect(second?.id).toBe(first?.id.replace(/0$/, '1'));
  expect(server.connections).toBe(1);
});

test('F3: an answer lost after the commit: the same bytes under the same push id come again', async () => {
  server.script.push('cut', 'cut');
  await start();
  await received(4);
  const [first, second, third, fourth] = server.pushes;
  expect([second?.id, third?.id]).toEqual([first?.id, first?.id]);
  expect([second?.body, third?.body]).toEqual([first?.body, first?.body]);
  expect(fourth?.id).toBe(first?.id.replace(/0$/, '1'));
});

test('stop takes at most its two seconds, keeps the spool, and the next boot sends it first and names the last', async () => {
  server.otherwise = 'silent';
  const before = await start();
  await received(1);
  await before.stop();
  expect(before.status()).toMatchObject({ delivered: { pushes: 0 }, lastError: 'stopped' });
  const old = before.status().made.pushes;
  server.otherwise = 202;
  server.pushes.length = 0;
  const after = await start();
  await received(old + 1);
  const expected = Array.from({ length: old }, (_, sequence) => `${before.status().bootId}:${sequence}`);
  expect(server.pushes.slice(0, old + 1).map(({ id }) => id)).toEqual([...expected, `${after.status().bootId}:0`]);
  expect(server.pushes[old]?.previous).toBe(`${before.status().bootId}:${old}`);
});

describe.each([
  ['Node', process.execPath],
  ['Bun', BUN],
])('F10: under %s', (_, runtime) => {
  test('what was made before a SIGKILL is sent after it, in order, under its old ids, and SIGTERM ends the process', async () => {
    const run = (): ChildProcess => {
      const child = spawn(runtime, [PROCESS, JSON.stringify(settings())], { stdio: ['ignore', 'inherit', 'inherit'] });
      children.push(child);
      return child;
    };
    const exited = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => child.once('exit', resolve));
    server.otherwise = 503;
    const first = run();
    await received(2);
    const dead = exited(first);
    first.kill('SIGKILL');
    await dead;
    const boot = server.pushes[0]?.id.split(':')[0];
    server.otherwise = 202;
    server.pushes.length = 0;
    const second = run();
    await vi.waitFor(() => expect(server.pushes.at(-1)?.previous).toBeDefined(), PATIENCE);
    const ids = server.pushes.map(({ id }) => id);
    const old = ids.filter((id) => id.startsWith(`${boot}:`));
    expect(old.length).toBeGreaterThan(0);
    expect(ids.slice(0, old.length)).toEqual(old.map((_id, sequence) => `${boot}:${sequence}`));
    expect(server.pushes.at(-1)?.previous).toBe(`${boot}:${old.length}`);
    const ended = exited(second);
    second.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});

test('a refused key is read again from its file: bare, or the ingest key of keys.json', async () => {
  const keyFile = join(root, 'keys.json');
  writeFileSync(keyFile, 'old-key\n');
  server.script.push(401);
  await start({ key: undefined, keyFile });
  writeFileSync(keyFile, '{"url":"http://127.0.0.1","ingest":"new-key","read":"r"}');
  await received(2);
  expect(server.pushes.map(({ authorization }) => authorization).slice(0, 2)).toEqual(['Bearer old-key', 'Bearer new-key']);
  expect(server.pushes[1]?.id).toBe(server.pushes[0]?.id);
});

test('a redirect is not followed: the key goes nowhere else', async () => {
  const elsewhere = await pushServer();
  const redirecting = await pushServer({ location: `${elsewhere.url}/metrics` });
  redirecting.otherwise = 307;
  const agent = await start({ url: redirecting.url });
  await vi.waitFor(() => expect(agent.status().lastError).toBe('HTTP 307'), PATIENCE);
  expect(elsewhere.pushes).toEqual([]);
  await Promise.all([elsewhere.close(), redirecting.close()]);
});

describe('health', () => {
  test('GET /health tells the state without the key; other paths and methods are refused', async () => {
    const agent = await start({ healthPort: 0 });
    await vi.waitFor(() => expect(agent.status().delivered.pushes).toBeGreaterThan(0), PATIENCE);
    const health = `http://127.0.0.1:${agent.status().healthPort}`;
    const response = await fetch(`${health}/health`);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(text).not.toContain('canary');
    expect(JSON.parse(text)).toMatchObject({
      client: 'web-1',
      bootId: agent.status().bootId,
      breaker: 'closed',
      collectorErrors: {},
      spool: { writeErrors: 0 },
    });
    expect((await fetch(`${health}/health`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${health}/`)).status).toBe(404);
    await agent.stop();
    await expect(fetch(`${health}/health`)).rejects.toThrow();
  });

  test('a taken port refuses the start', async () => {
    const port = Number(new URL(server.url).port);
    await expect(start({ healthPort: port })).rejects.toThrow('EADDRINUSE');
  });
});
