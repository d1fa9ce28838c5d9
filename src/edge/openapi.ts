/** The OpenAPI document, made from the table of routes on an app of its own, so that no description burdens a live route. */
import { Hono } from 'hono';
import { describeRoute, generateSpecs, validator } from 'hono-openapi';
import { z } from 'zod';
import { honoPath } from './path-match.ts';
import type { Route } from './route.ts';
import { columnsAnswer, windowsAnswer } from './schemas.ts';

const DOCUMENTATION = {
  info: {
    title: 'MetricStream',
    version: '1',
    description: 'Server metrics, every sample counted exactly once. Errors are problem+json; 429 and 503 carry Retry-After.',
  },
  components: {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      basic: { type: 'http', scheme: 'basic', description: 'The password is the key.' },
      apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      session: { type: 'apiKey', in: 'cookie', name: 'metricstream', description: '__Host-metricstream over TLS.' },
    },
    schemas: { Windows: schemaOf(windowsAnswer), Columns: schemaOf(columnsAnswer) },
  },
} as const;

/** zod's JSON Schema is that of OpenAPI 3.1; only the two libraries' types for it differ. */
function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema);
  return rest;
}

/** Makes the document when it is first asked for. `routes` may still be growing until then. */
export function openApiAnswer(routes: readonly Route[]): () => Promise<Response> {
  let document: Promise<string> | undefined;
  return async () => {
    document ??= describe(routes);
    return new Response(await document, { headers: { 'content-type': 'application/json' } });
  };
}

async function describe(routes: readonly Route[]): Promise<string> {
  const described = new Hono();
  for (const { method, path, operation } of routes) {
    if (operation === undefined) continue;
    const { query, ...rest } = operation;
    const place = honoPath(path);
    described.on(method, place, describeRoute(rest));
    if (query !== undefined) described.on(method, place, validator('query', query, undefined, { options: { io: 'output' } }));
  }
  const document = await generateSpecs(described, {
    documentation: DOCUMENTATION,
    excludeStaticFile: false,
    defaultValidationErrorResponse: false,
  });
  return JSON.stringify(document);
}
