/** Long work in slices: between two of them all else of the process has its turn, requests and the heartbeat of its group. */
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';

/** How often it looks at the clock. */
const STEPS_BETWEEN_LOOKS = 16;

export class Slices {
  readonly #clock: Clock;
  #endMs = 0;
  #steps = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Work begins: a slice from now on. */
  begin(): void {
    this.#endMs = this.#clock.nowMs() + LIMITS.sliceMs;
    this.#steps = 0;
  }

  /** Call it after each step: a record, or what takes about as long. @returns what to wait for before the next one; undefined: go on. */
  step(): Promise<void> | undefined {
    this.#steps += 1;
    if (this.#steps < LIMITS.sliceRecordsMax) {
      if (this.#steps % STEPS_BETWEEN_LOOKS !== 0 || this.#clock.nowMs() < this.#endMs) return undefined;
    }
    return this.pause();
  }

  /** Lets all others have their turn now. */
  pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.schedule(0, () => {
        this.begin();
        resolve();
      });
    });
  }

  /** Does work that comes in steps to its end. */
  async through(steps: Iterable<void>): Promise<void> {
    for (const _step of steps) {
      const over = this.step();
      if (over !== undefined) await over;
    }
  }
}
