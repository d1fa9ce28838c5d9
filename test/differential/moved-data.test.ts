/** A data directory is the same to every server: each goes on where another was killed. */
import { afterAll, expect, test } from 'vitest';
import { hostNamed, OTHERS } from '../system/hosts.ts';
import { freshDataDir, getJson, type Keys, type ServerProcess, startServer, untilCaughtUp } from '../system/server-process.ts';

const BUN = hostNamed('bun');
/** Those that keep their data in our own files. */
const SERVERS = OTHERS.filter(({ server }) => server === undefined);

const started: ServerProcess[] = [];
afterAll(async () => {
  for (const server of started) await server.kill('SIGKILL');
});

async function push({ url, ingest }: Keys, timestamp: number): Promise<void> {
  const response = await fetch(`${url}/metrics`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ingest}`, 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: 'web-1', metrics: [{ name: 'cpu', value: timestamp % 100, timestamp }] }),
  });
  expect(response.status).toBe(202);
}

test.each(SERVERS)(
  '$name goes on where bun was killed, bun where $name was, and so after orderly stops',
  { timeout: 120_000 },
  async (other) => {
    const dataDir = freshDataDir();
    const startMs = Date.now() - 600_000;
    const hosts = [BUN, other, BUN, other, BUN];
    for (const [i, host] of hosts.entries()) {
      const server = await startServer(host, dataDir.path, 0);
      started.push(server);
      await untilCaughtUp(server.keys);
      const path = `/api/v1/samples?metric=cpu&client=web-1&start=${startMs}&end=${startMs + hosts.length}`;
      const { samples } = await getJson<{ samples: { timestamp: number }[] }>(server.keys, path);
      expect(samples.map(({ timestamp }) => timestamp)).toEqual(Array.from({ length: i }, (_, j) => startMs + j));
      await push(server.keys, startMs + i);
      await server.kill(i < 2 ? 'SIGKILL' : 'SIGTERM');
    }
    dataDir.remove();
  },
);
