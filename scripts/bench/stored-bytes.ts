/** What samples and windows occupy on disk: the pages of their tables, as SQLite's own dbstat counts them. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StoredBytes } from './result.ts';

const DATABASE = 'metricstream.db';

/** The server has to be stopped: stopping seals what memory held. @param samples that were stored. */
export function storedBytes(dataDir: string, samples: number): StoredBytes {
  const sizes = tableSizes(join(dataDir, DATABASE));
  const raw = sizes.get('raw_blocks') ?? Number.NaN;
  return { raw, windows: sizes.get('window_blocks') ?? Number.NaN, samples, bytesPerSample: raw / samples };
}

function tableSizes(path: string): Map<string, number> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = database.prepare('SELECT name, SUM(pgsize) AS bytes FROM dbstat GROUP BY name').all();
    return new Map(rows.map(({ name, bytes }) => [String(name), Number(bytes)]));
  } finally {
    database.close();
  }
}
