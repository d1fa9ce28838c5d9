/** The OpenAPI document says what the table of routes does. */
import { describe, expect, test } from 'vitest';
import { routesOf } from '../../src/edge/app.ts';
import { openDoor } from '../../src/edge/door.ts';
import { ERRORS } from '../../src/model/errors.ts';
import { createEdge } from './harness.ts';

interface Operation {
  readonly summary: string;
  readonly security?: readonly Record<string, unknown>[];
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}

const edge = createEdge();
const ROUTES = routesOf(edge.deps, openDoor(edge.deps));
/** As the document writes a parameter of the path. */
const pathOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}');
const document = (await (await edge.send('GET', '/openapi.json')).json()) as Document;

test('the document has the routes of the table, and no other', () => {
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(documented.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${pathOf(path)}`).sort());
  expect(document.openapi).toMatch(/^3\.1/);
});

describe.each(ROUTES.map((route) => ({ ...route, operation: document.paths[pathOf(route.path)]?.[route.method.toLowerCase()] })))(
  '$method $path',
  ({ access, operation }) => {
    test('asks for a key exactly where the table does', () => {
      expect((operation?.security ?? []).length > 0).toBe(access !== 'public');
    });

    test('names problem+json for every error, and 401 and 403 where a key is asked for', () => {
      const statuses = Object.keys(operation?.responses ?? {});
      expect(statuses.some((status) => status.startsWith('2'))).toBe(true);
      if (access !== 'public') expect(statuses).toEqual(expect.arrayContaining(['401', '403', '429']));
      for (const [status, { content }] of Object.entries(operation?.responses ?? {})) {
        if (Number(status) >= 400) expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
      }
    });
  },
);

test('the parameters of a windows query are typed, and required where they are', () => {
  const parameters = document.paths['/api/v1/windows']?.get?.parameters ?? [];
  const byName = Object.fromEntries(parameters.map((one) => [one.name, one]));
  expect(Object.keys(byName).sort()).toEqual(
    ['client', 'end', 'fields', 'format', 'labels', 'metric', 'open', 'resolution', 'start', 'step'].sort(),
  );
  expect(byName.start).toMatchObject({ in: 'query', required: true, schema: { type: 'integer' } });
  expect(byName.open).toMatchObject({ schema: { type: 'boolean' } });
  expect(byName.open?.required).toBeUndefined();
  expect(byName.resolution).toMatchObject({ schema: { enum: ['1m', '1h'] } });
});

test('every reference leads to a schema', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
  expect(references.length).toBeGreaterThan(5);
  for (const name of references) expect(document.components.schemas).toHaveProperty(name ?? '');
});

test('a problem’s code is one of the catalogue', () => {
  const { properties } = document.components.schemas.Problem as { properties: { code: { enum: string[] } } };
  expect(properties.code.enum).toEqual(Object.keys(ERRORS));
});

test('no schema holds what JSON Schema does not know', () => {
  expect(JSON.stringify(document)).not.toContain('"~standard"');
});
