/** Flapping: an alert that fires again and again is one trouble, not many. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';

/** @returns the firings with one more, those only that are within the window that ends with it. Event time, Unix ms. */
export function withFiring(fired: readonly number[], atMs: number): readonly number[] {
  const recent = fired.filter((firedMs) => firedMs > atMs - ALERT_LIMITS.flapWindowMs);
  return [...recent, atMs].slice(-ALERT_LIMITS.flapFirings);
}

/** @param fired as withFiring left it. */
export function isFlapping(fired: readonly number[]): boolean {
  return fired.length >= ALERT_LIMITS.flapFirings;
}
