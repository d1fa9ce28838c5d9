/** Revoked keys in SQLite, held in memory for the hot path. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { KeyRegistry } from '../../ports/key-registry.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';

export function embeddedKeyRegistry({ database }: { readonly database: SqlDatabase }): KeyRegistry {
  const revoked = new Set(database.exec<{ key_id: string }>('SELECT key_id FROM revoked_keys').map((row) => row.key_id));
  return {
    isRevoked: (keyId) => revoked.has(keyId),
    async revoke(tenant, keyId, nowMs) {
      if (!keyId.startsWith(`${tenant}.`)) throw new MetricStreamError('forbidden', 'A key is revoked by its own tenant.');
      if (revoked.size >= LIMITS.revocationsMax && !revoked.has(keyId)) {
        throw new MetricStreamError('unavailable', 'There are too many revoked keys; change the secret instead.');
      }
      database.exec('INSERT OR IGNORE INTO revoked_keys VALUES (?, ?, ?)', tenant, keyId, nowMs);
      revoked.add(keyId);
    },
  };
}
