/** How long a request waits for something. */
import type { Clock } from '../ports/clock.ts';

export interface Deadlines {
  /** @returns what `work` settles to. @throws what `late` makes, when the time is over first; the work is not stopped. */
  within<T>(work: Promise<T>, late: () => Error): Promise<T>;
  /** The same, with what `work` settles to made into something else on the way, which spares a promise. @throws what `done` throws, and what `failed` makes. */
  within<T, R>(work: Promise<T>, late: () => Error, done: (value: T) => R, failed: (error: unknown) => unknown): Promise<R>;
}

/** All wait equally long, so that a list in the order of arrival is in the order of expiry; a Set is three times as slow. */
interface Waiting {
  readonly sinceTick: number;
  readonly late: () => Error;
  readonly reject: (error: Error) => void;
  waits: boolean;
  before: Waiting | undefined;
  after: Waiting | undefined;
}

/** Ticks per deadline: a wait is cut after `timeoutMs` and at most a quarter more. */
const TICKS = 4;

/** Makes deadlines of one length. */
export type MakeDeadlines = (clock: Clock, timeoutMs: number) => Deadlines;

/** One timer for all that wait: a timer each would cost more than the requests. It runs only while somebody waits. */
export function sharedDeadlines(clock: Clock, timeoutMs: number): Deadlines {
  let first: Waiting | undefined;
  let last: Waiting | undefined;
  let tick = 0;
  let ticking = false;

  /** @returns whether it still waited. */
  const leave = (wait: Waiting): boolean => {
    if (!wait.waits) return false;
    wait.waits = false;
    if (wait.before === undefined) first = wait.after;
    else wait.before.after = wait.after;
    if (wait.after === undefined) last = wait.before;
    else wait.after.before = wait.before;
    return true;
  };

  const onTick = (): void => {
    tick += 1;
    while (first !== undefined && tick - first.sinceTick > TICKS) {
      const wait = first;
      leave(wait);
      wait.reject(wait.late());
    }
    ticking = first !== undefined;
    if (ticking) clock.schedule(timeoutMs / TICKS, onTick);
  };

  return {
    within<T, R>(work: Promise<T>, late: () => Error, done: (value: T) => R = asIs, failed: (error: unknown) => unknown = asIs) {
      return new Promise<R>((resolve, reject) => {
        const wait: Waiting = { sinceTick: tick, late, reject, waits: true, before: last, after: undefined };
        if (last === undefined) first = wait;
        else last.after = wait;
        last = wait;
        if (!ticking) {
          ticking = true;
          clock.schedule(timeoutMs / TICKS, onTick);
        }
        work.then(
          (value) => {
            if (!leave(wait)) return;
            try {
              resolve(done(value));
            } catch (error) {
              reject(error);
            }
          },
          (error: unknown) => {
            if (leave(wait)) reject(failed(error));
          },
        );
      });
    },
  };
}

/** A timer each: where a timer ends with the request that set it, as on Workers, nobody can wait by another's. */
export function ownDeadlines(clock: Clock, timeoutMs: number): Deadlines {
  return {
    within<T, R>(work: Promise<T>, late: () => Error, done: (value: T) => R = asIs, failed: (error: unknown) => unknown = asIs) {
      return new Promise<R>((resolve, reject) => {
        const cancel = clock.schedule(timeoutMs, () => reject(late()));
        const settled = work.then(done, (error: unknown) => {
          throw failed(error);
        });
        settled.then(resolve, reject).finally(cancel);
      });
    },
  };
}

function asIs<T>(value: unknown): T {
  return value as T;
}
