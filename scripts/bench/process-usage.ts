/** What a process has used, from /proc: CPU time, resident memory; and what the hypervisor kept from all of them. */
import { readFileSync } from 'node:fs';

/** USER_HZ: fixed at 100 for user space on every Linux that runs Bun (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** utime + stime of all threads, in seconds. @param stat the text of /proc/PID/stat. */
export function cpuSecondsOf(stat: string): number {
  // The second field is the command in parentheses, which may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** VmRSS in bytes. @param status the text of /proc/PID/status. */
export function rssBytesOf(status: string): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return match === null ? 0 : Number(match[1]) * 1_024;
}

/** Seconds in which a virtual processor was ready to run and was not let, of all processors. @param stat the text of /proc/stat. */
export function stolenSecondsOf(stat: string): number {
  return Number(/^cpu +(?:\d+ ){7}(\d+)/.exec(stat)?.[1] ?? 0) / TICKS_PER_SECOND;
}

export function stolenSeconds(): number {
  return stolenSecondsOf(readFileSync('/proc/stat', 'utf8'));
}

/** Processes that a process started and that are still there; none of one that has ended. */
export function childrenOf(pid: number): readonly number[] {
  try {
    return (readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').match(/\d+/g) ?? []).map(Number);
  } catch {
    return [];
  }
}

/** Of a process and what it started: workerd is a child of what starts it. */
function sumOf(pid: number, file: string, of: (text: string) => number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + of(readFileSync(`/proc/${one}/${file}`, 'utf8')), 0);
}

export function cpuSeconds(pid: number): number {
  return sumOf(pid, 'stat', cpuSecondsOf);
}

export function rssBytes(pid: number): number {
  return sumOf(pid, 'status', rssBytesOf);
}
