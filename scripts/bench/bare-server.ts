/**
 * What the machine and Bun cost by themselves: takes the bench's pushes, reads the headers that a push may have, parses the
 * body and puts it into SQLite, one fsync for all that wait, as the server does; checks, limits, windows and keeps nothing else.
 */
import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { tunedPragmas } from '../../src/adapters/embedded/pragmas.ts';
import { LIMITS } from '../../src/model/limits.ts';

const [dataDir = '.'] = process.argv.slice(2);
const HEADERS = ['authorization', 'content-type', 'content-encoding', 'content-length', 'idempotency-key', 'x-sent-at'];
const UTF8 = new TextDecoder('utf-8', { fatal: true });

const database = new Database(join(dataDir, 'bare.db'), { create: true });
for (const pragma of tunedPragmas(false)) database.run(pragma);
database.run('CREATE TABLE log (first_offset INTEGER PRIMARY KEY, body BLOB NOT NULL)');
const insert = database.prepare('INSERT INTO log (body) VALUES (?)');

let waiting: { readonly bytes: Uint8Array; readonly resolve: () => void }[] = [];

function commit(): void {
  const batch = waiting;
  waiting = [];
  insert.run(Buffer.concat(batch.map(({ bytes }) => bytes)));
  for (const { resolve } of batch) resolve();
}

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  idleTimeout: LIMITS.idleTimeoutMs / 1_000,
  async fetch(request) {
    const { headers } = request;
    const given = HEADERS.map((name) => headers.get(name)).filter((value) => value !== null);
    const bytes = new Uint8Array(await request.arrayBuffer());
    const { metrics } = JSON.parse(UTF8.decode(bytes)) as { metrics: unknown[] };
    await new Promise<void>((resolve) => {
      waiting.push({ bytes, resolve });
      if (waiting.length === 1) setTimeout(commit, LIMITS.lingerMs);
    });
    const answer = `{"accepted":${metrics.length},"rejected":0,"errors":[],"correlation_id":"${given.length}","duplicate":false}`;
    return new Response(answer, { status: 202, headers: { 'content-type': 'application/json', 'x-correlation-id': 'bare' } });
  },
});
console.log(server.port);
