/** The product in workerd: the edge in a Worker, three shards and control in Durable Objects, wired as they are deployed. */
import {
  createExecutionContext,
  createScheduledController,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { remoteEnrichmentRegistry } from '../../src/adapters/durable-objects/enrichment-registry.ts';
import { createKey, type KeyClaims } from '../../src/edge/keys.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { EnrichmentKeeper } from '../../src/ports/shard-service.ts';
import { type ShardObject, workerOf } from '../../src/runtimes/cloudflare.ts';
import worker from './worker.ts';

const HOSTS = Array.from({ length: 12 }, (_, i) => `host-${String(i).padStart(2, '0')}`);
let tenants = 0;
/** In the middle of a minute that has just been. */
const lately = (): number => Math.floor(Date.now() / 60_000) * 60_000 - 30_000;

interface Person {
  request(path: string, init?: RequestInit): Request;
  call(path: string, init?: RequestInit): Promise<Response>;
  readonly keyId: string;
}

async function person(claims: KeyClaims): Promise<Person> {
  const { key, keyId } = await createKey(env.METRICSTREAM_SECRET, claims, Date.now());
  const request: Person['request'] = (path, init = {}) => {
    const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${key}` };
    return new Request(`https://metrics.example${path}`, { ...init, headers });
  };
  return { keyId, request, call: (path, init) => exports.default.fetch(request(path, init)) };
}

/** A tenant of its own for each test: objects outlive tests. */
async function people() {
  tenants += 1;
  const tenant = `tenant-${tenants}`;
  const [agent, reader, admin] = await Promise.all(
    (['ingest', 'read', 'admin'] as const).map((role) => person({ tenant, role, requestsPerSecond: 1_000 })),
  );
  return { agent, reader, admin } as { agent: Person; reader: Person; admin: Person };
}

function push(agent: Person, client: string, sequence: number, ms: number, value: number): Promise<Response> {
  return agent.call('/metrics', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': `boot:${sequence}` },
    body: JSON.stringify({ client_id: client, metrics: [{ name: 'cpu', value, timestamp: ms }] }),
  });
}

async function json<T>(response: Promise<Response>): Promise<T> {
  return (await response).json() as Promise<T>;
}

interface Window {
  readonly client_id: string;
  readonly start: number;
  readonly count: number;
  readonly sum: number;
}

const windowsOf = async (reader: Person, startMs: number, endMs: number): Promise<Window[]> =>
  (await json<{ windows: Window[] }>(reader.call(`/api/v1/windows?metric=cpu&start=${startMs}&end=${endMs}&open=true`))).windows;

describe('the product in workerd', () => {
  test('takes a push, and shows its samples, windows, ledger and metrics, from all shards in one order', async () => {
    const { agent, reader } = await people();
    const ms = Date.now();
    for (const [i, host] of HOSTS.entries()) {
      const response = await push(agent, host, 0, ms, i);
      expect(response.status).toBe(202);
      expect(await response.json()).toMatchObject({ accepted: 1, rejected: 0, duplicate: false });
    }
    const windows = await windowsOf(reader, ms - 120_000, ms + 120_000);
    expect(windows.map(({ client_id, sum }) => [client_id, sum])).toEqual(HOSTS.map((host, i) => [host, i]));
    const { samples } = await json<{ samples: { client_id: string; timestamp: number; value: number }[] }>(
      reader.call(`/api/v1/samples?metric=cpu&client=host-03&start=${ms - 1}&end=${ms + 1}`),
    );
    expect(samples).toMatchObject([{ client_id: 'host-03', timestamp: ms, value: 3 }]);
    const { clients } = await json<{ clients: { client_id: string; pushes: object }[] }>(reader.call('/api/v1/clients'));
    expect(clients.map(({ client_id }) => client_id)).toEqual(HOSTS);
    expect(clients[0]?.pushes).toMatchObject({ expected: 1, received: 1, duplicate: 0 });
    expect(await json(reader.call('/api/v1/metrics'))).toMatchObject({ metrics: [{ name: 'cpu', clients: HOSTS.length }] });
  });

  test('tells of a client where its last push came in, as Cloudflare says, and no series has it for a label', async () => {
    const { agent, reader } = await people();
    const init = (client: string, cf: object): RequestInit => ({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: client, metrics: [{ name: 'cpu', value: 1 }] }),
      cf: cf as NonNullable<RequestInit['cf']>,
    });
    expect((await agent.call('/metrics', init('far', { colo: 'FRA', country: 'DE' }))).status).toBe(202);
    expect((await agent.call('/metrics', init('unknown', { colo: 7 }))).status).toBe(202);
    const { clients } = await json<{ clients: { client_id: string; edge?: object }[] }>(reader.call('/api/v1/clients'));
    expect(clients.map(({ client_id, edge }) => [client_id, edge])).toEqual([
      ['far', { colo: 'FRA', country: 'DE' }],
      ['unknown', undefined],
    ]);
    const metrics = await json<{ metrics: { series: { labels: object }[] }[] }>(reader.call('/api/v1/metrics'));
    expect(metrics.metrics.flatMap(({ series }) => series)).toEqual([{ labels: {} }]);
  });

  test('knows a repeat, over an eviction too, and loses nothing to it', async () => {
    const { agent, reader } = await people();
    const ms = lately();
    await push(agent, 'a', 0, ms, 1);
    for (const shard of ['shard-0', 'shard-1', 'shard-2']) await evictDurableObject(env.SHARD.getByName(shard));
    expect(await json(push(agent, 'a', 0, ms, 1))).toMatchObject({ duplicate: true });
    expect(await json(push(agent, 'a', 1, ms + 1, 2))).toMatchObject({ duplicate: false });
    expect(await windowsOf(reader, ms - 120_000, ms + 120_000)).toMatchObject([{ count: 2, sum: 3 }]);
  });

  test('sets an alarm when a push leaves something to be done, and the alarm sets the next', async () => {
    const { agent } = await people();
    await push(agent, 'a', 0, Date.now(), 1);
    const due = await Promise.all(
      ['shard-0', 'shard-1', 'shard-2'].map(async (name) => {
        const stub = env.SHARD.getByName(name);
        const before = await runInDurableObject(stub, (_: ShardObject, { storage }) => storage.getAlarm());
        if (before === null) return false;
        expect(before).toBeLessThanOrEqual(Date.now() + LIMITS.objectTickIntervalMs + LIMITS.wakeGapMs);
        expect(await runDurableObjectAlarm(stub)).toBe(true);
        expect(await runInDurableObject(stub, (_: ShardObject, { storage }) => storage.getAlarm())).toBeGreaterThan(Date.now());
        return true;
      }),
    );
    expect(due).toContain(true);
  });

  test('cron sets an alarm again that was lost', async () => {
    const { agent } = await people();
    await push(agent, 'a', 0, Date.now(), 1);
    for (const name of ['shard-0', 'shard-1', 'shard-2']) {
      const stub = env.SHARD.getByName(name);
      await runInDurableObject(stub, (_: ShardObject, { storage }) => storage.deleteAlarm());
      await evictDurableObject(stub);
    }
    await worker.scheduled?.(createScheduledController({ cron: '* * * * *' }), env, createExecutionContext());
    const alarms = await Promise.all(
      ['shard-0', 'shard-1', 'shard-2'].map((name) =>
        runInDurableObject(env.SHARD.getByName(name), (_: ShardObject, { storage }) => storage.getAlarm()),
      ),
    );
    expect(alarms.some((alarm) => alarm !== null)).toBe(true);
  });

  test('refuses a revoked key at once, whichever edge it comes to', async () => {
    const { agent, admin } = await people();
    expect((await push(agent, 'a', 0, Date.now(), 1)).status).toBe(202);
    const revoked = await admin.call('/api/v1/keys/revoke', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key_id: agent.keyId }),
    });
    expect(revoked.status).toBe(200);
    expect((await push(agent, 'a', 1, Date.now(), 1)).status).toBe(401);
  });

  test('adds what the table says to pushes, at the edge that changed it and at one that knows nothing yet', async () => {
    const { agent, reader, admin } = await people();
    const table = JSON.stringify({ clients: { a: { tags: { rack: 'r7' } }, b: { tags: { rack: 'r8' } } } });
    const headers = { 'content-type': 'application/json' };
    expect((await admin.call('/api/v1/enrichment', { method: 'PUT', headers, body: table })).status).toBe(204);
    const ms = lately();
    expect((await push(agent, 'a', 0, ms, 1)).status).toBe(202);
    const another = workerOf(undefined);
    const request = agent.request('/metrics', {
      method: 'POST',
      headers,
      body: JSON.stringify({ client_id: 'b', metrics: [{ name: 'cpu', value: 1, timestamp: ms }] }),
    });
    const context = createExecutionContext();
    const answer = await another.fetch?.(request as Parameters<NonNullable<typeof another.fetch>>[0], env, context);
    expect(answer?.status).toBe(202);
    const { samples } = await json<{ samples: { client_id: string; labels: unknown }[] }>(
      reader.call(`/api/v1/samples?start=${ms}&end=${ms + 1}`),
    );
    expect(samples.map(({ client_id, labels }) => [client_id, labels])).toEqual([
      ['a', { rack: 'r7' }],
      ['b', { rack: 'r8' }],
    ]);
  });

  test('takes pushes while control is of a version that knows no tables', async () => {
    // A shard is an object that has no such call, as control of an earlier version.
    const control = () => env.SHARD.getByName('shard-0') as unknown as EnrichmentKeeper;
    const registry = remoteEnrichmentRegistry({ control });
    await registry.refresh?.(Date.now());
    await expect(registry.read('acme')).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('sums what its shards count, and what its edges count with them', async () => {
    const { agent, reader } = await people();
    for (const host of HOSTS) await push(agent, host, 0, Date.now(), 1);
    await push(agent, 'host-00', 0, Date.now(), 1);
    const text = await (await reader.call('/metrics')).text();
    const value = (name: string): number =>
      Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
    expect(value('metricstream_log_records_total')).toBeGreaterThanOrEqual(HOSTS.length + 1);
    expect(value('metricstream_pushes_total{outcome="accepted"}')).toBeGreaterThanOrEqual(HOSTS.length);
    expect(text).toContain('# HELP metricstream_log_records_total');
  });
});
