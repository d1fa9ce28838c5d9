/** Bun as a host: bun:sqlite, Bun.serve, and Bun's bundler for the page. */
import { readFileSync } from 'node:fs';
import { bunCompression } from '../adapters/bun/compression.ts';
import { bunFileLock } from '../adapters/bun/file-lock.ts';
import { bunSqlDatabase } from '../adapters/bun/sql-database.ts';
import { zlibDecompression } from '../adapters/node/decompression.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { pageAssets } from './page.ts';
import { type Host, urlOf } from './server.ts';

export function bunHost(): Host {
  let server: ReturnType<typeof Bun.serve> | undefined;
  return {
    openDatabase: bunSqlDatabase,
    lockFile: bunFileLock,
    compression: bunCompression(),
    decompression: zlibDecompression(),
    assets: () => pageAssets(bundle),
    remoteAddress: (request) => server?.requestIP(request)?.address,
    async listen(config, answer) {
      const arrived = nextTurn();
      const listening = Bun.serve({
        port: config.port,
        hostname: config.host,
        fetch: (request) => arrived().then(() => answer(request)),
        // Bun counts whole seconds.
        idleTimeout: LIMITS.idleTimeoutMs / 1000,
        // The edge refuses what is too large, before it reads it; Bun's own 413 would come first and have no body.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        ...(config.tlsCert === undefined || config.tlsKey === undefined
          ? {}
          : { tls: { cert: readFileSync(config.tlsCert, 'utf8'), key: readFileSync(config.tlsKey, 'utf8') } }),
      });
      server = listening;
      return {
        url: urlOf(config, listening.port ?? config.port),
        async close(timeoutMs) {
          const done = listening.stop(false);
          await Promise.race([done, Bun.sleep(timeoutMs)]);
          await listening.stop(true);
        },
      };
    },
  };
}

/**
 * Resolves once what can be read from all sockets now has been read: Bun takes much less for a body that has arrived than for one that is awaited, and
 * what arrived together is then taken up together.
 */
function nextTurn(): () => Promise<void> {
  let next: Promise<void> | undefined;
  return () => {
    next ??= new Promise((resolve) => {
      setImmediate(() => {
        next = undefined;
        resolve();
      });
    });
    return next;
  };
}

async function bundle(entry: string): Promise<Uint8Array> {
  const { success, outputs, logs } = await Bun.build({ entrypoints: [entry], target: 'browser', minify: true, throw: false });
  const [output] = outputs;
  if (!success || output === undefined) throw new MetricStreamError('internal', `The page cannot be built: ${logs.join('; ')}`);
  return new Uint8Array(await output.arrayBuffer());
}
