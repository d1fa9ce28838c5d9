/** Revocations that control keeps, as an edge knows them: asked for again when they may be too old. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { KeyRegistry } from '../../ports/key-registry.ts';
import type { ControlService } from '../../ports/shard-service.ts';
import { CALL_VERSION } from '../../protocols/shard-reply.ts';
import { ask } from './remote.ts';

export function remoteKeyRegistry({ control }: { control(): Pick<ControlService, 'revoke' | 'revokedSince'> }): KeyRegistry {
  const revoked = new Set<string>();
  let askedMs = 0;
  let newestMs = 0;
  let asking: Promise<void> | undefined;

  const update = async (nowMs: number): Promise<void> => {
    try {
      for (const { keyId, revokedMs } of await ask(control().revokedSince({ version: CALL_VERSION, sinceMs: newestMs }))) {
        revoked.add(keyId);
        newestMs = Math.max(newestMs, revokedMs);
      }
      askedMs = nowMs;
    } catch (error) {
      if (Math.abs(nowMs - askedMs) > LIMITS.revocationStaleMs) throw error;
    } finally {
      asking = undefined;
    }
  };
  return {
    refresh(nowMs) {
      if (Math.abs(nowMs - askedMs) < LIMITS.revocationRefreshMs) return undefined;
      asking ??= update(nowMs);
      return asking;
    },
    isRevoked: (keyId) => revoked.has(keyId),
    async revoke(tenant, keyId, nowMs, expiresMs) {
      if (!keyId.startsWith(`${tenant}.`)) throw new MetricStreamError('forbidden', 'A key is revoked by its own tenant.');
      await ask(control().revoke({ version: CALL_VERSION, revocation: { tenant, keyId, revokedMs: nowMs, expiresMs } }));
      revoked.add(keyId);
    },
    revokedSince: (sinceMs) => ask(control().revokedSince({ version: CALL_VERSION, sinceMs })),
  };
}
