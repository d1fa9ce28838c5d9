/** The contract of the log, for each of its adapters. */
import { embeddedMetricLog } from '../../src/adapters/embedded/metric-log.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { memoryMetricLog } from '../../src/adapters/memory/metric-log.ts';
import { zlibCompression } from '../../src/adapters/node/compression.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { metricLogContract } from './suites/metric-log.ts';

metricLogContract('memory', () => {
  const log = memoryMetricLog();
  return { log, reopen: () => log };
});

for (const compressFromBytes of [0, 300, Number.POSITIVE_INFINITY]) {
  metricLogContract(`embedded over node:sqlite, compressing from ${compressFromBytes} bytes,`, () => {
    const database = nodeSqlDatabase(':memory:');
    openSchema(database, { partitions: 12, shards: 1 });
    const reopen = () => embeddedMetricLog({ database, compression: zlibCompression(), compressFromBytes });
    const damage = (firstOffset: number): void =>
      void database.exec('UPDATE log_batches SET body = substr(body, 1, length(body) - 1) WHERE first_offset = ?', firstOffset);
    return { log: reopen(), reopen, damage };
  });
}
