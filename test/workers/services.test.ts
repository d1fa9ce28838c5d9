/** The Worker in the production profile, as far as workerd alone shows it: test/services/cloudflare-kafka.test.ts has the services. */
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { AlertObject, ControlObject, ShardObject, default as worker } from '../../src/runtimes/cloudflare-services.ts';

const GIVEN = {
  KAFKA_REST_URL: 'https://gateway.example',
  KAFKA_REST_USERNAME: 'edge',
  KAFKA_REST_PASSWORD: 'a secret of the gateway',
  INFLUX_URL: 'https://influx.example',
  INFLUX_TOKEN: 'a token',
  INFLUX_ORG: 'metricstream',
};

async function call(path: string, variables: Record<string, string>): Promise<Response> {
  const request = new Request(`https://metrics.example${path}`, { headers: { authorization: 'Bearer x' } });
  return (await worker.fetch?.(
    request as Parameters<NonNullable<typeof worker.fetch>>[0],
    { ...env, ...variables } as typeof env,
    createExecutionContext(),
  )) as Response;
}

describe('a Worker in front of Kafka and InfluxDB', () => {
  test('has the objects that wrangler.kafka.toml names', () => {
    const names = ['AlertObject', 'ControlObject', 'ShardObject'];
    expect([AlertObject, ControlObject, ShardObject].map(({ name }) => name)).toEqual(names);
  });

  test.each(Object.keys(GIVEN))('answers 503, and says so, where %s is missing', async (name) => {
    const response = await call('/api/v1/clients', { ...GIVEN, [name]: '' });
    expect([response.status, (await response.text()).includes(`${name} has to be set`)]).toEqual([503, true]);
    expect((await call('/health', { ...GIVEN, [name]: '' })).status).toBe(200);
  });

  test('wants both of the limiter, or none', async () => {
    const response = await call('/api/v1/clients', { ...GIVEN, UPSTASH_REDIS_REST_URL: 'https://redis.example' });
    expect([response.status, (await response.text()).includes('go together')]).toEqual([503, true]);
  });

  test('answers, where it has all', async () => {
    expect((await call('/api/v1/clients', GIVEN)).status).toBe(401);
  });
});
