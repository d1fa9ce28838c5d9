/** A Worker that is not set up yet, or wrongly: it says that it runs, and what is to be done. */
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import worker from './worker.ts';

function call(method: string, path: string, secret?: string): Promise<Response> {
  return callWith(method, path, { METRICSTREAM_SECRET: secret });
}

async function callWith(method: string, path: string, variables: Record<string, string | undefined>): Promise<Response> {
  const own = { ...env, ...variables } as typeof env;
  const request = new Request(`https://metrics.example${path}`, { method, headers: { authorization: 'Bearer x' } });
  return (await worker.fetch?.(
    request as Parameters<NonNullable<typeof worker.fetch>>[0],
    own,
    createExecutionContext(),
  )) as Response;
}

describe('a Worker without a secret', () => {
  test.each([undefined, ''])(
    'answers 503 with Retry-After on every route but /health, where the secret is %j',
    async (secret) => {
      // The routes, as the product tells them.
      const document = await call('GET', '/openapi.json', env.METRICSTREAM_SECRET);
      const { paths } = (await document.json()) as { paths: Record<string, object> };
      const routes = Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => [method, path] as const),
      );
      expect(routes.length).toBeGreaterThan(10);
      for (const [method, path] of [...routes, ['get', '/'], ['get', '/nothing']] as const) {
        const response = await call(method.toUpperCase(), path, secret);
        if (path === '/health') expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
        else {
          expect([path, response.status, response.headers.get('retry-after')]).toEqual([path, 503, '1']);
          expect(await response.text()).toContain('npx metricstream cloudflare setup');
        }
      }
    },
  );
});

describe('a Worker with variables that cannot be', () => {
  test.each([
    [{ SHARDS: '24' }, 'at least SHARDS'],
    [{ ALERTS: undefined }, 'The binding ALERTS is missing'],
    [{ PARTITIONS: 'many' }, 'whole numbers'],
    [{ METRICSTREAM_MINUTE_RETENTION_MS: '-1' }, 'above 0 ms'],
    [{ METRICSTREAM_RAW_RETENTION_MS: '86400000' }, 'raw retention less a day'],
    [{ KAFKA_REST_URL: 'https://gateway.example' }, 'wrangler.kafka.toml'],
  ])('answers 503 and says what is wrong with %j', async (variables, text) => {
    const response = await callWith('POST', '/metrics', variables);
    expect([response.status, (await response.text()).includes(text)]).toEqual([503, true]);
    expect((await callWith('GET', '/health', variables)).status).toBe(200);
  });
});
