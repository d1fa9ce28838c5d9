/** What Node brings, and Deno has of Node: node:sqlite and node:zlib; neither can bundle the page in its own process. */
import { zlibCompression } from '../adapters/node/compression.ts';
import { zlibDecompression } from '../adapters/node/decompression.ts';
import { nodeFileLock } from '../adapters/node/file-lock.ts';
import { nodeSqlDatabase } from '../adapters/node/sql-database.ts';
import { bundleInBun, pageAssets } from './page.ts';
import type { Host } from './server.ts';

export function nodeParts(): Omit<Host, 'listen' | 'remoteAddress'> {
  return {
    openDatabase: nodeSqlDatabase,
    lockFile: nodeFileLock,
    compression: zlibCompression(),
    decompression: zlibDecompression(),
    assets: () => pageAssets(bundleInBun),
  };
}
