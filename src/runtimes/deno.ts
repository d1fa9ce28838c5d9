/** Deno as a host: Deno.serve, and of Node what Deno has too: node:sqlite and node:zlib. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeParts } from './node-parts.ts';
import { type Host, urlOf } from './server.ts';

/** What is used of Deno: its own types would stand in the way of Bun's and Node's. */
declare const Deno: {
  serve(
    options: {
      readonly port: number;
      readonly hostname: string;
      readonly signal: AbortSignal;
      readonly cert?: string;
      readonly key?: string;
      onListen(): void;
    },
    handler: (request: Request, info: ConnectionInfo) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void>; readonly finished: Promise<void> };
};

interface ConnectionInfo {
  readonly remoteAddr: { readonly hostname?: string };
}

export function denoHost(): Host {
  const connections = new WeakMap<Request, ConnectionInfo>();
  return {
    ...nodeParts(),
    remoteAddress: (request) => connections.get(request)?.remoteAddr.hostname,
    async listen(config, answer) {
      const abort = new AbortController();
      const server = Deno.serve(
        {
          port: config.port,
          hostname: config.host,
          signal: abort.signal,
          onListen() {},
          ...(config.tlsCert === undefined || config.tlsKey === undefined
            ? {}
            : { cert: readFileSync(config.tlsCert, 'utf8'), key: readFileSync(config.tlsKey, 'utf8') }),
        },
        (request, info) => {
          connections.set(request, info);
          return answer(request);
        },
      );
      return {
        url: urlOf(config, server.addr.port),
        async close(timeoutMs) {
          const inTime = await Promise.race([server.shutdown().then(() => true), sleep(timeoutMs, false)]);
          if (inTime) return;
          abort.abort();
          await server.finished;
        },
      };
    },
  };
}
