/** Space and inodes by mounted file system, from /proc/mounts and statfs. */
import { type Collector, type FileSystemBlocks, type Machine, percentOf, type Reading } from './collector.ts';

export interface Mount {
  readonly device: string;
  readonly mount: string;
  readonly fstype: string;
}

/** Local file systems that have no block device of their own. */
const POOLED = new Set(['zfs', 'bcachefs']);
/** Images, always full. fuseblk (NTFS) is a disk; other fuse types are not. */
const NOT_A_DISK = /^(?:squashfs|erofs|iso9660|udf|fuse(?:\..*)?)$/;
const MEMORY_DEVICE = /^\/dev\/(?:loop|ram|zram|fuse)/;
/** Files that a container runtime lays over a container's own, each a mount of the host's disk. */
const CONTAINER_FILE = /^\/(?:etc\/(?:hosts|hostname|resolv\.conf)|dev\/termination-log)$/;
/** What the root may be that is no disk: an initial RAM disk. A container's overlay is the space it has. */
const MEMORY_ROOT = new Set(['rootfs', 'tmpfs', 'ramfs']);

/**
 * Local disks, each device once, under its shortest mount point. Network file systems are left out: their server counts
 * them, and statfs hangs when it is away. Format: fstab(5), with \ooo for blanks, tabs, newlines, backslashes and #.
 */
function parseMounts(text: string): Mount[] {
  const byDevice = new Map<string, Mount>();
  const topmost = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    const [device, mount, fstype] = line.split(' ').map(unescapeMount);
    if (device !== undefined && mount !== undefined && fstype !== undefined) topmost.set(mount, { device, mount, fstype });
  }
  for (const found of topmost.values()) {
    if (!isDisk(found)) continue;
    const known = byDevice.get(found.device);
    if (known === undefined || found.mount.length < known.mount.length) byDevice.set(found.device, found);
  }
  return [...byDevice.values()];
}

function isDisk({ device, mount, fstype }: Mount): boolean {
  if (NOT_A_DISK.test(fstype) || MEMORY_DEVICE.test(device) || CONTAINER_FILE.test(mount)) return false;
  return device.startsWith('/dev/') || POOLED.has(fstype) || (mount === '/' && !MEMORY_ROOT.has(fstype));
}

function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * As df(1) counts: free is what users other than root may take, and the percentages are of used and free together.
 * A file system without a fixed number of inodes (btrfs, vfat) says 0 and has no such reading.
 */
function spaceReadings({ device, mount, fstype }: Mount, blocks: FileSystemBlocks): Reading[] {
  if (blocks.blocks === 0) return [];
  const labels = { mount, device: device.replace(/^\/dev\//, ''), fstype };
  const used = (blocks.blocks - blocks.bfree) * blocks.bsize;
  const free = blocks.bavail * blocks.bsize;
  return [
    { name: 'disk_used', value: used, labels },
    { name: 'disk_free', value: free, labels },
    { name: 'disk_total', value: blocks.blocks * blocks.bsize, labels },
    { name: 'disk_used_percent', value: percentOf(used, used + free), labels },
    { name: 'disk_free_percent', value: percentOf(free, used + free), labels },
    ...(blocks.files > 0 ? [{ name: 'disk_inodes_free_percent', value: percentOf(blocks.ffree, blocks.files), labels }] : []),
  ];
}

export function diskSpaceCollector(machine: Machine): Collector {
  return async () => {
    const mounts = parseMounts(machine.readText('/proc/mounts'));
    const readings = await Promise.all(
      mounts.map(async (mount) => {
        // A mount may go between the two reads; the others still count.
        const blocks = await machine.statfs(mount.mount).catch(() => undefined);
        return blocks === undefined ? [] : spaceReadings(mount, blocks);
      }),
    );
    return readings.flat();
  };
}
