/** When an agent samples: every interval, at an offset of its own, so that ten thousand do not push at once. */
import { partitionOf } from '../model/partition.ts';
import type { Clock } from '../ports/clock.ts';

/** The client's place in the interval: 0 ≤ phase < intervalMs, the same on every start. */
export function phaseMs(client: string, intervalMs: number): number {
  return partitionOf(client, intervalMs);
}

/** @returns ms until the wall clock next stands at the phase, in (0, intervalMs]; any `nowMs`, negative too. */
export function untilPhaseMs(nowMs: number, phase: number, intervalMs: number): number {
  const past = (nowMs - phase) % intervalMs;
  return intervalMs - (past < 0 ? past + intervalMs : past);
}

/**
 * Runs `task` at the client's phase of every interval until cancelled. Ticks lie between half an interval and one and
 * a half apart whatever the wall clock does: a suspend or a step costs one odd gap, and never a burst of ticks.
 */
export function everyInterval(clock: Clock, client: string, intervalMs: number, task: () => void): () => void {
  const phase = phaseMs(client, intervalMs);
  const next = (): number => untilPhaseMs(clock.nowMs(), phase, intervalMs);
  const tick = (): void => {
    const delayMs = next();
    cancel = clock.schedule(delayMs < intervalMs / 2 ? delayMs + intervalMs : delayMs, tick);
    task();
  };
  let cancel = clock.schedule(next(), tick);
  return () => cancel();
}
