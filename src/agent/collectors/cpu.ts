/** CPU use of the whole host, by core and by mode, from /proc/stat. */
import { type Collector, type Machine, percentOf, type Reading } from './collector.ts';
import { type Counters, rateKeeper } from './rates.ts';

/** The first eight columns. guest and guest_nice follow, but user and nice already hold them. */
const MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;
const IDLE = MODES.indexOf('idle');
const IOWAIT = MODES.indexOf('iowait');

/** Ticks by mode of `cpu` (all cores) and of each `cpuN`. Format: proc_stat(5); kernels before 2.6.11 have no steal. */
function parseStat(text: string): Counters {
  const lines = new Map<string, number[]>();
  for (const line of text.split('\n')) {
    if (!line.startsWith('cpu')) continue;
    const [cpu = '', ...ticks] = line.split(/\s+/);
    lines.set(
      cpu,
      MODES.map((_, index) => Number(ticks[index] ?? 0)),
    );
  }
  return lines;
}

export function cpuCollector(machine: Machine): Collector {
  const rates = rateKeeper();
  return () => {
    const readings: Reading[] = [];
    for (const [cpu, perSecond] of rates(machine.monotonicMs(), parseStat(machine.readText('/proc/stat')))) {
      const share = shares(perSecond);
      if (share === undefined) continue;
      if (cpu !== 'cpu') readings.push({ name: 'cpu_core', value: share.busy, labels: { core: cpu.slice(3) } });
      else {
        readings.push({ name: 'cpu', value: share.busy });
        share.modes.forEach((value, index) => {
          readings.push({ name: 'cpu_mode', value, labels: { mode: MODES[index] ?? '' } });
        });
      }
    }
    return readings;
  };
}

/** Busy is everything but idle and iowait. undefined where another mode fell (the core was away) or no tick passed. */
function shares(perSecond: readonly (number | undefined)[]): { busy: number; modes: number[] } | undefined {
  // The kernel estimates idle and iowait, and lets them fall by a tick now and then.
  const ticks = perSecond.map((rate, mode) => rate ?? (mode === IDLE || mode === IOWAIT ? 0 : Number.NaN));
  const total = ticks.reduce((sum, rate) => sum + rate, 0);
  if (!(total > 0)) return undefined;
  const idle = (ticks[IDLE] ?? 0) + (ticks[IOWAIT] ?? 0);
  return { busy: percentOf(total - idle, total), modes: ticks.map((rate) => percentOf(rate, total)) };
}
