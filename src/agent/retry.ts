/** What an answer means for a push, and how long to wait before the next try. */
import { LIMITS } from '../model/limits.ts';
import type { DropReason } from './spool.ts';

/**
 * `delivered`: done. `dropped`: the server will never take it. `limited` (429): the server is well and asks for time.
 * `unauthorized` (401, 403): the key may be a stale one. `failed`: everything else, and that alone moves the breaker.
 */
export type Verdict =
  | { readonly kind: 'delivered' | 'limited' | 'unauthorized' | 'failed' }
  | { readonly kind: 'dropped'; readonly reason: DropReason };

/** @param status of the answer; undefined: a network error or timeout. A redirect is a failure: none is followed. */
export function judge(status: number | undefined): Verdict {
  if (status === undefined) return { kind: 'failed' };
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 401 || status === 403) return { kind: 'unauthorized' };
  if (status === 429) return { kind: 'limited' };
  if (status === 400 || status === 413 || status === 422) return { kind: 'dropped', reason: `http_${status}` };
  if (status > 400 && status < 500 && status !== 408) return { kind: 'dropped', reason: 'http_4xx' };
  return { kind: 'failed' };
}

/** @param attempts in a row without delivery, ≥ 1. @param random in [0, 1). @returns 1, 2, 4, 8, 16, 16, … s ± 20 %, in whole ms. */
export function backoffMs(attempts: number, random: number): number {
  const steps = LIMITS.agentBackoffMs;
  const step = steps[Math.min(attempts, steps.length) - 1] ?? 0;
  return Math.round(step * (1 + LIMITS.agentBackoffJitter * (2 * random - 1)));
}

const HTTP_DATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * Retry-After in ms, at most agentRetryAfterMsMax: whole seconds or an IMF-fixdate (RFC 9110, 10.2.3 and 5.6.7).
 * Up to a fifth is added, so that agents told the same do not come back together; never less than what was asked.
 * @param random in [0, 1). @returns undefined when there is none or it is neither form.
 */
export function retryAfterMs(header: string | undefined, nowMs: number, random: number): number | undefined {
  const text = header?.trim() ?? '';
  let askedMs: number;
  if (/^\d+$/.test(text)) askedMs = Number(text) * 1_000;
  else if (HTTP_DATE.test(text)) askedMs = Math.max(0, Date.parse(text) - nowMs);
  else return undefined;
  if (Number.isNaN(askedMs)) return undefined;
  return Math.min(Math.ceil(askedMs * (1 + LIMITS.agentBackoffJitter * random)), LIMITS.agentRetryAfterMsMax);
}
