/** The table of collectors: one row each. */
import { MetricStreamError } from '../../model/errors.ts';
import type { Collector, Machine } from './collector.ts';
import { cpuCollector } from './cpu.ts';
import { diskIoCollector } from './disk-io.ts';
import { diskSpaceCollector } from './disk-space.ts';
import { loadCollector } from './load.ts';
import { memoryCollector } from './memory.ts';
import { networkCollector } from './network.ts';
import { readSystemFacts, systemInformationCollector } from './system-information.ts';

interface CollectorRow {
  readonly name: string;
  /** On Linux, or everywhere else. */
  readonly linux: boolean;
  readonly create: (machine: Machine) => Collector;
}

export const COLLECTORS: readonly CollectorRow[] = [
  { name: 'cpu', linux: true, create: cpuCollector },
  { name: 'memory', linux: true, create: memoryCollector },
  { name: 'disk-space', linux: true, create: diskSpaceCollector },
  { name: 'disk-io', linux: true, create: diskIoCollector },
  { name: 'network', linux: true, create: networkCollector },
  { name: 'load', linux: true, create: loadCollector },
  {
    name: 'system-information',
    linux: false,
    create: (machine) => systemInformationCollector(readSystemFacts, machine.monotonicMs),
  },
];

/**
 * The collectors of a platform (`process.platform`), in the table's order, without those named.
 * @throws invalid_request for a name that is in no row.
 */
export function collectorsFor(platform: string, machine: Machine, without: readonly string[]): Map<string, Collector> {
  const known = COLLECTORS.map(({ name }) => name);
  const unknown = without.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new MetricStreamError('invalid_request', `There is no collector "${unknown}"; there are ${known.join(', ')}.`);
  }
  const rows = COLLECTORS.filter(({ name, linux }) => linux === (platform === 'linux') && !without.includes(name));
  return new Map(rows.map(({ name, create }) => [name, create(machine)]));
}
