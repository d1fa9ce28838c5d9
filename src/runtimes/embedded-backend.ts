/** The embedded profile: one shard over one SQLite file. */
import { join } from 'node:path';
import { embeddedCheckpointStore } from '../adapters/embedded/checkpoint-store.ts';
import { embeddedEnrichmentRegistry } from '../adapters/embedded/enrichment-registry.ts';
import { embeddedKeyRegistry } from '../adapters/embedded/key-registry.ts';
import { embeddedMetricLog } from '../adapters/embedded/metric-log.ts';
import { openSchema } from '../adapters/embedded/schema.ts';
import { embeddedTimeSeriesStore } from '../adapters/embedded/time-series-store.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { diskSpace } from '../adapters/system/disk.ts';
import { newJudge } from '../alerts/new-judge.ts';
import { SERVER_PACE } from '../consumers/pace.ts';
import { Shard } from '../consumers/shard.ts';
import type { Secrets } from '../edge/keys.ts';
import { LIMITS } from '../model/limits.ts';
import type { Compression } from '../ports/compression.ts';
import type { SqlDatabase } from '../ports/sql-database.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { shapeInterner } from '../protocols/log-record.ts';
import type { Backend } from './backend.ts';
import type { ServerConfig } from './config.ts';
import { serverAlerts } from './server-alerts.ts';

export interface DatabaseOpener {
  openDatabase(path: string): SqlDatabase & { close(): void };
}

/** The one file of a server. */
export function openServerDatabase(config: ServerConfig, host: DatabaseOpener): SqlDatabase & { close(): void } {
  const database = host.openDatabase(join(config.dataDir, 'metricstream.db'));
  openSchema(database, { partitions: LIMITS.partitions, shards: 1 });
  return database;
}

export async function openEmbeddedBackend(
  config: ServerConfig,
  host: DatabaseOpener & { readonly compression: Compression },
  telemetry: Telemetry,
  secrets: Secrets,
): Promise<Backend> {
  const { compression } = host;
  const database = openServerDatabase(config, host);
  const store = embeddedTimeSeriesStore({ database, compression });
  const shard: Shard = new Shard({
    clock: systemClock(),
    log: embeddedMetricLog({
      database,
      compression,
      compressFromBytes: LIMITS.compressFromBytes,
      syncAheadFrom: LIMITS.syncAheadRecords,
    }),
    store,
    checkpoints: embeddedCheckpointStore({ database, store }),
    sink: {
      closed: ({ columns }) => telemetry.count('metricstream_windows_closed_total', columns.length),
    },
    judge: newJudge,
    transitions: { deliver: (transitions) => alerts.deliver(transitions) },
    telemetry,
    shapes: shapeInterner(),
    disk: {
      space: () => diskSpace(config.dataDir),
      usedBytes: () => database.size().usedBytes,
      reclaim: () => database.reclaim(LIMITS.reclaimPagesPerRun),
    },
    partitions: LIMITS.partitions,
    linger: () => config.linger,
    headBytesMax: config.headMax,
    tenantRequestsPerSecond: config.tenantRate,
    cardinality: LIMITS,
    pace: SERVER_PACE,
    retention: {
      rawMs: config.rawRetention,
      minuteMs: config.minuteRetention,
      hourMs: config.hourRetention,
      logMs: config.logRetention,
      logBytesMax: config.logMax,
    },
  });
  const { reader } = shard;
  const alerts = serverAlerts({ config, database, reader, secrets, telemetry, publish: (control) => shard.control(control) });
  await shard.start();
  alerts.start();
  return {
    appender: shard,
    reader,
    alerts: alerts.ports,
    live: shard.live,
    keys: embeddedKeyRegistry({ database }),
    enrichments: embeddedEnrichmentRegistry({ database }),
    ready: () => shard.ready(),
    async stop() {
      await shard.stop();
      await alerts.stop();
      database.close();
    },
  };
}
