/** The contract of the log, for each of its adapters. */
import { memoryMetricLog } from '../../src/adapters/memory/metric-log.ts';
import { nodeSqlDatabase } from '../../src/adapters/node/sql-database.ts';
import { embeddedLog } from './suites/embedded-stores.ts';
import { damagedLogContract, metricLogContract } from './suites/metric-log.ts';

metricLogContract('memory', () => {
  const log = memoryMetricLog();
  return { log, reopen: () => log };
});

for (const compressFromBytes of [0, 300, Number.POSITIVE_INFINITY]) {
  const name = `embedded over node:sqlite, compressing from ${compressFromBytes} bytes,`;
  const open = () => embeddedLog(nodeSqlDatabase(':memory:'), compressFromBytes);
  metricLogContract(name, open);
  damagedLogContract(name, open);
}
