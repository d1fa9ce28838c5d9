/** What samples and minutes occupy on disk: the pages of their tables, as SQLite's own dbstat counts them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StoredBytes } from './result.ts';

const RAW_TABLES = /^raw/;
const MINUTE_TABLES = /^(minute|window)/;

/** The server has to be stopped: stopping seals what memory held. @param samples that were stored. */
export function storedBytes(dataDir: string, samples: number): StoredBytes {
  const sizes = readdirSync(dataDir)
    .filter((file) => file.endsWith('.db'))
    .flatMap((file) => tableSizes(join(dataDir, file)));
  const sum = (tables: RegExp): number => sizes.reduce((total, { name, bytes }) => total + (tables.test(name) ? bytes : 0), 0);
  const raw = sum(RAW_TABLES);
  return { raw, minutes: sum(MINUTE_TABLES), samples, bytesPerSample: raw / samples };
}

function tableSizes(path: string): { name: string; bytes: number }[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database.prepare('SELECT name, SUM(pgsize) AS bytes FROM dbstat GROUP BY name').all() as {
      name: string;
      bytes: number;
    }[];
  } finally {
    database.close();
  }
}
