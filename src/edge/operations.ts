/** What the OpenAPI document says of each route. */
import { resolver } from 'hono-openapi';
import type { z } from 'zod';
import { CLIENT_PATTERN } from '../model/access.ts';
import { ERRORS, type ErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { LIVE_PING } from '../protocols/live-message.ts';
import type { Operation } from './route.ts';
import * as schemas from './schemas.ts';

type Responses = NonNullable<Operation['responses']>;
type Parameter = NonNullable<Operation['parameters']>[number];

export function json(description: string, schema: z.ZodType): Responses[string] {
  return { description, content: { 'application/json': { schema: resolver(schema, { options: { io: 'output' } }) } } };
}

function text(description: string, contentType: string): Responses[string] {
  return { description, content: { [contentType]: { schema: { type: 'string' } } } };
}

/** One response for each status that the codes have. */
export function problems(...codes: readonly ErrorCode[]): Responses {
  const responses: Responses = {};
  for (const code of codes) {
    const { status, text: description } = ERRORS[code];
    responses[status] = {
      description: [responses[status]?.description, description].filter(Boolean).join(' '),
      content: { 'application/problem+json': { schema: resolver(schemas.problemAnswer) } },
    };
  }
  return responses;
}

export const KEYED = problems('unauthorized', 'forbidden', 'rate_limited', 'headers_too_large', 'internal');
export const QUERY = { ...KEYED, ...problems('invalid_query', 'too_many_points', 'overloaded', 'unavailable') };
export const BODY = problems(
  'invalid_json',
  'invalid_compression',
  'body_too_large',
  'unsupported_media_type',
  'unsupported_encoding',
  'request_timeout',
);

const SECURITY: Record<string, string[]>[] = [{ bearer: [] }, { apiKey: [] }, { basic: [] }];
export const SECURITY_OR_SESSION = [...SECURITY, { session: [] }];

const LABEL_NAMES = {
  type: 'object',
  patternProperties: { '^label\\.': { type: 'string' } },
  additionalProperties: false,
} as const;

/** `label.NAME=value`: parameters whose names are not known beforehand. */
const LABELS: Parameter = {
  in: 'query',
  name: 'labels',
  style: 'form',
  explode: true,
  description: 'Each label.NAME=value keeps the series that have that label with that value.',
  schema: LABEL_NAMES,
};

export function header(name: string, description: string): Parameter {
  return { in: 'header', name, description, schema: { type: 'string' } };
}

const CLIENT: Parameter = {
  in: 'path',
  name: 'client',
  required: true,
  schema: { type: 'string', pattern: CLIENT_PATTERN.source },
};
const IF_MATCH = header('If-Match', 'The ETag of what is to be changed, or *: 412 where it has changed since, or is not there.');
const ETAG = { ETag: { description: 'Of the content.', schema: { type: 'string' } } } as const;
const CHANGED: Responses[string] = {
  description: `Done; every edge shows it within ${LIMITS.enrichmentMs / 1000} s. Without ETag there is nothing left.`,
  headers: ETAG,
};
const ENRICHMENT_CHANGE = problems('stale', 'body_too_large', 'unavailable');

function tagged(response: Responses[string]): Responses[string] {
  return { ...response, headers: ETAG };
}

export function body(schema: z.ZodType): Operation['requestBody'] {
  return { required: true, content: { 'application/json': { schema: resolver(schema) } } };
}

export const OPERATIONS = {
  push: {
    summary: 'Push metrics',
    description: 'Answered once the push is durable. One bad metric does not cost the others; gzip and deflate bodies are read.',
    security: SECURITY,
    parameters: [
      header('X-Client-Id', 'The client, where the body does not name it.'),
      header('Idempotency-Key', 'BOOT_ID:SEQUENCE, dense from 0 within a boot: a repeat is not counted again.'),
      header('X-Previous-Boot', 'BOOT_ID:COUNT of the boot before.'),
      header('X-Sent-At', 'Send time by the client’s clock, Unix ms.'),
      header('X-Datacenter', 'Where the client stands.'),
      header('X-Environment', 'Such as production.'),
      header('X-Correlation-Id', 'Comes back in the answer and goes into the log.'),
      header('traceparent', 'W3C trace context.'),
    ],
    requestBody: body(schemas.pushBody),
    responses: {
      202: json('Durable.', schemas.pushAnswer),
      ...KEYED,
      ...BODY,
      ...problems('empty_body', 'invalid_push_id', 'too_many_metrics', 'invalid_body', 'all_rejected', 'client_missing'),
      ...problems('overloaded', 'storage_full', 'shutting_down'),
    },
  },
  telemetry: { summary: 'Our own health as Prometheus text', responses: { 200: text('Format 0.0.4.', 'text/plain') } },
  health: { summary: 'Whether the process lives', responses: { 200: json('It does.', schemas.healthAnswer) } },
  ready: {
    summary: 'Whether requests should be sent here',
    responses: { 200: json('They should.', schemas.healthAnswer), ...problems('unavailable') },
  },
  document: { summary: 'This document', responses: { 200: { description: 'OpenAPI 3.1.' } } },
  windows: {
    summary: 'Aggregates over minutes, hours or a step of your own',
    description:
      'Windows whose start lies in [start, end), aligned to the UTC epoch. A step is the fold of its windows in time order.',
    security: SECURITY_OR_SESSION,
    query: schemas.windowsQuery,
    parameters: [LABELS],
    responses: {
      200: {
        description: 'By format.',
        content: {
          'application/json': {
            schema: { anyOf: [{ $ref: '#/components/schemas/Windows' }, { $ref: '#/components/schemas/Columns' }] },
          },
          'text/csv': { schema: { type: 'string' } },
        },
      },
      ...QUERY,
    },
  },
  samples: {
    summary: 'Samples as they were pushed',
    security: SECURITY_OR_SESSION,
    query: schemas.samplesQuery,
    parameters: [LABELS],
    responses: { 200: json('Each series in time order.', schemas.samplesAnswer), ...QUERY },
  },
  clients: {
    summary: 'The clients, with what each should have sent and what arrived',
    security: SECURITY_OR_SESSION,
    query: schemas.clientsQuery,
    responses: { 200: json('By client_id.', schemas.clientsAnswer), ...QUERY },
  },
  metrics: {
    summary: 'The metrics seen lately',
    security: SECURITY_OR_SESSION,
    responses: { 200: json('With their series.', schemas.metricsAnswer), ...QUERY },
  },
  live: {
    summary: 'What changes now: server-sent events, or a WebSocket where 426 asks for it',
    security: SECURITY_OR_SESSION,
    query: schemas.liveQuery,
    responses: {
      101: {
        description: `Each message is the data of such an event. Answer each with ${LIVE_PING}, and send one each ${LIMITS.liveHeartbeatMs / 1000} s.`,
      },
      200: text('Each event: the newest values of the clients that changed.', 'text/event-stream'),
      ...QUERY,
      ...problems('upgrade_required'),
    },
  },
  signIn: {
    summary: 'Exchange a key for a session cookie',
    security: SECURITY,
    responses: { 200: json('The cookie is set.', schemas.sessionAnswer), ...KEYED },
  },
  signOut: {
    summary: 'End the session, and take its cookie back',
    responses: {
      204: { description: 'No copy of the cookie opens anything any more.' },
      ...problems('forbidden', 'unavailable'),
    },
  },
  createKey: {
    summary: 'Make a key of your tenant',
    security: SECURITY_OR_SESSION,
    requestBody: body(schemas.createKeyBody),
    responses: { 201: json('The key, shown once.', schemas.createKeyAnswer), ...KEYED, ...BODY, ...problems('invalid_body') },
  },
  revokeKey: {
    summary: 'Revoke a key, and the sessions got with it',
    security: SECURITY_OR_SESSION,
    requestBody: body(schemas.revokeKeyBody),
    responses: {
      200: json('Revoked, everywhere within 5 s.', schemas.revokeKeyAnswer),
      ...KEYED,
      ...BODY,
      ...problems('invalid_body', 'not_found'),
    },
  },
  readEnrichments: {
    summary: 'The table of what the edge adds to pushes',
    security: SECURITY_OR_SESSION,
    responses: { 200: tagged(json('All clients.', schemas.enrichmentTable)), ...KEYED, ...problems('unavailable') },
  },
  replaceEnrichments: {
    summary: 'Put another table in its place',
    security: SECURITY_OR_SESSION,
    parameters: [IF_MATCH],
    requestBody: body(schemas.enrichmentTable),
    responses: { 204: CHANGED, ...KEYED, ...BODY, ...ENRICHMENT_CHANGE, ...problems('invalid_body') },
  },
  removeEnrichments: {
    summary: 'Empty the table',
    security: SECURITY_OR_SESSION,
    parameters: [IF_MATCH],
    responses: { 204: CHANGED, ...KEYED, ...ENRICHMENT_CHANGE },
  },
  readEnrichment: {
    summary: 'What the edge adds to the pushes of one client',
    security: SECURITY_OR_SESSION,
    parameters: [CLIENT],
    responses: {
      200: tagged(json('Its row.', schemas.enrichmentRow)),
      ...KEYED,
      ...problems('not_found', 'invalid_client', 'unavailable'),
    },
  },
  replaceEnrichment: {
    summary: 'Say what the edge adds to the pushes of one client',
    security: SECURITY_OR_SESSION,
    parameters: [CLIENT, IF_MATCH],
    requestBody: body(schemas.enrichmentRow),
    responses: { 204: CHANGED, ...KEYED, ...BODY, ...ENRICHMENT_CHANGE, ...problems('invalid_body', 'invalid_client') },
  },
  removeEnrichment: {
    summary: 'Add nothing to the pushes of one client any more',
    security: SECURITY_OR_SESSION,
    parameters: [CLIENT, IF_MATCH],
    responses: { 204: CHANGED, ...KEYED, ...ENRICHMENT_CHANGE, ...problems('not_found', 'invalid_client') },
  },
} satisfies Record<string, Operation>;
