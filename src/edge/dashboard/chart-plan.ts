/** Which charts a host gets: the ones that everybody knows first, then one for every other metric. */
import { LIMITS } from '../../model/limits.ts';
import type { Labels } from './answers.ts';

export interface PlannedSeries {
  readonly id: string;
  readonly label: string;
  /** Number of a colour of the palette, or 'total' for a line that only bounds the others. */
  readonly color: number | 'total';
  /** -1: drawn downwards from zero, as what a host sends or writes. */
  readonly side: 1 | -1;
  /** The area down to zero is coloured. */
  readonly filled: boolean;
}

export interface ChartPlan {
  readonly title: string;
  readonly unit: string;
  readonly form: 'lines' | 'stacked';
  /** Of the y axis: 0–100; from zero; from zero both ways; wherever the values are. */
  readonly scale: 'full' | 'zero' | 'mirror' | 'free';
  readonly series: readonly PlannedSeries[];
  /** Series that are left out, beyond pageSeriesPerChartMax. */
  readonly left: number;
}

/** What the plan has to know of a series. `mean` decides which ones stay where there are too many. */
export interface Candidate {
  readonly id: string;
  readonly metric: string;
  readonly labels: Labels;
  readonly unit: string;
  readonly mean: number;
}

interface Member {
  readonly metric: string;
  readonly word: string;
  readonly side?: -1;
  readonly total?: true;
  readonly filled?: true;
}

interface KnownChart {
  readonly title: string;
  readonly scale: ChartPlan['scale'];
  /** The first alternative that the host sends is drawn, the others say the same in another way. */
  readonly alternatives: readonly (readonly Member[])[];
}

const one = (metric: string): readonly Member[] => [{ metric, word: '' }];
const filled = (metric: string, word: string): readonly Member[] => [{ metric, word, filled: true }];

/** In the order of the page. A metric named here never gets a chart of its own as well. */
const KNOWN: readonly KnownChart[] = [
  { title: 'CPU', scale: 'zero', alternatives: [filled('cpu_mode', ''), filled('cpu', 'busy')] },
  {
    title: 'Memory',
    scale: 'zero',
    alternatives: [
      [
        { metric: 'memory_used', word: 'used', filled: true },
        { metric: 'memory_cached', word: 'cached' },
        { metric: 'memory_available', word: 'available' },
        { metric: 'memory_total', word: 'total', total: true },
      ],
      filled('memory_used_percent', 'used'),
    ],
  },
  {
    title: 'Disk space used',
    scale: 'full',
    alternatives: [one('disk_used_percent'), one('disk_free_percent'), one('disk_used'), one('disk_free'), one('disk_total')],
  },
  {
    title: 'Network',
    scale: 'mirror',
    alternatives: [
      [
        { metric: 'network_receive_bytes', word: 'in', filled: true },
        { metric: 'network_transmit_bytes', word: 'out', side: -1, filled: true },
      ],
    ],
  },
  {
    title: 'Disk throughput',
    scale: 'mirror',
    alternatives: [
      [
        { metric: 'disk_read_bytes', word: 'read', filled: true },
        { metric: 'disk_write_bytes', word: 'write', side: -1, filled: true },
      ],
    ],
  },
  {
    title: 'Load average',
    scale: 'zero',
    alternatives: [
      [
        { metric: 'load1', word: '1 min' },
        { metric: 'load5', word: '5 min' },
        { metric: 'load15', word: '15 min' },
      ],
    ],
  },
  { title: 'CPU by core', scale: 'zero', alternatives: [one('cpu_core')] },
  {
    title: 'Disk operations',
    scale: 'mirror',
    alternatives: [
      [
        { metric: 'disk_reads', word: 'read', filled: true },
        { metric: 'disk_writes', word: 'write', side: -1, filled: true },
      ],
    ],
  },
  { title: 'Swap used', scale: 'zero', alternatives: [filled('swap_used_percent', 'used')] },
  { title: 'Free inodes', scale: 'full', alternatives: [one('disk_inodes_free_percent')] },
  {
    title: 'Network errors and drops',
    scale: 'zero',
    alternatives: [
      [
        { metric: 'network_receive_errors', word: 'errors in' },
        { metric: 'network_transmit_errors', word: 'errors out' },
        { metric: 'network_receive_drops', word: 'drops in' },
        { metric: 'network_transmit_drops', word: 'drops out' },
      ],
    ],
  },
];

/** Shown in the head of the page, not as a line that only climbs. */
const UNCHARTED = ['uptime_seconds'];

/** Idle is what the stack leaves free. */
const isDrawn = (series: Candidate): boolean => series.metric !== 'cpu_mode' || series.labels.mode !== 'idle';

/** The same mode has the same colour on every host. */
const CPU_MODES = ['user', 'system', 'iowait', 'steal', 'nice', 'irq', 'softirq'];

function modePlace({ labels }: Candidate): number {
  const place = CPU_MODES.indexOf(labels.mode ?? '');
  return place < 0 ? CPU_MODES.length : place;
}

type Ranked = PlannedSeries & { readonly mean: number };

const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** The labels that tell the series of one chart apart: those with more than one value, else the first. */
function tellingLabels(all: readonly Candidate[]): string[] {
  const names = [...new Set(all.flatMap((series) => Object.keys(series.labels)))].sort();
  const telling = names.filter((name) => new Set(all.map((series) => series.labels[name] ?? '')).size > 1);
  if (names.includes('mount')) return ['mount'];
  return telling.length > 0 ? telling : names.slice(0, 1);
}

function labelOf(series: Candidate, telling: readonly string[], word: string): string {
  const values = telling.map((name) => series.labels[name]).filter((value) => value !== undefined && value !== '');
  return [...values, word].filter(Boolean).join(' ') || 'value';
}

function planKnown(chart: KnownChart, byMetric: ReadonlyMap<string, readonly Candidate[]>): ChartPlan | undefined {
  const members = chart.alternatives.find((alternative) => alternative.some(({ metric }) => byMetric.has(metric)));
  const all = (members ?? []).flatMap((member) =>
    (byMetric.get(member.metric) ?? []).filter(isDrawn).map((series) => ({ member, series })),
  );
  const [head] = all;
  if (!head) return undefined;
  const { metric, unit } = head.series;
  if (metric === 'cpu_mode') all.sort((a, b) => modePlace(a.series) - modePlace(b.series));
  const telling = tellingLabels(all.map(({ series }) => series));
  const things = [...new Set(all.map(({ series }) => labelOf(series, telling, '')))].sort(byName.compare);
  // What goes in and what goes out of one thing has one colour, where there are several things.
  const paired = chart.scale === 'mirror' && things.length > 1;
  const planned = all.map(({ member, series }, index): Ranked => {
    const place = paired ? things.indexOf(labelOf(series, telling, '')) : index;
    return {
      id: series.id,
      label: labelOf(series, telling, member.word),
      color: member.total ? 'total' : metric === 'cpu_mode' ? modePlace(series) : place,
      side: member.side ?? 1,
      // Areas of several things would hide each other.
      filled: member.filled === true && !paired,
      mean: series.mean,
    };
  });
  const form = metric === 'cpu_mode' ? 'stacked' : 'lines';
  const scale = chart.scale === 'full' && unit !== 'percent' ? 'zero' : chart.scale;
  return { title: chart.title, unit, form, scale, ...within(planned) };
}

function planOther(metric: string, all: readonly Candidate[]): ChartPlan {
  const telling = tellingLabels(all);
  const planned = all.map((series, color): Ranked => {
    const label = labelOf(series, telling, '');
    return { id: series.id, label, color, side: 1, filled: all.length === 1, mean: series.mean };
  });
  return { title: metric, unit: all[0]?.unit ?? '', form: 'lines', scale: 'free', ...within(planned) };
}

/** Of too many series the greatest stay. */
function within(all: readonly Ranked[]): Pick<ChartPlan, 'series' | 'left'> {
  const max = LIMITS.pageSeriesPerChartMax;
  const greatest = all.length <= max ? all : [...all].sort((a, b) => b.mean - a.mean).slice(0, max);
  const chosen = new Set(greatest);
  const series = all
    .filter((one) => chosen.has(one))
    .map(({ mean, ...one }, index) => (all.length > max && one.color !== 'total' ? { ...one, color: index } : one));
  return { series, left: all.length - series.length };
}

export function planCharts(candidates: readonly Candidate[]): ChartPlan[] {
  const byMetric = new Map<string, Candidate[]>();
  for (const series of [...candidates].sort((a, b) => byName.compare(a.id, b.id))) {
    byMetric.set(series.metric, [...(byMetric.get(series.metric) ?? []), series]);
  }
  const known = KNOWN.map((chart) => planKnown(chart, byMetric)).filter((plan) => plan !== undefined);
  const taken = new Set([...UNCHARTED, ...KNOWN.flatMap(({ alternatives }) => alternatives.flat().map(({ metric }) => metric))]);
  const others = [...byMetric].filter(([metric]) => !taken.has(metric));
  return [...known, ...others.map(([metric, all]) => planOther(metric, all))];
}
