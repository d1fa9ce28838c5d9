/** Revoked keys and sessions in SQLite, held in memory for the hot path. */
import type { KeyRegistry } from '../../ports/key-registry.ts';
import type { SqlDatabase } from '../../ports/sql-database.ts';
import { revokedIds } from './revoked-ids.ts';

export function embeddedKeyRegistry({ database }: { readonly database: SqlDatabase }): KeyRegistry {
  const revoked = revokedIds();
  const rows = database.exec<{ key_id: string; expires_ms: number | null }>('SELECT key_id, expires_ms FROM revoked_keys');
  for (const { key_id, expires_ms } of rows) revoked.add(key_id, expires_ms ?? undefined);
  return {
    isRevoked: (keyId) => revoked.has(keyId),
    async revoke(tenant, keyId, nowMs, expiresMs) {
      const untilMs = revoked.forget(nowMs);
      if (untilMs !== undefined) database.exec('DELETE FROM revoked_keys WHERE expires_ms <= ?', untilMs);
      revoked.check(tenant, keyId, expiresMs);
      database.exec('INSERT OR IGNORE INTO revoked_keys VALUES (?, ?, ?, ?)', tenant, keyId, nowMs, expiresMs ?? null);
      revoked.add(keyId, expiresMs);
    },
    async revokedSince(sinceMs) {
      const found = database.exec<{ tenant: string; key_id: string; revoked_ms: number; expires_ms: number | null }>(
        'SELECT tenant, key_id, revoked_ms, expires_ms FROM revoked_keys WHERE revoked_ms >= ?',
        sinceMs,
      );
      return found.map(({ tenant, key_id: keyId, revoked_ms: revokedMs, expires_ms }) => {
        return { tenant, keyId, revokedMs, expiresMs: expires_ms ?? undefined };
      });
    },
  };
}
