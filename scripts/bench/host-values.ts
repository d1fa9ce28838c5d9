/** What a simulated host sends: ten catalogue metrics whose values walk at random within fixed widths. */

/** One metric of every push. Its values are integers of 10^-decimals units with a constant number of digits. */
export interface SimulatedMetric {
  readonly name: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly digits: number;
  readonly decimals: number;
  /** The walk stays within [low, high], moves by at most `step` quanta, and at a share `moves` of the pushes. */
  readonly low: number;
  readonly high: number;
  readonly quantum: number;
  readonly step: number;
  readonly moves: number;
}

const ROOT = { mount: '/', device: 'vda1', fstype: 'ext4' };
const ETH0 = { interface: 'eth0' };
const VDA = { device: 'vda' };
const PERCENT = { unit: 'percent', digits: 4, decimals: 2, low: 1_000, high: 9_999, quantum: 1 };
const LOAD = { unit: 'count', labels: {}, digits: 3, decimals: 2, low: 100, high: 999, quantum: 1, moves: 1 };
const RATE = { unit: 'bytes_per_second', digits: 7, decimals: 1, low: 1_000_000, high: 9_999_999, quantum: 1, moves: 1 };
const PAGE_BYTES = 4_096;

export const METRICS: readonly SimulatedMetric[] = [
  { name: 'cpu', labels: {}, ...PERCENT, step: 300, moves: 1 },
  { name: 'memory_used_percent', labels: {}, ...PERCENT, step: 10, moves: 1 },
  {
    name: 'memory_used',
    unit: 'bytes',
    labels: {},
    digits: 10,
    decimals: 0,
    low: 262_144 * PAGE_BYTES,
    high: 2_097_152 * PAGE_BYTES,
    quantum: PAGE_BYTES,
    step: 400,
    moves: 1,
  },
  { name: 'disk_used_percent', labels: ROOT, ...PERCENT, step: 1, moves: 0.05 },
  { name: 'load1', ...LOAD, step: 20 },
  { name: 'load5', ...LOAD, step: 4 },
  { name: 'network_receive_bytes', labels: ETH0, ...RATE, step: 20_000 },
  { name: 'network_transmit_bytes', labels: ETH0, ...RATE, step: 20_000 },
  { name: 'disk_write_bytes', labels: VDA, ...RATE, step: 2_000 },
  {
    name: 'disk_writes',
    labels: VDA,
    unit: 'per_second',
    digits: 3,
    decimals: 1,
    low: 100,
    high: 999,
    quantum: 1,
    step: 9,
    moves: 0.5,
  },
];

/** Uniform 32-bit integers from a seed: xorshift32 (Marsaglia, 2003), for loads that can be repeated. */
export function xorshift32(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

export function firstValue(metric: SimulatedMetric, random: () => number): number {
  const quanta = Math.floor((metric.high - metric.low) / metric.quantum);
  return metric.low + (random() % (quanta + 1)) * metric.quantum;
}

/** The next value of a walk; at its bounds it turns back. */
export function nextValue(metric: SimulatedMetric, value: number, random: () => number): number {
  const bits = random();
  if ((bits & 0xff) >= metric.moves * 256) return value;
  const change = ((((bits >>> 16) * (2 * metric.step + 1)) / 65_536) | 0) - metric.step;
  const next = value + change * metric.quantum;
  return next < metric.low || next > metric.high ? value - change * metric.quantum : next;
}
