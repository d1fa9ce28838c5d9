/** Which stretch of event time a push that is known to be missing could have brought samples of. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { PushId } from '../model/push.ts';
import { MINUTE_MS, windowStart } from '../model/window.ts';

/** Sequences of a boot that were passed over: their samples lie between those of the pushes before and after. */
export interface PushHole {
  readonly boot: string;
  readonly from: number;
  readonly to: number;
  /** How many of them are still missing. */
  missing: number;
  /** Newest sample before it, oldest after it, Unix ms. */
  readonly afterMs: number;
  readonly beforeMs: number;
}

/** A pure function of the pushes of one client, in order, each told once. */
export class PushTrail {
  boot = '';
  /** Greatest sequence of the boot. */
  highest = -1;
  /** Newest sample of the boot's pushes up to it, Unix ms. */
  lastMs = 0;
  /** From one push of the boot to its next, ms of their newest samples; 0: not known. */
  stepMs = 0;
  holes: PushHole[] = [];

  /** @param fromMs @param toMs oldest and newest sample, or when it was sent where there are none; Unix ms. @param isStraggler of an earlier boot. */
  observe({ boot, sequence, previous }: PushId, fromMs: number, toMs: number, isStraggler: boolean): void {
    if (isStraggler || (boot === this.boot && sequence < this.highest)) {
      this.#fill(boot, sequence);
      return;
    }
    if (boot !== this.boot) {
      if (previous !== undefined && previous.boot === this.boot)
        this.#open(this.boot, this.highest + 1, previous.count - 1, fromMs);
      // Of the first boot that is met nobody knows what came before.
      this.highest = this.boot === '' ? sequence - 1 : -1;
      this.boot = boot;
    } else if (toMs > this.lastMs && sequence > this.highest) this.stepMs = (toMs - this.lastMs) / (sequence - this.highest);
    this.#open(boot, this.highest + 1, sequence - 1, fromMs);
    this.highest = Math.max(this.highest, sequence);
    this.lastMs = Math.max(this.lastMs, toMs);
    if (this.holes.length > 0) {
      const oldestMs = this.lastMs - ALERT_LIMITS.pushHoleAgeMs;
      this.holes = this.holes.filter(({ beforeMs }) => beforeMs >= oldestMs).slice(-ALERT_LIMITS.pushHolesMax);
    }
  }

  /** Whether no push is missing that could have brought samples of [startMs, endMs): none was passed over, and none is due. */
  isComplete(startMs: number, endMs: number): boolean {
    const isDue = this.stepMs > 0 && this.lastMs + this.stepMs < endMs;
    return !isDue && !this.holes.some(({ afterMs, beforeMs }) => afterMs < endMs && beforeMs >= startMs);
  }

  /** @param fromMs start of a minute. @returns the first minute from it on that is not complete; Infinity where all are. */
  missingMs(fromMs: number): number {
    let missingMs = Number.POSITIVE_INFINITY;
    if (this.stepMs > 0) missingMs = Math.max(fromMs, windowStart(this.lastMs + this.stepMs, MINUTE_MS));
    for (const { afterMs, beforeMs } of this.holes) {
      if (beforeMs >= fromMs) missingMs = Math.min(missingMs, Math.max(fromMs, windowStart(afterMs, MINUTE_MS)));
    }
    return missingMs;
  }

  #open(boot: string, from: number, to: number, beforeMs: number): void {
    if (to >= from)
      this.holes.push({ boot, from, to, missing: to - from + 1, afterMs: Math.min(this.lastMs, beforeMs), beforeMs });
  }

  #fill(boot: string, sequence: number): void {
    const hole = this.holes.find((one) => one.boot === boot && one.from <= sequence && sequence <= one.to);
    if (hole === undefined) return;
    hole.missing -= 1;
    if (hole.missing <= 0) this.holes.splice(this.holes.indexOf(hole), 1);
  }
}
