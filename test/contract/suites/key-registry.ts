/** The contract of the key-registry port. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/model/limits.ts';
import type { KeyRegistry } from '../../../src/ports/key-registry.ts';

/** @param create answers a registry in which nothing is revoked. */
export function describeKeyRegistry(name: string, create: () => KeyRegistry | Promise<KeyRegistry>): void {
  describe(`key-registry: ${name}`, () => {
    test('a key is valid until it is revoked, and other keys stay so', async () => {
      const registry = await create();
      expect(registry.isRevoked('acme.one')).toBe(false);
      await registry.revoke('acme', 'acme.one', 1000);
      expect(registry.isRevoked('acme.one')).toBe(true);
      expect(registry.isRevoked('acme.two')).toBe(false);
    });

    test('revoking twice is harmless', async () => {
      const registry = await create();
      await registry.revoke('acme', 'acme.one', 1000);
      await registry.revoke('acme', 'acme.one', 2000);
      expect(registry.isRevoked('acme.one')).toBe(true);
    });

    test('what was revoked since a time is told, each key once', async () => {
      const registry = await create();
      await registry.revoke('acme', 'acme.one', 1000);
      await registry.revoke('acme', 'acme.session', 2000, 9000);
      await registry.revoke('acme', 'acme.one', 3000);
      const one = { tenant: 'acme', keyId: 'acme.one', revokedMs: 1000, expiresMs: undefined };
      const session = { tenant: 'acme', keyId: 'acme.session', revokedMs: 2000, expiresMs: 9000 };
      expect((await registry.revokedSince(1000)).toSorted((a, b) => a.revokedMs - b.revokedMs)).toEqual([one, session]);
      expect(await registry.revokedSince(1001)).toEqual([session]);
      expect(await registry.revokedSince(2001)).toEqual([]);
    });

    test('what ends by itself is forgotten well after it has, and nothing else is', async () => {
      const registry = await create();
      await registry.revoke('acme', 'acme.session', 1000, 5000);
      await registry.revoke('acme', 'acme.later', 1000, 9000);
      await registry.revoke('acme', 'acme.key', 1000);
      const margin = LIMITS.revocationMarginMs;
      await registry.revoke('acme', 'acme.other', 4999 + margin);
      expect(['session', 'later', 'key'].map((id) => registry.isRevoked(`acme.${id}`))).toEqual([true, true, true]);
      await registry.revoke('acme', 'acme.another', 8999 + 2 * margin);
      expect(['session', 'later', 'key'].map((id) => registry.isRevoked(`acme.${id}`))).toEqual([false, false, true]);
    });

    test('sessions take no more than their places, and get them back when they have ended', async () => {
      const registry = await create();
      for (let i = 0; i < LIMITS.sessionRevocationsMax; i++) await registry.revoke('acme', `acme.${i}`, 1000, 2000);
      await expect(registry.revoke('acme', 'acme.more', 1500, 9000)).rejects.toMatchObject({ code: 'unavailable' });
      await registry.revoke('acme', 'acme.key', 1500);
      await registry.revoke('acme', 'acme.7', 1500, 2000);
      await registry.revoke('acme', 'acme.more', 2000 + LIMITS.revocationMarginMs, 9000);
      expect(['more', 'key', '7'].map((id) => registry.isRevoked(`acme.${id}`))).toEqual([true, true, false]);
    });

    test('a tenant cannot revoke the key of another, not even of one whose name begins alike', async () => {
      const registry = await create();
      await expect(registry.revoke('acme', 'acme-two.one', 1000)).rejects.toMatchObject({ code: 'forbidden' });
      await expect(registry.revoke('acme', 'other.one', 1000)).rejects.toMatchObject({ code: 'forbidden' });
      expect(registry.isRevoked('acme-two.one')).toBe(false);
      expect(registry.isRevoked('other.one')).toBe(false);
    });
  });
}
