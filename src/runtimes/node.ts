/** Node as a host: node:sqlite and node:http behind Hono's adapter; the page is bundled by the Bun of node_modules. */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { zlibCompression } from '../adapters/node/compression.ts';
import { zlibDecompression } from '../adapters/node/decompression.ts';
import { nodeFileLock } from '../adapters/node/file-lock.ts';
import { nodeSqlDatabase } from '../adapters/node/sql-database.ts';
import { LIMITS } from '../model/limits.ts';
import { bundleInBun, pageAssets } from './page.ts';
import { type Host, urlOf } from './server.ts';

export function nodeHost(): Host {
  const incoming = new WeakMap<Request, { readonly socket: IncomingMessage['socket'] }>();
  return {
    openDatabase: nodeSqlDatabase,
    lockFile: nodeFileLock,
    compression: zlibCompression(),
    decompression: zlibDecompression(),
    assets: () => pageAssets(bundleInBun),
    remoteAddress: (request) => incoming.get(request)?.socket.remoteAddress,
    async listen(config, answer) {
      const listener = getRequestListener((request, bindings) => {
        incoming.set(request, bindings.incoming);
        return answer(request);
      });
      const options = { keepAliveTimeout: LIMITS.idleTimeoutMs, headersTimeout: LIMITS.requestTimeoutMs };
      const server: Server =
        config.tlsCert === undefined || config.tlsKey === undefined
          ? createHttpServer(options, listener)
          : createHttpsServer({ ...options, cert: readFileSync(config.tlsCert), key: readFileSync(config.tlsKey) }, listener);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(config.port, config.host, resolve);
      });
      const address = server.address();
      return {
        url: urlOf(config, typeof address === 'object' ? (address?.port ?? config.port) : config.port),
        async close(timeoutMs) {
          const done = new Promise((resolve) => server.close(resolve));
          // It ends connections that are idle now; those that become idle later would be waited for.
          const idle = setInterval(() => server.closeIdleConnections(), LIMITS.closeIdleMs);
          await Promise.race([done, sleep(timeoutMs)]);
          clearInterval(idle);
          server.closeAllConnections();
        },
      };
    },
  };
}
