/** Memory and swap, from /proc/meminfo. */
import { type Collector, type Machine, percentOf, type Reading } from './collector.ts';

/** Bytes by field name. Format: proc_meminfo(5); its `kB` are 1,024 bytes. */
function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const fields = new Map<string, number>();
  for (const [, name = '', value, unit] of text.matchAll(/^(\S+):\s+(\d+)( kB)?$/gm)) {
    fields.set(name, Number(value) * (unit === undefined ? 1 : 1_024));
  }
  return fields;
}

/** Cached is what free(1) calls buff/cache. Kernels before 3.14 do not say what is available: there it is estimated as then was usual. */
function memoryReadings(fields: ReadonlyMap<string, number>): Reading[] {
  const bytes = (name: string): number => fields.get(name) ?? 0;
  const total = bytes('MemTotal');
  if (total === 0) return [];
  const cached = bytes('Buffers') + bytes('Cached') + bytes('SReclaimable');
  const estimate = bytes('MemFree') + cached - bytes('Shmem');
  const available = Math.min(total, Math.max(0, fields.get('MemAvailable') ?? estimate));
  const swapTotal = bytes('SwapTotal');
  return [
    { name: 'memory_used', value: total - available },
    { name: 'memory_available', value: available },
    { name: 'memory_cached', value: cached },
    { name: 'memory_total', value: total },
    { name: 'memory_used_percent', value: percentOf(total - available, total) },
    ...(swapTotal === 0 ? [] : [{ name: 'swap_used_percent', value: percentOf(swapTotal - bytes('SwapFree'), swapTotal) }]),
  ];
}

export function memoryCollector(machine: Machine): Collector {
  return () => memoryReadings(parseMeminfo(machine.readText('/proc/meminfo')));
}
