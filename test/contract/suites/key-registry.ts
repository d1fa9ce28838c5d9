/** The contract of the key-registry port. */
import { describe, expect, test } from 'vitest';
import type { KeyRegistry } from '../../../src/ports/key-registry.ts';

/** @param create answers a registry in which nothing is revoked. */
export function describeKeyRegistry(name: string, create: () => KeyRegistry): void {
  describe(`key-registry: ${name}`, () => {
    test('a key is valid until it is revoked, and other keys stay so', async () => {
      const registry = create();
      expect(registry.isRevoked('acme.one')).toBe(false);
      await registry.revoke('acme', 'acme.one', 1000);
      expect(registry.isRevoked('acme.one')).toBe(true);
      expect(registry.isRevoked('acme.two')).toBe(false);
    });

    test('revoking twice is harmless', async () => {
      const registry = create();
      await registry.revoke('acme', 'acme.one', 1000);
      await registry.revoke('acme', 'acme.one', 2000);
      expect(registry.isRevoked('acme.one')).toBe(true);
    });

    test('a tenant cannot revoke the key of another, not even of one whose name begins alike', async () => {
      const registry = create();
      await expect(registry.revoke('acme', 'acme-two.one', 1000)).rejects.toMatchObject({ code: 'forbidden' });
      await expect(registry.revoke('acme', 'other.one', 1000)).rejects.toMatchObject({ code: 'forbidden' });
      expect(registry.isRevoked('acme-two.one')).toBe(false);
      expect(registry.isRevoked('other.one')).toBe(false);
    });
  });
}
