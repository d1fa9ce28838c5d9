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
}

export interface ChartPlan {
  readonly title: string;
  readonly unit: string;
  readonly form: 'lines' | 'area' | 'stacked';
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
}

interface KnownChart {
  readonly title: string;
  readonly form: ChartPlan['form'];
  readonly scale: ChartPlan['scale'];
  /** The first alternative that the host sends is drawn, the others say the same in another way. */
  readonly alternatives: readonly (readonly Member[])[];
}

const one = (metric: string): readonly Member[] => [{ metric, word: '' }];

/** In the order of the page. A metric named here never gets a chart of its own as well. */
const KNOWN: readonly KnownChart[] = [
  { title: 'CPU', form: 'stacked', scale: 'zero', alternatives: [one('cpu_mode'), one('cpu')] },
  {
    title: 'Memory',
    form: 'area',
    scale: 'zero',
    alternatives: [
      [
        { metric: 'memory_used', word: 'used' },
        { metric: 'memory_cached', word: 'cached' },
        { metric: 'memory_available', word: 'available' },
        { metric: 'memory_total', word: 'total', total: true },
      ],
      one('memory_used_percent'),
    ],
  },
  {
    title: 'Disk space used',
    form: 'lines',
    scale: 'full',
    alternatives: [one('disk_used_percent'), one('disk_free_percent'), one('disk_used'), one('disk_free'), one('disk_total')],
  },
  {
    title: 'Network',
    form: 'area',
    scale: 'mirror',
    alternatives: [
      [
        { metric: 'network_receive_bytes', word: 'in' },
        { metric: 'network_transmit_bytes', word: 'out', side: -1 },
      ],
    ],
  },
  {
    title: 'Disk throughput',
    form: 'area',
    scale: 'mirror',
    alternatives: [
      [
        { metric: 'disk_read_bytes', word: 'read' },
        { metric: 'disk_write_bytes', word: 'write', side: -1 },
      ],
    ],
  },
  {
    title: 'Load average',
    form: 'lines',
    scale: 'zero',
    alternatives: [
      [
        { metric: 'load1', word: '1 min' },
        { metric: 'load5', word: '5 min' },
        { metric: 'load15', word: '15 min' },
      ],
    ],
  },
  { title: 'CPU by core', form: 'lines', scale: 'zero', alternatives: [one('cpu_core')] },
  {
    title: 'Disk operations',
    form: 'area',
    scale: 'mirror',
    alternatives: [
      [
        { metric: 'disk_reads', word: 'read' },
        { metric: 'disk_writes', word: 'write', side: -1 },
      ],
    ],
  },
  { title: 'Swap used', form: 'area', scale: 'zero', alternatives: [one('swap_used_percent')] },
  { title: 'Free inodes', form: 'lines', scale: 'full', alternatives: [one('disk_inodes_free_percent')] },
  {
    title: 'Network errors and drops',
    form: 'lines',
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

const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** The labels that tell the series of one chart apart: those with more than one value, else the first. */
function tellingLabels(all: readonly Candidate[]): string[] {
  const names = [...new Set(all.flatMap((series) => Object.keys(series.labels)))].sort();
  const telling = names.filter((name) => new Set(all.map((series) => series.labels[name] ?? '')).size > 1);
  if (telling.includes('mount')) return ['mount'];
  return telling.length > 0 ? telling : names.slice(0, 1);
}

function labelOf(series: Candidate, telling: readonly string[], word: string): string {
  const values = telling.map((name) => series.labels[name]).filter((value) => value !== undefined && value !== '');
  return [...values, word].filter(Boolean).join(' ') || series.metric;
}

function planKnown(chart: KnownChart, byMetric: ReadonlyMap<string, readonly Candidate[]>): ChartPlan | undefined {
  const members = chart.alternatives.find((alternative) => alternative.some(({ metric }) => byMetric.has(metric)));
  if (!members) return undefined;
  const all = members.flatMap((member) =>
    (byMetric.get(member.metric) ?? []).filter(isDrawn).map((series) => ({ member, series })),
  );
  const [head] = all;
  if (!head) return undefined;
  const telling = tellingLabels(all.map(({ series }) => series));
  const things = [...new Set(all.map(({ series }) => labelOf(series, telling, '')))].sort(byName.compare);
  const paired = chart.scale === 'mirror' && things.length > 1;
  const planned = all.map(({ member, series }, index): PlannedSeries & { mean: number } => {
    const thing = labelOf(series, telling, '');
    const mode = CPU_MODES.indexOf(series.labels.mode ?? '');
    const place = paired ? things.indexOf(thing) : index;
    const color = member.total ? 'total' : head.series.metric === 'cpu_mode' && mode >= 0 ? mode : place;
    const word =
      telling.length > 0 && Object.keys(series.labels).length > 0 ? labelOf(series, telling, member.word) : member.word;
    return { id: series.id, label: word || series.metric, color, side: member.side ?? 1, mean: series.mean };
  });
  const simple = head.series.unit !== 'percent' && chart.scale === 'full' ? 'zero' : chart.scale;
  const form = chart.form === 'stacked' && head.series.metric !== 'cpu_mode' ? 'area' : chart.form;
  return { title: chart.title, unit: head.series.unit, form, scale: simple, ...within(planned) };
}

function planOther(metric: string, all: readonly Candidate[]): ChartPlan {
  const telling = tellingLabels(all);
  const unit = all[0]?.unit ?? '';
  const planned = all.map((series, index) => ({
    id: series.id,
    label: labelOf(series, telling, ''),
    color: index,
    side: 1 as const,
    mean: series.mean,
  }));
  return { title: metric, unit, form: all.length === 1 ? 'area' : 'lines', scale: 'free', ...within(planned) };
}

/** Of too many series the greatest stay. */
function within(all: readonly (PlannedSeries & { mean: number })[]): Pick<ChartPlan, 'series' | 'left'> {
  const max = LIMITS.pageSeriesPerChartMax;
  const greatest = all.length <= max ? all : [...all].sort((a, b) => b.mean - a.mean).slice(0, max);
  const chosen = new Set(greatest);
  const series = all
    .filter((series) => chosen.has(series))
    .map(({ id, label, color, side }, index) => ({
      id,
      label,
      side,
      color: all.length > max && color !== 'total' ? index : color,
    }));
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
