/** Revoked ids in memory: bounded, and those of tokens that have ended forgotten. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';

export interface RevokedIds {
  has(id: string): boolean;
  /** @throws forbidden for the id of another tenant | unavailable when there is no room for another */
  check(tenant: string, id: string, endsMs: number | undefined): void;
  /** @param endsMs when the token ends by itself, Unix ms; undefined: nobody knows. */
  add(id: string, endsMs: number | undefined): void;
  /**
   * Forgets ids whose tokens ended revocationMarginMs ago, at most once in that time, or when there is no room.
   * @returns up to which end, Unix ms; undefined when it was not time.
   */
  forget(nowMs: number): number | undefined;
}

export function revokedIds(): RevokedIds {
  const ends = new Map<string, number | undefined>();
  let ending = 0;
  let forgotMs = 0;
  return {
    has: (id) => ends.has(id),
    check(tenant, id, endsMs) {
      if (!id.startsWith(`${tenant}.`)) throw new MetricStreamError('forbidden', 'A key is revoked by its own tenant.');
      if (ends.has(id)) return;
      if (ends.size >= LIMITS.revocationsMax)
        throw new MetricStreamError('unavailable', 'There are too many revoked keys; change the secret instead.');
      if (endsMs !== undefined && ending >= LIMITS.sessionRevocationsMax)
        throw new MetricStreamError('unavailable', 'Too many sessions were ended lately; revoke the key of this one instead.');
    },
    add(id, endsMs) {
      if (ends.has(id)) return;
      ends.set(id, endsMs);
      if (endsMs !== undefined) ending += 1;
    },
    forget(nowMs) {
      const full = ending >= LIMITS.sessionRevocationsMax;
      if (!full && Math.abs(nowMs - forgotMs) < LIMITS.revocationMarginMs) return undefined;
      forgotMs = nowMs;
      const untilMs = nowMs - LIMITS.revocationMarginMs;
      for (const [id, endsMs] of ends) {
        if (endsMs === undefined || endsMs > untilMs) continue;
        ends.delete(id);
        ending -= 1;
      }
      return untilMs;
    },
  };
}
