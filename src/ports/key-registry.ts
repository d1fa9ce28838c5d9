/** Which keys and sessions were revoked, by their ids. */

export interface KeyRegistry {
  /** Known locally, so that the hot path can ask each time; a revocation takes effect within 5 s everywhere. */
  isRevoked(keyId: string): boolean;
  /**
   * Durable when it resolves; revoking twice is harmless. A key can be revoked only for the tenant that it names.
   * @param expiresMs when the token ends by itself, as sessions do: well after that the revocation is forgotten.
   * @throws forbidden for another tenant | unavailable when there are revocationsMax, or sessionRevocationsMax of what ends by itself
   */
  revoke(tenant: string, keyId: string, nowMs: number, expiresMs?: number): Promise<void>;
}
