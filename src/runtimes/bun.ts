/** Bun as a host: bun:sqlite, Bun.serve, and Bun's bundler for the page. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bunCompression } from '../adapters/bun/compression.ts';
import { bunFileLock } from '../adapters/bun/file-lock.ts';
import { bunSqlDatabase } from '../adapters/bun/sql-database.ts';
import { ASSETS, type AssetTable } from '../edge/dashboard/assets.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Host } from './server.ts';

const DASHBOARD = join(dirname(fileURLToPath(import.meta.url)), '..', 'edge', 'dashboard');

export function bunHost(): Host {
  return { openDatabase: bunSqlDatabase, lockFile: bunFileLock, compression: bunCompression(), assets: bundleAssets, listen };
}

const listen: Host['listen'] = async (config, fetch) => {
  const server = Bun.serve({
    port: config.port,
    hostname: config.host,
    fetch,
    // Bun counts whole seconds; a body of more than the limit is refused before it is read.
    idleTimeout: LIMITS.idleTimeoutMs / 1000,
    maxRequestBodySize: LIMITS.bodyBytesMax,
    ...(config.tlsCert === undefined || config.tlsKey === undefined
      ? {}
      : { tls: { cert: readFileSync(config.tlsCert, 'utf8'), key: readFileSync(config.tlsKey, 'utf8') } }),
  });
  const scheme = config.tlsCert === undefined ? 'http' : 'https';
  const name = config.host.includes(':') ? `[${config.host}]` : config.host;
  return {
    url: `${scheme}://${name}:${server.port}`,
    async close(timeoutMs) {
      const done = server.stop(false);
      await Promise.race([done, Bun.sleep(timeoutMs)]);
      await server.stop(true);
    },
  };
};

async function bundleAssets(): Promise<AssetTable> {
  const table: Record<string, AssetTable[string]> = {};
  for (const { path, source, contentType } of ASSETS) {
    const text = source.endsWith('.html') ? readFileSync(join(DASHBOARD, source)) : await bundle(join(DASHBOARD, source));
    const body = new Uint8Array(text);
    table[path] = { body, contentType, etag: `"${Bun.hash(body).toString(16)}"` };
  }
  return table;
}

async function bundle(entry: string): Promise<ArrayBuffer> {
  const { success, outputs, logs } = await Bun.build({ entrypoints: [entry], target: 'browser', minify: true, throw: false });
  const [output] = outputs;
  if (!success || output === undefined) throw new MetricStreamError('internal', `The page cannot be built: ${logs.join('; ')}`);
  return output.arrayBuffer();
}
