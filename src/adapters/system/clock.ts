/** The host's own clock and timers as the clock port; every server runtime has them. */
import type { Clock } from '../../ports/clock.ts';

export function systemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    schedule(delayMs, task) {
      if (delayMs === 0) {
        // A timer of 0 ms waits for 1 ms, and wakes the process once more.
        const immediate = setImmediate(task);
        return () => clearImmediate(immediate);
      }
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
