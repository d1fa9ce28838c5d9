/** Who may do what: the roles of a key and what a verified key says. */
import type { Labels } from './series.ts';

export const ROLES = ['ingest', 'read', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What a verified key grants. A tenant matches [a-z0-9][a-z0-9-]{0,62}. */
export interface Principal {
  readonly tenant: string;
  readonly role: Role;
  /** Unique id of the key: the handle of revocation. */
  readonly keyId: string;
  /** Of a session: its own id, by which it alone is revoked. */
  readonly sessionId: string | undefined;
  /** The only client that this key may push as, where it is bound. */
  readonly client: string | undefined;
  /** Requests a second per client, where the key says otherwise than the default. */
  readonly requestsPerSecond: number | undefined;
  readonly datacenter: string | undefined;
  readonly environment: string | undefined;
  /** Labels of every sample that is pushed with it, whatever the sample says. */
  readonly tags: Labels | undefined;
  /** Unix ms after which the key is void. */
  readonly expiresMs: number | undefined;
}

export const TENANT_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const CLIENT_PATTERN = /^[A-Za-z0-9._:-]{1,128}$/;
