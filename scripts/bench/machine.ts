/** Names what the figures were measured on: processor, kernel, runtime, file system, commit. */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { availableParallelism, release, totalmem } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly bun: string;
  /** Where the data lay, as `ext4 on /dev/vda`. */
  readonly fileSystem: string;
  /** Abbreviated hash; `+` behind it when the checkout had changes. */
  readonly commit: string;
}

export function describeMachine(dataDir: string): Machine {
  return {
    processor: /^model name\s*:\s*(.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    bun: Bun.version,
    fileSystem: fileSystemOf(realpathSync(dataDir), readFileSync('/proc/mounts', 'utf8')),
    commit: commit(),
  };
}

/** The mount that holds an absolute path. @param mounts the text of /proc/mounts: device, mount point, type, … a line. */
export function fileSystemOf(path: string, mounts: string): string {
  let best = '';
  let name = 'unknown';
  for (const line of mounts.split('\n')) {
    const [device = '', mount = '', type = ''] = line.split(' ');
    const holds = mount === '/' || path === mount || path.startsWith(`${mount}/`);
    if (mount !== '' && holds && mount.length >= best.length) {
      best = mount;
      name = `${type} on ${device}`;
    }
  }
  return name;
}

function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no').trim() !== '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${changed ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}
