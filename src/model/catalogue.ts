/** The one table of known metrics: unit, kind, range, labels. */

export const KINDS = ['gauge', 'counter'] as const;
export type Kind = (typeof KINDS)[number];

export interface CatalogueEntry {
  readonly name: string;
  readonly unit: string;
  readonly kind: Kind;
  readonly min: number;
  readonly max: number;
  /** Labels that the agent sets; others are allowed. */
  readonly labels: readonly string[];
}

const INF = Number.MAX_VALUE;

function rows(unit: string, max: number, labels: readonly string[], names: readonly string[]): CatalogueEntry[] {
  return names.map((name) => ({ name, unit, kind: 'gauge', min: 0, max, labels }));
}

/**
 * The place of an entry in this list is its number in stored records and blocks: append at the end, never reorder.
 * `test/model/catalogue.test.ts` pins the order.
 */
export const CATALOGUE: readonly CatalogueEntry[] = [
  ...rows('percent', 100, [], ['cpu']),
  ...rows('percent', 100, ['core'], ['cpu_core']),
  ...rows('percent', 100, ['mode'], ['cpu_mode']),
  ...rows('bytes', INF, [], ['memory_used', 'memory_available', 'memory_cached', 'memory_total']),
  ...rows('percent', 100, [], ['memory_used_percent', 'swap_used_percent']),
  ...rows('bytes', INF, ['mount', 'device', 'fstype'], ['disk_used', 'disk_free', 'disk_total']),
  ...rows('percent', 100, ['mount', 'device', 'fstype'], ['disk_used_percent', 'disk_free_percent', 'disk_inodes_free_percent']),
  ...rows('bytes_per_second', INF, ['device'], ['disk_read_bytes', 'disk_write_bytes']),
  ...rows('per_second', INF, ['device'], ['disk_reads', 'disk_writes']),
  ...rows('bytes_per_second', INF, ['interface'], ['network_receive_bytes', 'network_transmit_bytes']),
  ...rows(
    'per_second',
    INF,
    ['interface'],
    ['network_receive_errors', 'network_transmit_errors', 'network_receive_drops', 'network_transmit_drops'],
  ),
  ...rows('count', INF, [], ['load1', 'load5', 'load15']),
  ...rows('seconds', INF, [], ['uptime_seconds']),
];

const NUMBER_OF = new Map(CATALOGUE.map((entry, number) => [entry.name, number]));

/** The number of a known metric, or -1 for a custom one. */
export function catalogueNumber(name: string): number {
  return NUMBER_OF.get(name) ?? -1;
}

export function catalogueEntry(name: string): CatalogueEntry | undefined {
  const number = NUMBER_OF.get(name);
  return number === undefined ? undefined : CATALOGUE[number];
}
