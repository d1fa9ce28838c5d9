/** Reads again and again while somebody looks: one reading at a time, and none after the view has ended. */
import type { Services } from '../services.ts';

export interface Polling {
  /** Reads now; where a reading is under way, once more after it. */
  now(): void;
  stop(): void;
}

/** @param read takes whether the view has ended: what comes then is dropped. */
export function polling(services: Services, everyMs: number, read: (ended: () => boolean) => Promise<void>): Polling {
  let reading = false;
  let again = false;
  let stopped = false;
  const run = (): void => {
    if (stopped || document.hidden) return;
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    again = false;
    read(() => stopped)
      .catch((failure: unknown) => {
        if (!stopped) services.report(failure);
      })
      .finally(() => {
        reading = false;
        if (again) run();
      });
  };
  const stopPolling = services.every(everyMs, () => {
    if (!reading) run();
  });
  return {
    now: run,
    stop() {
      stopped = true;
      stopPolling();
    },
  };
}
