/** Alerting in workerd: rules reach the shards, transitions the object that keeps incidents, and both outlive what befalls objects. */
import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { createKey } from '../../src/edge/keys.ts';

const RULES = `groups:
  - name: queue
    rules:
      - alert: QueueLong
        expr: avg(queue_length) > 10
        for: 0s
        severity: critical
        annotations: { summary: "{{ host }} has {{ value }} waiting" }
`;

const alertObject = () => env.ALERTS.getByName('alerts');
let tenants = 0;

async function person() {
  tenants += 1;
  const { key } = await createKey(env.METRICSTREAM_SECRET, { tenant: `alerts-${tenants}`, role: 'admin' }, Date.now());
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    exports.default.fetch(
      new Request(`https://metrics.example${path}`, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${key}` },
      }),
    );
  let sequence = 0;
  return {
    call,
    async push(client: string, value: number): Promise<void> {
      const answer = await call('/metrics', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': `boot:${sequence++}` },
        body: JSON.stringify({ client_id: client, metrics: [{ name: 'queue_length', value, timestamp: Date.now() }] }),
      });
      expect(answer.status).toBe(202);
    },
    async putRules(): Promise<void> {
      const answer = await call('/api/v1/rules', { method: 'PUT', headers: { 'content-type': 'application/yaml' }, body: RULES });
      expect([answer.status, answer.status === 200 ? '' : await answer.text()]).toEqual([200, '']);
      // It is told to the shards behind the answer, at the latest by the alarm.
      await runDurableObjectAlarm(alertObject());
    },
    async incidents(): Promise<
      readonly { readonly id: string; readonly title: string; readonly delivery: string; readonly state: string }[]
    > {
      await runDurableObjectAlarm(alertObject());
      return ((await (await call('/api/v1/incidents')).json()) as { incidents: never[] }).incidents;
    },
    async alerts(): Promise<readonly { readonly client_id: string; readonly state: string }[]> {
      // A read takes what is in the log first.
      await call('/api/v1/clients');
      return ((await (await call('/api/v1/alerts')).json()) as { alerts: never[] }).alerts;
    },
  };
}

test('a rule that was put judges the next push, and its alert is an incident that says that nobody was told', async () => {
  const one = await person();
  await one.putRules();
  await one.push('web-1', 11);
  await expect.poll(one.alerts).toMatchObject([{ client_id: 'web-1', state: 'firing' }]);
  await expect
    .poll(one.incidents, { timeout: 20_000 })
    .toMatchObject([{ title: 'web-1 has 11 waiting', state: 'open', delivery: 'undelivered' }]);
});

test('alerts and incidents are what they were after the objects were evicted, and end when what they are of ends', async () => {
  const one = await person();
  await one.putRules();
  await one.push('web-1', 12);
  await expect.poll(one.alerts).toHaveLength(1);
  for (const shard of ['shard-0', 'shard-1', 'shard-2']) await evictDurableObject(env.SHARD.getByName(shard));
  await evictDurableObject(alertObject());
  expect(await one.alerts()).toMatchObject([{ client_id: 'web-1', state: 'firing' }]);
  const before = await one.incidents();
  await one.push('web-1', 3);
  await expect.poll(one.alerts).toHaveLength(0);
  expect((await one.incidents()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
});

test('a client that is retired ends its alerts; its next push brings it back', async () => {
  const one = await person();
  await one.putRules();
  await one.push('web-1', 12);
  await expect.poll(one.alerts).toHaveLength(1);
  expect((await one.call('/api/v1/clients/web-1/retire', { method: 'POST' })).status).toBe(200);
  await expect.poll(one.alerts).toHaveLength(0);
  await one.push('web-1', 12);
  await expect.poll(one.alerts).toHaveLength(1);
});

test('what another tenant has is not there', async () => {
  const [one, other] = [await person(), await person()];
  await one.putRules();
  await one.push('web-1', 12);
  await expect.poll(one.alerts).toHaveLength(1);
  expect(await other.alerts()).toEqual([]);
  expect(await other.incidents()).toEqual([]);
  expect(await (await other.call('/api/v1/rules')).text()).not.toContain('QueueLong');
});
