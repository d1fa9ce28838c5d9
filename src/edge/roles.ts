/** What each role may do. */
import type { Role } from '../model/access.ts';

/** What a route asks of a key: to push, to read, or to administer the tenant. */
export type Permission = Role;

const GRANTED: Readonly<Record<Role, readonly Permission[]>> = {
  ingest: ['ingest'],
  read: ['read'],
  admin: ['ingest', 'read', 'admin'],
};

export function allows(role: Role, permission: Permission): boolean {
  return GRANTED[role].includes(permission);
}
