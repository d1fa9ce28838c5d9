/** Time of the simulation: it stands still but for what is scheduled, and every task runs in one fixed order. */
import type { Clock } from '../../src/ports/clock.ts';

interface Task {
  readonly atMs: number;
  readonly run: () => void;
  cancelled: boolean;
}

export class VirtualClock implements Clock {
  #nowMs: number;
  /** By time, then by the order of scheduling. */
  readonly #tasks: Task[] = [];
  #held: Promise<unknown>[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    const task: Task = { atMs: this.#nowMs + Math.ceil(delayMs), run, cancelled: false };
    let low = 0;
    let high = this.#tasks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#tasks[middle] as Task).atMs <= task.atMs) low = middle + 1;
      else high = middle;
    }
    this.#tasks.splice(low, 0, task);
    return () => {
      task.cancelled = true;
    };
  }

  /** Time passes and nothing runs, as on a machine that sleeps; what fell due runs late. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }

  /** No task runs before `work` has ended: for the little that is not a promise alone, such as cryptography. */
  hold(work: Promise<unknown>): void {
    this.#held.push(work);
  }

  /** Runs the next task, and lets every promise settle. @returns false where there was none until `untilMs`. */
  async step(untilMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    for (let task = this.#tasks[0]; task !== undefined; task = this.#tasks[0]) {
      if (!task.cancelled && task.atMs > untilMs) return false;
      this.#tasks.shift();
      if (task.cancelled) continue;
      this.#nowMs = Math.max(this.#nowMs, task.atMs);
      task.run();
      await this.settle();
      return true;
    }
    return false;
  }

  async runUntil(untilMs: number): Promise<void> {
    await this.settle();
    while (await this.step(untilMs));
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#held.length > 0) {
      const held = this.#held;
      this.#held = [];
      await Promise.all(held);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** The clock that one process sees. Killed, it starts nothing any more. */
export class ProcessClock implements Clock {
  /** Wrongness of its time of day. */
  offsetMs = 0;
  /** Timers of half a second and more fire so many times later: a host that is busy. */
  slack = 1;
  /** So many looks at the clock take 1 ms; 0: looking is free. */
  looksPerMs = 0;
  readonly #world: VirtualClock;
  #looks = 0;
  #alive = true;

  constructor(world: VirtualClock) {
    this.#world = world;
  }

  nowMs(): number {
    this.#looks += 1;
    if (this.#alive && this.looksPerMs > 0 && this.#looks % this.looksPerMs === 0) this.#world.jump(1);
    return this.#world.nowMs() + this.offsetMs;
  }

  schedule(delayMs: number, task: () => void): () => void {
    if (!this.#alive) return () => {};
    return this.#world.schedule(delayMs < 500 ? delayMs : delayMs * this.slack, () => {
      if (this.#alive) task();
    });
  }

  kill(): void {
    this.#alive = false;
  }
}
