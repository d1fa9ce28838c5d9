/** A clock that stands until it is told to move, and tells what it ran. */
import type { Clock } from '../../src/ports/clock.ts';

export interface ManualClock extends Clock {
  /** Runs what falls due in the next `ms`, in order, letting promises settle after each. */
  advance(ms: number): Promise<void>;
  /** Steps the time of day alone: waits go on as they were. */
  step(ms: number): void;
  /** How many tasks wait. */
  waiting(): number;
  /** Ms since the start, which no step changes. */
  elapsedMs(): number;
}

export function manualClock(startMs = 1_767_225_600_000): ManualClock {
  let elapsed = 0;
  let offset = startMs;
  let number = 0;
  const tasks = new Map<number, { readonly atMs: number; readonly run: () => void }>();
  const nextBefore = (endMs: number): number | undefined => {
    const due = [...tasks].filter(([, { atMs }]) => atMs <= endMs);
    return due.sort(([a, x], [b, y]) => x.atMs - y.atMs || a - b)[0]?.[0];
  };
  return {
    nowMs: () => offset + elapsed,
    schedule(delayMs, run) {
      const id = number++;
      tasks.set(id, { atMs: elapsed + delayMs, run });
      return () => void tasks.delete(id);
    },
    async advance(ms) {
      const endMs = elapsed + ms;
      await settle();
      for (let id = nextBefore(endMs); id !== undefined; id = nextBefore(endMs)) {
        const task = tasks.get(id);
        tasks.delete(id);
        elapsed = Math.max(elapsed, task?.atMs ?? 0);
        task?.run();
        await settle();
      }
      elapsed = endMs;
    },
    step(ms) {
      offset += ms;
    },
    waiting: () => tasks.size,
    elapsedMs: () => elapsed,
  };
}

/** Lets every promise that can settle do so: it waits for the next turn of the event loop. */
export async function settle(): Promise<void> {
  // There a timer takes more than a ms, and a body comes with the next turn as well.
  if (navigator.userAgent === 'Cloudflare-Workers') await new Response('.').text();
  else await new Promise((resolve) => setImmediate(resolve));
}
