/** The contract of the rate-limiter for the one in memory; that of Redis runs in test/services. */
import { memoryRateLimiter } from '../../src/adapters/memory/rate-limiter.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { rateLimiterContract } from './suites/rate-limiter.ts';

rateLimiterContract('memory', async () => {
  const clock = manualClock();
  const limiter = memoryRateLimiter(clock);
  return { edge: () => limiter, wait: clock.advance };
});
