/** Replies between edges, shards and control: what happened as data, on either side. */
import { ERRORS, MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Reply } from '../ports/shard-service.ts';

/** Of the messages that this program writes; it reads those of the version before and after. */
export const CALL_VERSION = 1;

/** Never rejects. Errors that are none of ours are `unavailable`: the call can be made again. */
export async function reply<T>(work: () => Promise<T>): Promise<Reply<T>> {
  try {
    return { version: CALL_VERSION, ok: true, value: await work() };
  } catch (error) {
    const own = error instanceof MetricStreamError ? error : new MetricStreamError('unavailable', undefined, { cause: error });
    return { version: CALL_VERSION, ok: false, code: own.code, message: own.message, retryAfterMs: own.retryAfterMs };
  }
}

/** @throws what the other side threw; a code that this version does not know is `unavailable`, as is no reply at all. */
export function received<T>(answer: Reply<T>): T {
  if (answer.ok) return answer.value;
  const { message, retryAfterMs = LIMITS.retryMs } = answer;
  throw new MetricStreamError(Object.hasOwn(ERRORS, answer.code) ? answer.code : 'unavailable', message, { retryAfterMs });
}
