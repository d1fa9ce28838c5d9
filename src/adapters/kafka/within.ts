/** A deadline around what cannot be stopped: client libraries that try again by themselves. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';

/** What the work does after the deadline nobody hears of. @throws unavailable with `detail`, when the time is over first. */
export async function within<T>(clock: Clock, timeoutMs: number, work: Promise<T>, detail: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = clock.schedule(timeoutMs, () => {
    reject(new MetricStreamError('unavailable', detail, { retryAfterMs: LIMITS.retryMs }));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
