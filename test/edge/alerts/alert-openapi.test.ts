/** The OpenAPI document says of alerting what its routes do, and answers are what it says. */
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import * as answers from '../../../src/edge/alert-answer-schemas.ts';
import { routesOf } from '../../../src/edge/app.ts';
import { openDoor } from '../../../src/edge/door.ts';
import { NOW_MS } from '../harness.ts';
import { alertLab, fill, RULE_FILE } from './alert-lab.ts';

interface Operation {
  readonly summary: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Record<string, unknown> };
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>;
}

const lab = alertLab();
await fill(lab);
const key = await lab.key({ role: 'admin' });
const ROUTES = routesOf(lab.deps, openDoor(lab.deps));
const document = (await (await lab.send('GET', '/openapi.json')).json()) as {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: object };
};

test('the document has the routes of the table, and no other', () => {
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(documented.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
});

describe.each(ROUTES)('$method $path', ({ method, path, access }) => {
  const operation = document.paths[path]?.[method.toLowerCase()];

  test('names its path parameters, its key and its errors', () => {
    const named = operation?.parameters?.filter((one) => one.in === 'path').map(({ name, required }) => [name, required]);
    expect(named ?? []).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, true]));
    expect((operation?.security ?? []).length > 0).toBe(access !== 'public');
    const type = path.startsWith('/prometheus/') ? 'application/json' : 'application/problem+json';
    const statuses = Object.keys(operation?.responses ?? {});
    if (access !== 'public') expect(statuses).toEqual(expect.arrayContaining(['401', '403', '429']));
    for (const [status, { content }] of Object.entries(operation?.responses ?? {})) {
      if (Number(status) >= 400) expect(Object.keys(content ?? {})).toEqual([type]);
    }
  });

  test('names 412 where it takes If-Match, and 404 where it takes an id', () => {
    const takes = operation?.parameters?.some(({ name }) => name === 'If-Match') === true;
    expect(Object.keys(operation?.responses ?? {}).includes('412')).toBe(takes);
    if (path.includes('{id}')) expect(operation?.responses).toHaveProperty('404');
  });
});

test('every reference leads to a schema', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  expect(references.length).toBeGreaterThan(20);
  for (const [, name] of references) expect(document.components.schemas).toHaveProperty(name ?? '');
});

test('no schema holds what JSON Schema does not know', () => {
  expect(JSON.stringify(document)).not.toContain('"~standard"');
});

const ANSWERS: readonly (readonly [route: string, schema: z.ZodType, body: string | undefined])[] = [
  ['GET /api/v1/rules', answers.ruleFile, undefined],
  ['GET /api/v1/rules/active', answers.rulesAnswer, undefined],
  ['POST /api/v1/rules/check', answers.rulesChecked, JSON.stringify({ file: RULE_FILE })],
  ['POST /api/v1/rules/backtest', answers.backtestAnswer, JSON.stringify({ file: RULE_FILE, from: 1, to: NOW_MS })],
  ['GET /api/v1/silences/one', answers.silence, undefined],
  ['GET /api/v1/maintenance/one', answers.maintenance, undefined],
  ['GET /api/v1/channels/one', answers.channel, undefined],
  ['GET /api/v1/channels', answers.listed('channels', answers.channel), undefined],
  ['GET /api/v1/routes/one', answers.route, undefined],
  ['POST /api/v1/channels/one/test', answers.channelTested, undefined],
  ['GET /api/v1/incidents', answers.incidentsAnswer, undefined],
  ['GET /api/v1/incidents/inc-1', answers.incidentAnswer, undefined],
  ['POST /api/v1/incidents/inc-1/notes', answers.incidentChanged, '{"text":"a note"}'],
  ['GET /api/v1/alerts', answers.alertsAnswer, undefined],
  ['GET /api/v1/history', answers.historyAnswer, undefined],
  ['GET /api/v1/response-times', answers.responseTimesAnswer, undefined],
  ['GET /api/v1/audit', answers.auditAnswer, undefined],
];

test.each(ANSWERS)('the answer of %s has what its schema says, and no more', async (route, schema, body) => {
  const [method = '', path = ''] = route.split(' ');
  const headers = { accept: 'application/json' };
  const response = await lab.send(method, path, { key, headers, ...(body === undefined ? {} : { body }) });
  expect(response.status).toBe(200);
  const answer = await response.json();
  // Parsing drops what the schema does not name.
  expect(schema.parse(answer)).toEqual(answer);
});
