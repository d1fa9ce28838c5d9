/** Checks what came in against a schema, and says in one line what is wrong with which field. */
import type { z } from 'zod';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Decompression } from '../ports/decompression.ts';
import { codingOf, readBody } from './body.ts';
import type { Deadlines } from './deadlines.ts';
import { RECEIVERS, takes } from './receivers.ts';

type IssueSource = {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string; readonly code?: string }[];
};

/** The first issue; unknown properties are named by the message itself. */
function describe({ issues }: IssueSource, what: string): string {
  const [issue] = issues;
  if (issue === undefined) return `The ${what} is not valid.`;
  const field = issue.path.join('.');
  return field === '' ? `${what}: ${issue.message}` : `${what}: ${field}: ${issue.message}`;
}

const LABEL_PREFIX = 'label.';

/**
 * Reads the query of a URL. Each parameter may stand once; `label.NAME` are collected.
 * @throws invalid_query naming the parameter.
 */
export function checkQuery<S extends z.ZodType>(
  url: string,
  schema: S,
): { readonly query: z.output<S>; readonly labels: Readonly<Record<string, string>> } {
  const given: Record<string, string> = {};
  const labels: Record<string, string> = {};
  for (const [name, value] of new URL(url).searchParams) {
    const into = name.startsWith(LABEL_PREFIX) ? labels : given;
    const key = into === labels ? name.slice(LABEL_PREFIX.length) : name;
    if (Object.hasOwn(into, key)) throw new MetricStreamError('invalid_query', `query: ${name}: stands twice`);
    Object.defineProperty(into, key, { value, enumerable: true });
  }
  if (Object.keys(labels).length > LIMITS.labelsMax) throw new MetricStreamError('invalid_query', 'query: label: too many');
  const result = schema.safeParse(given);
  if (!result.success) throw new MetricStreamError('invalid_query', describe(result.error, 'query'));
  return { query: result.data, labels };
}

/** What reading a body takes. */
export interface BodyReading {
  readonly bodyWait: Deadlines;
  readonly decompression: Decompression;
  /** Less than any body may have. */
  readonly bytesMax?: number;
}

/** Reads the bytes of a body. @throws body_too_large, and what readBody does */
export async function boundedBody(request: Request, { bodyWait, decompression, bytesMax }: BodyReading): Promise<Uint8Array> {
  const bytes = await readBody(request, codingOf(request.headers.get('content-encoding')), bodyWait, decompression);
  if (bytesMax === undefined || bytes.length <= bytesMax) return bytes;
  throw new MetricStreamError('body_too_large', `The body may have ${bytesMax} bytes.`);
}

/**
 * Reads a JSON body. A member `__proto__` is refused wherever it stands: zod drops it from a record without a word.
 * @throws unsupported_media_type | invalid_json | invalid_body naming the field
 */
export async function checkBody<S extends z.ZodType>(request: Request, schema: S, reading: BodyReading): Promise<z.output<S>> {
  if (!takes(RECEIVERS.json, request.headers.get('content-type'))) throw new MetricStreamError('unsupported_media_type');
  const bytes = await boundedBody(request, reading);
  let body: unknown;
  let hasProto = false;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes), (name, value) => {
      hasProto ||= name === '__proto__';
      return value;
    });
  } catch {
    throw new MetricStreamError('invalid_json');
  }
  if (hasProto) throw new MetricStreamError('invalid_body', 'body: __proto__ names nothing here');
  const result = schema.safeParse(body);
  if (!result.success) throw new MetricStreamError('invalid_body', describe(result.error, 'body'));
  return result.data;
}
