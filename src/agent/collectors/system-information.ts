/** The catalogue's metrics where there is no /proc, through systeminformation: it runs the system's own commands. */
import type { Systeminformation } from 'systeminformation';
import { type Collector, percentOf, type Reading, rounded } from './collector.ts';
import { rateKeeper } from './rates.ts';

/** What is asked of systeminformation and of node:os, in one go. */
export interface SystemFacts {
  readonly load: Systeminformation.CurrentLoadData;
  readonly memory: Systeminformation.MemData;
  readonly disks: readonly Systeminformation.FsSizeData[];
  /** null where the system does not tell. */
  readonly diskBytes: Systeminformation.FsStatsData | null;
  readonly diskCounts: Systeminformation.DisksIoData | null;
  readonly interfaces: readonly Systeminformation.NetworkStatsData[];
  readonly loadAverages: readonly number[];
  readonly uptimeSeconds: number;
}

/** It counts no single device: reads and writes are those of all of them. */
const ALL_DEVICES = 'all';
/** Keeps the keys of interfaces apart from it. */
const INTERFACE = 'interface ';

/** @param nowMs of a clock that never steps. */
export function systemInformationCollector(facts: () => Promise<SystemFacts>, nowMs: () => number): Collector {
  const rates = rateKeeper();
  return async () => {
    const now = await facts();
    return [
      ...cpuReadings(now.load),
      ...memoryReadings(now.memory),
      ...now.disks.flatMap(spaceReadings),
      ...loadReadings(now),
    ].concat([...rates(nowMs(), counters(now))].flatMap(([thing, perSecond]) => rateReadings(thing, perSecond)));
  };
}

/** The facts of this machine. The package is loaded only here: Linux never needs it. */
export async function readSystemFacts(): Promise<SystemFacts> {
  const [si, os] = await Promise.all([import('systeminformation'), import('node:os')]);
  const [load, memory, disks, diskBytes, diskCounts, interfaces] = await Promise.all([
    si.currentLoad(),
    si.mem(),
    si.fsSize(),
    si.fsStats(),
    si.disksIO(),
    si.networkStats('*'),
  ]);
  // Windows has no load average and says 0.
  const loadAverages = process.platform === 'win32' ? [] : os.loadavg();
  return { load, memory, disks, diskBytes, diskCounts, interfaces, loadAverages, uptimeSeconds: os.uptime() };
}

function cpuReadings(load: Systeminformation.CurrentLoadData): Reading[] {
  const modes = {
    user: load.currentLoadUser,
    nice: load.currentLoadNice,
    system: load.currentLoadSystem,
    idle: load.currentLoadIdle,
    irq: load.currentLoadIrq,
    steal: load.currentLoadSteal,
  };
  return [
    { name: 'cpu', value: percentOf(load.currentLoad, 100) },
    ...Object.entries(modes).map(([mode, value]) => ({ name: 'cpu_mode', value: percentOf(value, 100), labels: { mode } })),
    ...load.cpus.map((core, index) => ({
      name: 'cpu_core',
      value: percentOf(core.load, 100),
      labels: { core: String(index) },
    })),
  ];
}

function memoryReadings({ total, available, buffcache, swaptotal, swapused }: Systeminformation.MemData): Reading[] {
  return [
    { name: 'memory_used', value: total - available },
    { name: 'memory_available', value: available },
    { name: 'memory_cached', value: buffcache },
    { name: 'memory_total', value: total },
    { name: 'memory_used_percent', value: percentOf(total - available, total) },
    ...(swaptotal > 0 ? [{ name: 'swap_used_percent', value: percentOf(swapused, swaptotal) }] : []),
  ];
}

function spaceReadings({ fs, type, size, used, available, mount }: Systeminformation.FsSizeData): Reading[] {
  if (!(size > 0)) return [];
  const labels = { mount, device: fs.replace(/^\/dev\//, ''), fstype: type };
  return [
    { name: 'disk_used', value: used, labels },
    { name: 'disk_free', value: available, labels },
    { name: 'disk_total', value: size, labels },
    { name: 'disk_used_percent', value: percentOf(used, used + available), labels },
    { name: 'disk_free_percent', value: percentOf(available, used + available), labels },
  ];
}

function loadReadings({ loadAverages, uptimeSeconds }: SystemFacts): Reading[] {
  return [
    ...loadAverages.map((value, index) => ({ name: ['load1', 'load5', 'load15'][index] ?? '', value: rounded(value, 2) })),
    { name: 'uptime_seconds', value: rounded(uptimeSeconds, 2) },
  ];
}

const DISK_RATES = ['disk_read_bytes', 'disk_write_bytes', 'disk_reads', 'disk_writes'];
const NETWORK_RATES = [
  'network_receive_bytes',
  'network_transmit_bytes',
  'network_receive_errors',
  'network_transmit_errors',
  'network_receive_drops',
  'network_transmit_drops',
];

/** Its own rates are over its own spans: ours are taken from its counters. */
function counters({ diskBytes, diskCounts, interfaces }: SystemFacts): Map<string, number[]> {
  const all = new Map<string, number[]>();
  if (diskBytes !== null && diskCounts !== null) {
    all.set(ALL_DEVICES, [diskBytes.rx, diskBytes.wx, diskCounts.rIO, diskCounts.wIO]);
  }
  for (const one of interfaces) {
    if (/^lo\d*$/.test(one.iface)) continue;
    all.set(INTERFACE + one.iface, [one.rx_bytes, one.tx_bytes, one.rx_errors, one.tx_errors, one.rx_dropped, one.tx_dropped]);
  }
  return all;
}

function rateReadings(thing: string, perSecond: readonly (number | undefined)[]): Reading[] {
  const disks = thing === ALL_DEVICES;
  const names = disks ? DISK_RATES : NETWORK_RATES;
  const labels: Record<string, string> = disks ? { device: thing } : { interface: thing.slice(INTERFACE.length) };
  return perSecond.flatMap((rate, index) => {
    const name = names[index] ?? '';
    return rate === undefined ? [] : [{ name, value: rounded(rate, name.endsWith('_bytes') ? 1 : 2), labels }];
  });
}
