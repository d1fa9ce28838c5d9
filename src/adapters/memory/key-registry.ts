/** Revoked keys and sessions in memory: a fake that keeps the promises of the port, for tests. */
import type { KeyRegistry, Revocation } from '../../ports/key-registry.ts';
import { revokedIds } from '../embedded/revoked-ids.ts';

export function memoryKeyRegistry(): KeyRegistry {
  const revoked = revokedIds();
  const list: Revocation[] = [];
  return {
    isRevoked: (keyId) => revoked.has(keyId),
    async revoke(tenant, keyId, nowMs, expiresMs) {
      revoked.forget(nowMs);
      revoked.check(tenant, keyId, expiresMs);
      if (!revoked.has(keyId)) list.push({ tenant, keyId, revokedMs: nowMs, expiresMs });
      revoked.add(keyId, expiresMs);
    },
    revokedSince: async (sinceMs) => list.filter(({ keyId, revokedMs }) => revokedMs >= sinceMs && revoked.has(keyId)),
  };
}
