/** When a notification that failed is tried again. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';

/**
 * @param failures attempts that failed so far, at least 1.
 * @param random in [0, 1).
 * @param retryAfterMs what the receiver asked for: waited for where it is longer, within a bound.
 */
export function retryWaitMs(failures: number, random: number, retryAfterMs: number | undefined): number {
  const { retryFirstMs, retryMostMs, retryJitter, retryAfterMostMs } = ALERT_LIMITS;
  const plainMs = Math.min(retryMostMs, retryFirstMs * 2 ** Math.min(failures - 1, 30));
  const jittered = plainMs * (1 + retryJitter * (2 * random - 1));
  return Math.round(Math.max(jittered, Math.min(retryAfterMs ?? 0, retryAfterMostMs)));
}
