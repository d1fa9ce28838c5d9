/** The host's own clock and timers as the clock port; every server runtime has them. */
import type { Clock } from '../../ports/clock.ts';

export function systemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    schedule(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
