/** Reads a request's body as JSON, within bounds. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';

/** How much a body may take: what its Content-Length says, or without one the most that is read. @throws body_too_large */
export function reservedBytes(request: Request): number {
  const declared = request.headers.get('content-length');
  if (declared === null) return request.body === null ? 0 : LIMITS.gatewayBodyBytesMax;
  const bytes = Number(declared);
  if (!(bytes <= LIMITS.gatewayBodyBytesMax)) throw tooLarge();
  return bytes;
}

/** @returns undefined for an empty body. @throws body_too_large | invalid_json | invalid_encoding | request_timeout | unsupported_encoding */
export async function readJson(request: Request, clock: Clock): Promise<unknown> {
  const coding = request.headers.get('content-encoding');
  if (coding !== null && coding !== 'identity') throw new MetricStreamError('unsupported_encoding');
  const bytes = await inTime(clock, request);
  if (bytes.length === 0) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new MetricStreamError('invalid_encoding');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new MetricStreamError('invalid_json');
  }
}

function inTime(clock: Clock, request: Request): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(LIMITS.requestTimeoutMs, () => reject(new MetricStreamError('request_timeout')));
    const read = request.headers.has('content-length') ? readDeclared(request) : readStreamed(request);
    read.then(resolve, reject).finally(cancel);
  });
}

/** The host gives no more than was declared. */
async function readDeclared(request: Request): Promise<Uint8Array> {
  try {
    return new Uint8Array(await request.arrayBuffer());
  } catch (error) {
    throw new MetricStreamError('invalid_request', 'The body could not be read.', { cause: error });
  }
}

async function readStreamed(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > LIMITS.gatewayBodyBytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function tooLarge(): MetricStreamError {
  return new MetricStreamError('body_too_large', `A body may have ${LIMITS.gatewayBodyBytesMax} bytes.`);
}
