/** Which keys and sessions were revoked, by their ids. */

export interface Revocation {
  readonly tenant: string;
  readonly keyId: string;
  /** Unix ms. */
  readonly revokedMs: number;
  readonly expiresMs: number | undefined;
}

export interface KeyRegistry {
  /**
   * Where what is known here may be older than a revocation may take: resolves when it is not, or throws `unavailable`.
   * undefined, or left out: it is fresh.
   */
  refresh?(nowMs: number): Promise<void> | undefined;
  /** Known locally, so that the hot path can ask each time; a revocation takes effect within 5 s everywhere. */
  isRevoked(keyId: string): boolean;
  /**
   * Durable when it resolves; revoking twice is harmless. A key can be revoked only for the tenant that it names.
   * @param expiresMs when the token ends by itself, as sessions do: well after that the revocation is forgotten.
   * @throws forbidden for another tenant | unavailable when there are revocationsMax, or sessionRevocationsMax of what ends by itself
   */
  revoke(tenant: string, keyId: string, nowMs: number, expiresMs?: number): Promise<void>;
  /** What was revoked at or after a time and is not forgotten. */
  revokedSince(sinceMs: number): Promise<readonly Revocation[]>;
}
