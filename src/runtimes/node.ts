/** Node as a host: node:sqlite and node:http behind Hono's adapter; the page is bundled by the Bun of node_modules. */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { LIMITS } from '../model/limits.ts';
import { nodeParts } from './node-parts.ts';
import { type Host, urlOf } from './server.ts';

export function nodeHost(): Host {
  const incoming = new WeakMap<Request, { readonly socket: IncomingMessage['socket'] }>();
  return {
    ...nodeParts(),
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
