/** Who may do what through the gateway: the credentials file, and whose a request is. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';

export type KafkaOperation = 'produce' | 'consume' | 'admin';

/*
 * file       = { "credentials": [ credential, ... ] }
 * credential = { "name", "secret", "kafka"?: { "operations", "topics", "groups"? }, "redis"?: true, "requestsPerSecond"? }
 * A pattern is a name, or its beginning and "*".
 * Kafka's client sends `Basic base64(name:secret)`, that of Redis `Bearer secret`; either is taken everywhere.
 */
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const PATTERN = /^(?:[A-Za-z0-9._-]{1,249}|[A-Za-z0-9._-]{0,248}\*)$/;

const patterns = z.array(z.string().regex(PATTERN, 'is a name, or the beginning of names and *')).min(1);
const entry = z.strictObject({
  name: z.string().regex(NAME, 'has letters, digits, dot, underscore and hyphen, at most 64'),
  secret: z
    .string()
    .min(LIMITS.gatewaySecretLengthMin, `has at least ${LIMITS.gatewaySecretLengthMin} characters`)
    .regex(/^[\x21-\x7e]+$/, 'has printable ASCII without spaces'),
  kafka: z
    .strictObject({
      operations: z.array(z.enum(['produce', 'consume', 'admin'])).min(1),
      topics: patterns,
      groups: patterns.optional(),
    })
    .optional(),
  redis: z.boolean().optional(),
  requestsPerSecond: z.int().min(1).optional(),
});
const file = z.strictObject({ credentials: z.array(entry).min(1).max(LIMITS.gatewayCredentialsMax) });

/** What a credential allows. */
export interface Credential {
  readonly name: string;
  readonly redis: boolean;
  /** Left out: no bound of its own. */
  readonly requestsPerSecond: number | undefined;
  mayKafka(operation: KafkaOperation): boolean;
  mayTopic(topic: string): boolean;
  mayGroup(group: string): boolean;
}

export interface Credentials {
  /** @returns whose the value of an Authorization header is; undefined: nobody's. The time it takes says nothing of the secrets. */
  of(authorization: string | null): Credential | undefined;
}

/** @throws invalid_request with the place and what is wrong there; never with a secret. */
export function readCredentials(text: string): Credentials {
  const parsed = file.safeParse(jsonOf(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new MetricStreamError('invalid_request', `credentials file: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  for (const field of ['name', 'secret'] as const) {
    const values = new Set(parsed.data.credentials.map((one) => one[field]));
    if (values.size < parsed.data.credentials.length)
      throw new MetricStreamError('invalid_request', `credentials file: a ${field} stands in it twice.`);
  }
  const known = parsed.data.credentials.map((one) => ({
    credential: credentialOf(one),
    basic: digest(`${one.name}:${one.secret}`),
    bearer: digest(one.secret),
  }));
  return {
    of(authorization) {
      if (authorization === null || authorization.length > LIMITS.headerKeyBytesMax) return undefined;
      const [, scheme = '', value = ''] = /^(basic|bearer) +([\x21-\x7e]+) *$/i.exec(authorization) ?? [];
      const isBasic = /^basic$/i.test(scheme);
      const given = digest(isBasic ? Buffer.from(value, 'base64').toString('utf8') : value);
      let found: Credential | undefined;
      // All are compared, and as digests of one length: neither a hit nor how close one came can be told by the time.
      for (const { credential, basic, bearer } of known) if (timingSafeEqual(given, isBasic ? basic : bearer)) found = credential;
      return scheme === '' ? undefined : found;
    },
  };
}

function credentialOf({ name, kafka, redis = false, requestsPerSecond }: z.infer<typeof entry>): Credential {
  const mayTopic = matcher(kafka?.topics ?? []);
  const mayGroup = matcher(kafka?.groups ?? ['*']);
  return {
    name,
    redis,
    requestsPerSecond,
    mayKafka: (operation) => kafka?.operations.includes(operation) === true,
    mayTopic,
    mayGroup,
  };
}

function matcher(list: readonly string[]): (name: string) => boolean {
  const exact = new Set(list.filter((pattern) => !pattern.endsWith('*')));
  const beginnings = list.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  return (name) => exact.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MetricStreamError('invalid_request', 'credentials file: it is not valid JSON.');
  }
}
