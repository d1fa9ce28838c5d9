/** Revoked keys in memory: a fake that keeps the promises of the port, for tests. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { KeyRegistry } from '../../ports/key-registry.ts';

export function memoryKeyRegistry(): KeyRegistry {
  const revoked = new Set<string>();
  return {
    isRevoked: (keyId) => revoked.has(keyId),
    async revoke(tenant, keyId) {
      if (!keyId.startsWith(`${tenant}.`)) throw new MetricStreamError('forbidden', 'A key is revoked by its own tenant.');
      if (revoked.size >= LIMITS.revocationsMax && !revoked.has(keyId)) {
        throw new MetricStreamError('unavailable', 'There are too many revoked keys; change the secret instead.');
      }
      revoked.add(keyId);
    },
  };
}
