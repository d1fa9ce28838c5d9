/** Revocations that control keeps, as an edge knows them: asked for again when they may be too old. */
import { LIMITS } from '../../model/limits.ts';
import type { KeyRegistry } from '../../ports/key-registry.ts';
import type { ControlService } from '../../ports/shard-service.ts';
import { CALL_VERSION } from '../../protocols/shard-reply.ts';
import { refreshing } from './refreshing.ts';
import { ask } from './remote.ts';

export function remoteKeyRegistry({ control }: { control(): Pick<ControlService, 'revoke' | 'revokedSince'> }): KeyRegistry {
  const revoked = new Set<string>();
  let newestMs = 0;
  return {
    refresh: refreshing({
      refreshMs: LIMITS.revocationRefreshMs,
      askMs: LIMITS.revocationAskMs,
      ageMsMax: LIMITS.revocationMs,
      staleMs: LIMITS.revocationStaleMs,
      async ask() {
        for (const { keyId, revokedMs } of await ask(control().revokedSince({ version: CALL_VERSION, sinceMs: newestMs }))) {
          revoked.add(keyId);
          newestMs = Math.max(newestMs, revokedMs);
        }
      },
    }),
    isRevoked: (keyId) => revoked.has(keyId),
    async revoke(tenant, keyId, nowMs, expiresMs) {
      await ask(control().revoke({ version: CALL_VERSION, revocation: { tenant, keyId, revokedMs: nowMs, expiresMs } }));
      revoked.add(keyId);
    },
    revokedSince: (sinceMs) => ask(control().revokedSince({ version: CALL_VERSION, sinceMs })),
  };
}
