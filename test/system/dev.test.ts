/** `npm run dev` as a developer meets it: the page before the Worker, as Cloudflare serves it, and nothing left behind. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ASSET_HEADERS, ASSETS } from '../../src/edge/dashboard/assets.ts';
import { freshDataDir, getJson, type ServerProcess, startServer } from './server-process.ts';

const DEV = { name: 'dev', command: [process.execPath], server: ['scripts/dev.ts', '--no-watch'] } as const;
const START_MS = 60_000;
const END_MS = 5_000;

const dataDir = freshDataDir();
let server: ServerProcess;
beforeAll(async () => {
  server = await startServer(DEV, dataDir.path, 0);
}, START_MS);
afterAll(async () => {
  await server.kill('SIGKILL');
  dataDir.remove();
});

test('the link that it prints is of this server, with a key that reads', async () => {
  expect(server.output()).toContain(`page  ${server.keys.url}/#key=${server.keys.read}\n`);
  expect(await getJson(server.keys, '/api/v1/clients')).toEqual(expect.objectContaining({ clients: [] }));
});

test.each(ASSETS)(
  '$path has the type and the headers that servers give it, and is not sent again',
  async ({ path, contentType }) => {
    const response = await fetch(server.keys.url + path);
    expect(response.status).toBe(200);
    expect((await response.text()).length).toBeGreaterThan(1_000);
    expect(response.headers.get('content-type')).toBe(contentType);
    for (const [name, value] of Object.entries(ASSET_HEADERS)) expect(response.headers.get(name)).toBe(value);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    const etag = response.headers.get('etag') ?? '';
    expect((await fetch(server.keys.url + path, { headers: { 'if-none-match': etag } })).status).toBe(304);
  },
);

test('what is no file of the page is the edge’s to answer', async () => {
  const response = await fetch(`${server.keys.url}/assets/other.js`);
  expect(response.status).toBe(404);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
});

test('SIGTERM ends it with 0, and workerd with it', async () => {
  const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim().split(' ').map(Number);
  expect(children.length).toBeGreaterThan(0);
  expect(await server.kill('SIGTERM')).toBe(0);
  const isThere = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const untilMs = Date.now() + END_MS;
  while (children.some(isThere) && Date.now() < untilMs) await sleep(50);
  expect(children.filter(isThere)).toEqual([]);
});
