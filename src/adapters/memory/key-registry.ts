/** Revoked keys and sessions in memory: a fake that keeps the promises of the port, for tests. */
import type { KeyRegistry } from '../../ports/key-registry.ts';
import { revokedIds } from '../embedded/revoked-ids.ts';

export function memoryKeyRegistry(): KeyRegistry {
  const revoked = revokedIds();
  return {
    isRevoked: (keyId) => revoked.has(keyId),
    async revoke(tenant, keyId, nowMs, expiresMs) {
      revoked.forget(nowMs);
      revoked.check(tenant, keyId, expiresMs);
      revoked.add(keyId, expiresMs);
    },
  };
}
