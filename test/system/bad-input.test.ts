/** Bad input at the real server of each host: the status, the code and the reasons that the table says, whoever carries it. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type ClientRequest, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKey } from '../../src/edge/keys.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { BAD_INPUT_FILES, type BadInput, type BadRequest, BODY_FORMS, bytesOf, readCases } from '../edge/bad-input-cases.ts';
import { HOSTS } from './hosts.ts';
import { freshDataDir, type ServerProcess, startServer } from './server-process.ts';

const SLICE_BYTES = 64 * 1024;
const ANSWER_MS = 500;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: { code?: string; accepted?: number; duplicate?: boolean; errors?: { code: string }[] };
}

/** A Content-Length that is too short, or none, makes another request of it: raw-socket-cases.ts sends those. */
function isSendable({ request }: BadInput): boolean {
  const length = request.headers['content-length'];
  return length === undefined || Number(length) > LIMITS.bodyCompressedBytesMax;
}

/**
 * Writes a body as a client does that also reads: it stops when the answer comes, after which workerd cuts the connection, and
 * waits a little for that before it sends what no host will take.
 */
async function pour(outgoing: ClientRequest, bytes: Uint8Array | undefined): Promise<void> {
  let answered = false;
  const answer = once(outgoing, 'response').then(() => {
    answered = true;
  });
  // A failure is told by the request itself.
  answer.catch(() => undefined);
  if (bytes !== undefined && bytes.length > LIMITS.bodyBytesMax) {
    outgoing.flushHeaders();
    await Promise.race([answer, sleep(ANSWER_MS)]);
  }
  for (let at = 0; bytes !== undefined && at < bytes.length && !answered; at += SLICE_BYTES) {
    if (!outgoing.write(bytes.subarray(at, at + SLICE_BYTES))) await Promise.race([once(outgoing, 'drain'), answer]);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.each(HOSTS)('$name', (host) => {
  const dataDir = freshDataDir();
  // Told to close the connection, Bun does so while a body still comes, and the 413 may be lost on its way.
  const agent = new Agent({ keepAlive: true });
  let server: ServerProcess;
  let tenants = 0;
  beforeAll(async () => {
    server = await startServer(host, dataDir.path, 0);
  });
  afterAll(async () => {
    agent.destroy();
    await server.kill('SIGKILL');
    dataDir.remove();
  });

  async function keyOf(which: BadRequest['key'], tenant: string): Promise<string | undefined> {
    const nowMs = Date.now();
    if (which === 'none') return undefined;
    if (which === '8KiB') return 'k'.repeat(8192);
    if (which === 'unknown')
      return (await createKey('a secret that this server has never heard of', { tenant, role: 'admin' }, nowMs)).key;
    const secret = readFileSync(join(dataDir.path, 'secret'), 'utf8').trim();
    const { key, keyId } = await createKey(secret, { tenant, role: which === 'read' ? 'read' : 'ingest' }, nowMs);
    if (which !== 'revoked') return key;
    const admin = await createKey(secret, { tenant, role: 'admin' }, nowMs);
    const response = await fetch(`${server.keys.url}/api/v1/keys/revoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ key_id: keyId }),
    });
    expect(response.status).toBe(200);
    return key;
  }

  /** By node:http: fetch would put the headers right. */
  async function send({ method, path, key, headers, body }: BadRequest, tenant: string, declared: boolean): Promise<Answer> {
    const bytes = bytesOf(body, Date.now());
    const token = await keyOf(key, tenant);
    const all: Record<string, string> = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(declared && bytes !== undefined ? { 'content-length': String(bytes.length) } : {}),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest(`${server.keys.url}${path}`, { method, headers: all, agent }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.on('error', reject);
        incoming.on('end', () => {
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: JSON.parse(text) });
          outgoing.destroy();
        });
      });
      outgoing.on('error', reject);
      // A body that is shorter than it says stays open, so that the answer cannot wait for its end.
      pour(outgoing, bytes)
        .then(() => headers['content-length'] === undefined && outgoing.end())
        .catch(reject);
    });
  }

  describe.each(Object.entries(BAD_INPUT_FILES))('bad input %s', (_, file) => {
    describe.each(BODY_FORMS)('%s', (_form, declared) => {
      test.each(readCases(file).filter(isSendable))('$id $title', async ({ before = [], request, expected }) => {
        // Each is a tenant of its own: no limit, no push id and no client of another case reaches it.
        const tenant = `case-${tenants++}`;
        for (const first of before) expect((await send(first, tenant, declared)).status).toBe(202);
        const { status, headers, body } = await send(request, tenant, declared);
        expect({ status, code: body.code }).toEqual({ status: expected.status, code: expected.code });
        if (expected.code !== undefined) expect(headers['content-type']).toBe('application/problem+json');
        if (expected.allow !== undefined) expect(headers.allow).toBe(expected.allow);
        if (expected.accepted !== undefined) expect(body.accepted).toBe(expected.accepted);
        // Before Kafka an edge does not know what the log holds.
        if (expected.duplicate !== undefined && host.services !== true) expect(body.duplicate).toBe(expected.duplicate);
        if (expected.reasons !== undefined) expect(body.errors?.map(({ code }) => code)).toEqual(expected.reasons);
      });
    });
  });
});
