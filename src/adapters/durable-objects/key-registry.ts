/** Revocations that control keeps, as an edge knows them: asked for again when they may be too old. */
import { LIMITS } from '../../model/limits.ts';
import type { KeyRegistry } from '../../ports/key-registry.ts';
import type { ControlService } from '../../ports/shard-service.ts';
import { CALL_VERSION } from '../../protocols/shard-reply.ts';
import { ask } from './remote.ts';

export function remoteKeyRegistry({ control }: { control(): Pick<ControlService, 'revoke' | 'revokedSince'> }): KeyRegistry {
  const revoked = new Set<string>();
  /** When control was last asked, and when it last answered. */
  let askedMs = 0;
  let knownMs = 0;
  let newestMs = 0;

  // Each request asks for itself: one that waited for the question of another would wait for ever when that is cancelled.
  const update = async (nowMs: number): Promise<void> => {
    askedMs = nowMs;
    try {
      for (const { keyId, revokedMs } of await ask(control().revokedSince({ version: CALL_VERSION, sinceMs: newestMs }))) {
        revoked.add(keyId);
        newestMs = Math.max(newestMs, revokedMs);
      }
      knownMs = nowMs;
    } catch (error) {
      if (Math.abs(nowMs - knownMs) > LIMITS.revocationStaleMs) throw error;
    }
  };
  return {
    refresh(nowMs) {
      const age = Math.abs(nowMs - knownMs);
      // While one asks, the others go on with what is known, if that is not too old.
      const isAsked = Math.abs(nowMs - askedMs) < LIMITS.revocationAskMs && age < LIMITS.revocationMs;
      return age < LIMITS.revocationRefreshMs || isAsked ? undefined : update(nowMs);
    },
    isRevoked: (keyId) => revoked.has(keyId),
    async revoke(tenant, keyId, nowMs, expiresMs) {
      await ask(control().revoke({ version: CALL_VERSION, revocation: { tenant, keyId, revokedMs: nowMs, expiresMs } }));
      revoked.add(keyId);
    },
    revokedSince: (sinceMs) => ask(control().revokedSince({ version: CALL_VERSION, sinceMs })),
  };
}
