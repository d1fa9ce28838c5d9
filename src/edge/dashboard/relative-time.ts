/** How long ago something was, and whether that is too long for a host that reports every few seconds. */
import { LIMITS } from '../../model/limits.ts';

export const FRESHNESS = ['live', 'stale', 'silent'] as const;
export type Freshness = (typeof FRESHNESS)[number];

/** A host that has missed three pushes of 10 s is stale; two minutes close its windows without it: silent. */
export function freshness(ageMs: number): Freshness {
  if (ageMs > LIMITS.pageSilentMs) return 'silent';
  return ageMs > LIMITS.pageStaleMs ? 'stale' : 'live';
}

/** "now" under 2 s; then one whole unit, rounded down. A time to come (a clock that is ahead) is now. */
export function formatAge(ageMs: number): string {
  const seconds = Math.floor(ageMs / 1000);
  if (seconds < 2) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
