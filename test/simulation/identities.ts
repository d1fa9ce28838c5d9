/** The tenants of the simulation and their keys, made once: what cryptography gives differs from run to run. */
import { createKey } from '../../src/edge/keys.ts';

export const TENANTS = ['acme', 'globex'] as const;
export type Tenant = (typeof TENANTS)[number];

/** Requests a second of the keys that are limited. */
export const LIMITED_REQUESTS_PER_SECOND = 4;

export interface Identities {
  readonly secret: string;
  readonly ingest: Readonly<Record<Tenant, string>>;
  readonly limited: Readonly<Record<Tenant, string>>;
  readonly read: Readonly<Record<Tenant, string>>;
}

const SECRET = 'the secret of a server that does not exist';
const MADE_MS = Date.UTC(2026, 0, 1);

export async function createIdentities(): Promise<Identities> {
  const keys = async (make: (tenant: Tenant) => Promise<{ key: string }>): Promise<Record<Tenant, string>> => ({
    acme: (await make('acme')).key,
    globex: (await make('globex')).key,
  });
  return {
    secret: SECRET,
    ingest: await keys((tenant) => createKey(SECRET, { tenant, role: 'ingest' }, MADE_MS)),
    limited: await keys((tenant) =>
      createKey(SECRET, { tenant, role: 'ingest', requestsPerSecond: LIMITED_REQUESTS_PER_SECOND }, MADE_MS),
    ),
    read: await keys((tenant) => createKey(SECRET, { tenant, role: 'read' }, MADE_MS)),
  };
}
