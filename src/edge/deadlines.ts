/** One timer for all requests that wait: a timer each would cost more than the requests. */
import type { Clock } from '../ports/clock.ts';

interface Waiting {
  readonly sinceTick: number;
  readonly expire: () => void;
}

export interface Deadlines {
  /** @returns what `work` settles to. @throws what `late` makes, when the time is over first; the work is not stopped. */
  within<T>(work: Promise<T>, late: () => Error): Promise<T>;
}

/** Ticks per deadline: a wait is cut after `timeoutMs` and at most a quarter more. */
const TICKS = 4;

/** The timer runs only while somebody waits. */
export function deadlines(clock: Clock, timeoutMs: number): Deadlines {
  // All wait equally long, so the first in is the first to expire.
  const waiting = new Set<Waiting>();
  let tick = 0;
  let ticking = false;

  const onTick = (): void => {
    tick += 1;
    for (const wait of waiting) {
      if (tick - wait.sinceTick <= TICKS) break;
      waiting.delete(wait);
      wait.expire();
    }
    ticking = waiting.size > 0;
    if (ticking) clock.schedule(timeoutMs / TICKS, onTick);
  };

  return {
    within(work, late) {
      return new Promise((resolve, reject) => {
        const wait = { sinceTick: tick, expire: () => reject(late()) };
        waiting.add(wait);
        if (!ticking) {
          ticking = true;
          clock.schedule(timeoutMs / TICKS, onTick);
        }
        work.then(
          (value) => {
            waiting.delete(wait);
            resolve(value);
          },
          (error: unknown) => {
            waiting.delete(wait);
            reject(error);
          },
        );
      });
    },
  };
}
