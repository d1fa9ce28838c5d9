/** Names resolved once and checked: what is connected to is the address that was looked at, so that a name cannot change in between. */
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { Denial, Target, TargetPolicy } from '../../ports/outbound.ts';

export type Resolve = (host: string) => Promise<readonly string[]>;

/** By the system's resolver, hosts file included. */
export const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/** @throws what the resolver does. */
export async function checkedAddresses(
  target: Target,
  policy: TargetPolicy,
  resolve: Resolve,
): Promise<{ readonly addresses: readonly string[] } | Denial> {
  return policy.addresses(target, isIP(target.host) === 0 ? await resolve(target.host) : [target.host]);
}

/** @returns the `lookup` of a socket that knows these addresses and no other. */
export function pinnedLookup(addresses: readonly string[]): LookupFunction {
  const known = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, callback) => {
    const [first] = known;
    if (options.all === true) callback(null, known);
    else callback(null, first?.address ?? '', first?.family);
  };
}
