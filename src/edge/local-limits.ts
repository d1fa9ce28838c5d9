/** The cheap limits in front of the log: they protect this process's CPU; the exact ones stand behind `push-appender`. */
import { LIMITS } from '../model/limits.ts';

export interface LocalLimits {
  /** Counts one request of a tenant. @returns ms to wait when the second is full, else 0. */
  admit(tenant: string, nowMs: number): number;
  /** Remembers that the appender limited this client under this key. */
  block(keyId: string, client: string, untilMs: number): void;
  /** @returns ms for which the appender would still say no, else 0. */
  blockedMs(keyId: string, client: string, nowMs: number): number;
}

export function localLimits(requestsPerSecond: number): LocalLimits {
  const counts = new Map<string, number>();
  const blockedUntil = new Map<string, number>();
  let second = 0;
  return {
    admit(tenant, nowMs) {
      const now = Math.floor(nowMs / 1000);
      if (now !== second) {
        second = now;
        counts.clear();
      }
      const count = (counts.get(tenant) ?? 0) + 1;
      counts.set(tenant, count);
      return count > requestsPerSecond ? (now + 1) * 1000 - nowMs : 0;
    },
    block(keyId, client, untilMs) {
      if (blockedUntil.size >= LIMITS.blockedClientsMax) blockedUntil.clear();
      blockedUntil.set(`${keyId}/${client}`, untilMs);
    },
    blockedMs(keyId, client, nowMs) {
      if (blockedUntil.size === 0) return 0;
      const name = `${keyId}/${client}`;
      const untilMs = blockedUntil.get(name);
      if (untilMs === undefined) return 0;
      if (untilMs > nowMs) return untilMs - nowMs;
      blockedUntil.delete(name);
      return 0;
    },
  };
}
