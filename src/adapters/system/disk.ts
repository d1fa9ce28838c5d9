/** How full the file system of the data is. */
import { statfsSync } from 'node:fs';

/** @returns undefined where the system does not say. `freeBytes` is what this user may still write. */
export function diskSpace(path: string): { freeBytes: number; totalBytes: number } | undefined {
  try {
    const { bavail, blocks, bsize } = statfsSync(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return undefined;
  }
}
