/** Which keys were revoked. */

export interface KeyRegistry {
  /** Known locally, so that the hot path can ask each time; a revocation takes effect within 5 s everywhere. */
  isRevoked(keyId: string): boolean;
  /** Durable when it resolves; revoking twice is harmless. A key can be revoked only for the tenant that it names. */
  revoke(tenant: string, keyId: string, nowMs: number): Promise<void>;
}
