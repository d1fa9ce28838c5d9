/** What samples and windows occupy: their encoded bodies, and the pages of their tables as SQLite's own dbstat counts them. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { get, metricValue } from './read-api.ts';
import type { StoredBytes, TableBytes } from './result.ts';
import type { Server } from './server-process.ts';

const DATABASE = 'metricstream.db';
/** Where miniflare keeps the databases of shards. */
const OBJECTS = 'objects/do/metricstream-ShardObject';
const SAMPLES_SEALED = 'metricstream_samples_sealed_total';

/** Of a server that runs and had no restart: it counts what it sealed since it started. What is in memory is not counted. */
export async function storedSamples(server: Server): Promise<StoredBytes> {
  for (;;) {
    const samples = await samplesSealed(server);
    const table = tableBytes(server.dataDir, 'raw_blocks');
    // A seal in between would set the bytes of one state against the samples of another.
    if (samples === (await samplesSealed(server))) return { ...table, samples };
  }
}

export function tableBytes(dataDir: string, table: 'raw_blocks' | 'window_blocks'): TableBytes {
  const database = new DatabaseSync(databaseOf(dataDir), { readOnly: true });
  try {
    const number = (sql: string): number => Number(Object.values(database.prepare(sql).get() ?? {})[0]);
    return {
      diskBytes: number(`SELECT SUM(pgsize) FROM dbstat WHERE name = '${table}'`),
      bodyBytes: number(`SELECT COALESCE(SUM(LENGTH(body)), 0) FROM ${table}`),
    };
  } finally {
    database.close();
  }
}

/** Of a server, or of the one shard on workerd. */
function databaseOf(dataDir: string): string {
  const folder = join(dataDir, OBJECTS);
  if (!existsSync(folder)) return join(dataDir, DATABASE);
  const files = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  const sizes = files.map((name) => ({ name, bytes: statSync(join(folder, name)).size }));
  return join(folder, sizes.sort((a, b) => b.bytes - a.bytes)[0]?.name ?? '');
}

async function samplesSealed(server: Server): Promise<number> {
  return metricValue(await (await get(server, '/metrics')).text(), SAMPLES_SEALED) ?? 0;
}
