/** Load averages and uptime, from /proc/loadavg and /proc/uptime. */
import type { Collector, Machine, Reading } from './collector.ts';

/** `load1 load5 load15 running/total lastpid`. Format: proc_loadavg(5). */
function parseLoadavg(text: string): Reading[] {
  const [load1, load5, load15] = text.split(' ').map(Number);
  return [
    { name: 'load1', value: load1 ?? Number.NaN },
    { name: 'load5', value: load5 ?? Number.NaN },
    { name: 'load15', value: load15 ?? Number.NaN },
  ];
}

/** `uptime idle`, seconds. Format: proc_uptime(5). */
function parseUptime(text: string): Reading {
  return { name: 'uptime_seconds', value: Number.parseFloat(text) };
}

export function loadCollector(machine: Machine): Collector {
  return () => [...parseLoadavg(machine.readText('/proc/loadavg')), parseUptime(machine.readText('/proc/uptime'))];
}
