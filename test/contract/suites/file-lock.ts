/** What a host's lock on a file has to do. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** @param folder where the files are made. */
export function describeFileLock(name: string, lockFile: (path: string) => (() => void) | undefined, folder: string): void {
  describe(`a lock on a file: ${name}`, () => {
    test('is held by one, until it lets go, and leaves a file of no bytes', () => {
      const path = join(folder, 'one.lock');
      const release = lockFile(path);
      expect(release).toBeDefined();
      expect([lockFile(path), lockFile(path)]).toEqual([undefined, undefined]);
      release?.();
      const again = lockFile(path);
      expect(again).toBeDefined();
      again?.();
      expect(statSync(path).size).toBe(0);
    });

    test('that cannot be taken at all is no lock of another', () => {
      expect(() => lockFile(join(folder, 'no-such-folder', 'x.lock'))).toThrow();
    });
  });
}
