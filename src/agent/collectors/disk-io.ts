/** Reads and writes by whole block device, from /proc/diskstats. */
import { type Collector, type Machine, type Reading, rounded } from './collector.ts';
import { type Counters, rateKeeper } from './rates.ts';

/** Devices made of memory or of files, and drives for media. */
const LEFT_OUT = /^(?:loop|ram|zram|fd|sr)\d/;
/** The kernel counts in sectors of 512 bytes, whatever the device has. */
const SECTOR_BYTES = 512;

/** The fields of a line that are kept, in this order, with their places after the name. */
const FIELDS = [
  { name: 'disk_read_bytes', place: 2, factor: SECTOR_BYTES, decimals: 1 },
  { name: 'disk_write_bytes', place: 6, factor: SECTOR_BYTES, decimals: 1 },
  { name: 'disk_reads', place: 0, factor: 1, decimals: 2 },
  { name: 'disk_writes', place: 4, factor: 1, decimals: 2 },
] as const;

/**
 * The kept counters by device, partitions left out. Format: Documentation/admin-guide/iostats.rst: `major minor name`
 * and 11 counters, 15 from 4.18, 17 from 5.5; before 2.6.25 a partition had 4.
 */
function parseDiskstats(text: string): Counters {
  const devices = new Map<string, number[]>();
  for (const line of text.split('\n')) {
    const [, , name = '', ...counters] = line.trim().split(/\s+/);
    if (counters.length < 11 || LEFT_OUT.test(name)) continue;
    devices.set(
      name,
      FIELDS.map(({ place, factor }) => Number(counters[place]) * factor),
    );
  }
  for (const name of [...devices.keys()]) if (isPartition(name, devices)) devices.delete(name);
  return devices;
}

/** sda1 of sda, nvme0n1p2 of nvme0n1; an xvda1 without an xvda is a disk. */
function isPartition(name: string, devices: Counters): boolean {
  const stem = name.replace(/\d+$/, '');
  return stem !== name && (devices.has(stem) || (/\dp$/.test(stem) && devices.has(stem.slice(0, -1))));
}

export function diskIoCollector(machine: Machine): Collector {
  const rates = rateKeeper();
  return () => {
    const readings: Reading[] = [];
    for (const [device, perSecond] of rates(machine.monotonicMs(), parseDiskstats(machine.readText('/proc/diskstats')))) {
      FIELDS.forEach((field, index) => {
        const rate = perSecond[index];
        if (rate !== undefined) readings.push({ name: field.name, value: rounded(rate, field.decimals), labels: { device } });
      });
    }
    return readings;
  };
}
