/** The limit that all edges share, in memory: exact, for tests. */
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RateLimiter } from '../../ports/rate-limiter.ts';

/** Every edge of a test is given this one. */
export function memoryRateLimiter(clock: Clock): RateLimiter {
  const admissions = new Map<string, number[]>();
  return {
    async take(clientKey, requestsPerSecond) {
      const nowMs = clock.nowMs();
      const times = (admissions.get(clientKey) ?? []).filter((atMs) => atMs > nowMs - LIMITS.limitWindowMs);
      admissions.set(clientKey, times);
      if (times.length < requestsPerSecond) {
        times.push(nowMs);
        return 0;
      }
      return (times[times.length - requestsPerSecond] ?? nowMs) + LIMITS.limitWindowMs - nowMs;
    },
  };
}
