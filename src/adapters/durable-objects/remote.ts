/** Calls to other objects: their failures as ours. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Reply } from '../../ports/shard-service.ts';
import { received } from '../../protocols/shard-reply.ts';

/** @throws what the other side told | overloaded where the platform says so | unavailable for anything else it throws */
export async function ask<T>(call: Promise<Reply<T>>): Promise<T> {
  let answer: Reply<T>;
  try {
    answer = await call;
  } catch (cause) {
    const code = isOverloaded(cause) ? 'overloaded' : 'unavailable';
    throw new MetricStreamError(code, undefined, { cause, retryAfterMs: LIMITS.retryMs });
  }
  return received(answer);
}

/** Cloudflare marks the errors of an object that has too much to do. */
function isOverloaded(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'overloaded' in error && error.overloaded === true;
}
