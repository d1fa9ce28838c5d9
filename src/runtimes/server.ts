/** A server: one shard, the edge in front of it and an agent beside it, on whatever host opens databases and sockets. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { memoryTelemetry } from '../adapters/memory/telemetry.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { type Agent, runAgent } from '../agent/agent.ts';
import { createApp } from '../edge/app.ts';
import { ASSET_HEADERS, type AssetTable } from '../edge/dashboard/assets.ts';
import { tokenVerifier } from '../edge/keys.ts';
import { LIMITS } from '../model/limits.ts';
import { OWN_METRICS } from '../model/own-metrics.ts';
import type { Compression } from '../ports/compression.ts';
import type { Decompression } from '../ports/decompression.ts';
import type { SqlDatabase } from '../ports/sql-database.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { AddressConfig, ServerConfig } from './config.ts';
import { type KeysFile, lockDataDir, openDataDir, readSecrets, writeKeys } from './data-dir.ts';
import { openEmbeddedBackend } from './embedded-backend.ts';

/** What a host brings. `src/runtimes/hosts.ts` says which one this process runs on. */
export interface Host {
  openDatabase(path: string): SqlDatabase & { close(): void };
  /** For the life of the process, however it ends. @returns lets it go; undefined when another process holds it. */
  lockFile(path: string): (() => void) | undefined;
  readonly compression: Compression;
  readonly decompression: Decompression;
  assets(): Promise<AssetTable>;
  /**
   * Listens; resolves when it does. Every well-formed request reaches `answer`, with the body as a stream and however large it says
   * that it is: refusing is the edge's, so that all hosts refuse alike. What of a body nobody reads is not kept.
   */
  listen(config: AddressConfig, answer: (request: Request) => Response | Promise<Response>): Promise<Listener>;
  /** The address of the connection that a request of `listen` came over; undefined when it is gone. */
  remoteAddress(request: Request): string | undefined;
}

export interface Listener {
  readonly url: string;
  /** Takes no new connections, finishes requests in flight; resolves when they are done or `timeoutMs` has passed. */
  close(timeoutMs: number): Promise<void>;
}

export interface RunningServer {
  readonly keys: KeysFile;
  /** Finishes requests in flight, seals, checkpoints; within shutdownMs. */
  stop(): Promise<void>;
}

/** Where a server that listens on `port` is reached. */
export function urlOf(config: AddressConfig, port: number): string {
  const scheme = config.tlsCert === undefined ? 'http' : 'https';
  const name = config.host.includes(':') ? `[${config.host}]` : config.host;
  return `${scheme}://${name}:${port}`;
}

/** @throws unavailable when another server uses the data directory */
export async function runServer(config: ServerConfig, host: Host): Promise<RunningServer> {
  openDataDir(config.dataDir);
  const unlock = lockDataDir(config.dataDir, host.lockFile);
  const secrets = readSecrets(config.dataDir, process.env);
  const clock = systemClock();
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  const telemetry = memoryTelemetry({ nowMs: clock.nowMs, write, help: OWN_METRICS });
  const backend =
    config.kafkaBrokers === undefined
      ? await openEmbeddedBackend(config, host, telemetry, secrets)
      : // What the embedded profile has no use for is not loaded.
        await (await import('./kafka-backend.ts')).openKafkaBackend(config, host, telemetry, secrets);
  const app = createApp({
    clock,
    appender: backend.appender,
    reader: backend.reader,
    live: backend.live,
    ...(backend.alerts === undefined ? {} : { alerts: backend.alerts }),
    decompression: host.decompression,
    keys: backend.keys,
    enrichments: backend.enrichments,
    secrets,
    telemetry,
    random: Math.random,
    assets: new Map(Object.entries(await host.assets())),
    shellHeaders: ASSET_HEADERS,
    ready: () => backend.ready(),
    remoteAddress: host.remoteAddress,
    sampleAgeMsMax: config.sampleAgeMax,
    tenantRequestsPerSecond: config.tenantRate,
  });
  const listener = await host.listen(config, (request) => app.fetch(request));
  const verify = tokenVerifier(secrets);
  const valid = async (key: string): Promise<boolean> => {
    const principal = await verify('key', key, clock.nowMs());
    return principal !== undefined && !backend.keys.isRevoked(principal.keyId);
  };
  const keys = await writeKeys(config.dataDir, listener.url, secrets.current, clock.nowMs(), valid);
  const agent = config.agent ? await startAgent(config, keys, telemetry) : undefined;
  return {
    keys,
    async stop() {
      await agent?.stop();
      await listener.close(LIMITS.shutdownMs / 2);
      await backend.stop();
      unlock();
    },
  };
}

/** Collects the metrics of this host for a server on it. */
export function startAgent(
  config: Pick<ServerConfig, 'client' | 'interval' | 'dataDir'>,
  keys: KeysFile,
  telemetry: Pick<Telemetry, 'log'>,
): Promise<Agent> {
  return runAgent({
    clock: systemClock(),
    log: (level, message, fields) => telemetry.log(level, message, fields),
    url: keys.url,
    key: keys.ingest,
    client: config.client ?? hostname(),
    intervalMs: config.interval,
    spoolDir: join(config.dataDir, 'agent-spool'),
  });
}
