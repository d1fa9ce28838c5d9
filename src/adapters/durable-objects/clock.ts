/** The clock of a Worker: it stands still while code computes, and a timer of 0 ms is the way to let others in. */
import type { Clock } from '../../ports/clock.ts';

/** What is used of the host's globals. */
export interface WorkerTimers {
  nowMs(): number;
  setTimeout(task: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

export function workerClock(timers: WorkerTimers): Clock {
  return {
    nowMs: timers.nowMs,
    schedule(delayMs, task) {
      const timer = timers.setTimeout(task, delayMs);
      return () => timers.clearTimeout(timer);
    },
  };
}
