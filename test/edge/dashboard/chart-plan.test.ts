/** Every series a host sends is on its page once: in a chart that everybody knows, or in one of its own. */
import { describe, expect, test } from 'vitest';
import { type Candidate, type ChartPlan, planCharts } from '../../../src/edge/dashboard/chart-plan.ts';
import {
  appendLive,
  datasetOfSamples,
  datasetOfWindows,
  firstOf,
  frameOf,
  latestOf,
} from '../../../src/edge/dashboard/dataset.ts';
import { seriesId } from '../../../src/edge/dashboard/live-keys.ts';
import { CATALOGUE } from '../../../src/model/catalogue.ts';
import { LIMITS } from '../../../src/model/limits.ts';

function candidate(metric: string, labels: Record<string, string> = {}, unit = '', mean = 0): Candidate {
  return { id: seriesId(metric, labels), metric, labels, unit, mean };
}

const labelsOf = (plan: ChartPlan | undefined): string[] => plan?.series.map(({ label }) => label) ?? [];

describe('which charts there are', () => {
  test('all metrics of the catalogue give the known charts, in the order of the page', () => {
    const all = CATALOGUE.map(({ name, unit, labels }) =>
      candidate(name, Object.fromEntries(labels.map((label) => [label, 'x'])), unit),
    );
    expect(planCharts(all).map(({ title }) => title)).toEqual([
      'CPU',
      'Memory',
      'Disk space used',
      'Network',
      'Disk throughput',
      'Load average',
      'CPU by core',
      'Disk operations',
      'Swap used',
      'Free inodes',
      'Network errors and drops',
    ]);
  });

  test('a host that sends only the simple form gets it', () => {
    const plans = planCharts([candidate('cpu', {}, 'percent'), candidate('memory_used_percent', {}, 'percent')]);
    expect(plans.map(({ title, form }) => [title, form])).toEqual([
      ['CPU', 'lines'],
      ['Memory', 'lines'],
    ]);
    expect(plans.map(labelsOf)).toEqual([['busy'], ['used']]);
  });

  test('custom metrics follow, one chart each, with a line for each series', () => {
    const plans = planCharts([
      candidate('queue_depth', { queue: 'b' }),
      candidate('queue_depth', { queue: 'a' }),
      candidate('temperature', {}, 'celsius'),
    ]);
    expect(plans.map(({ title, unit }) => [title, unit])).toEqual([
      ['queue_depth', ''],
      ['temperature', 'celsius'],
    ]);
    expect(labelsOf(plans[0])).toEqual(['a', 'b']);
    expect(labelsOf(plans[1])).toEqual(['value']);
  });

  test('a planted name is a title, a planted label a name, nothing more', () => {
    const planted = '<img src=x onerror=alert(1)>';
    const [plan] = planCharts([candidate(planted, { route: planted }, planted)]);
    expect([plan?.title, plan?.unit, ...labelsOf(plan)]).toEqual([planted, planted, planted]);
  });
});

describe('how series are drawn', () => {
  test('modes of the CPU are stacked in a steady order and colour, and idle is what is left', () => {
    const modes = ['idle', 'iowait', 'system', 'user'].map((mode) => candidate('cpu_mode', { mode }, 'percent'));
    const [plan] = planCharts(modes);
    expect(plan?.form).toBe('stacked');
    expect(plan?.series.map(({ label, color }) => [label, color])).toEqual([
      ['user', 0],
      ['system', 1],
      ['iowait', 2],
    ]);
  });

  test('what goes out is drawn downwards, in the colour of its interface where there are several', () => {
    const network = ['eth0', 'eth1'].flatMap((name) => [
      candidate('network_receive_bytes', { interface: name }, 'bytes_per_second'),
      candidate('network_transmit_bytes', { interface: name }, 'bytes_per_second'),
    ]);
    const [plan] = planCharts(network);
    expect(plan?.series.map(({ label, color, side }) => [label, color, side])).toEqual([
      ['eth0 in', 0, 1],
      ['eth1 in', 1, 1],
      ['eth0 out', 0, -1],
      ['eth1 out', 1, -1],
    ]);
  });

  test('file systems are known by where they are mounted', () => {
    const [plan] = planCharts([candidate('disk_used_percent', { device: 'vda1', fstype: 'ext4', mount: '/' }, 'percent')]);
    expect(labelsOf(plan)).toEqual(['/']);
  });

  test('of too many series the greatest stay, and the others are counted', () => {
    const cores = Array.from({ length: 64 }, (_, core) => candidate('cpu_core', { core: String(core) }, 'percent', core));
    const [plan] = planCharts(cores);
    expect(plan?.series.length).toBe(LIMITS.pageSeriesPerChartMax);
    expect(labelsOf(plan)).toEqual(['52', '53', '54', '55', '56', '57', '58', '59', '60', '61', '62', '63']);
    expect(plan?.left).toBe(52);
  });
});

describe('the data behind them', () => {
  const of = { client_id: 'web-1', metric: 'cpu', labels: {}, unit: 'percent' };

  test('windows keep their times, their holes, and what lay between', () => {
    const data = datasetOfWindows({
      start: 60_000,
      step: 60_000,
      series: [{ ...of, avg: [1, null], min: [0, null], max: [2, null] }],
    });
    expect(frameOf(data, ['cpu'])).toEqual({
      times: [60_000, 120_000],
      columns: [[1, null]],
      band: { lows: [0, null], highs: [2, null] },
    });
    expect(latestOf(data, 'cpu')).toBe(1);
    expect(firstOf(data)).toBe(60_000);
  });

  test('samples come in order whatever the answer, and the live feed goes on without repeating one', () => {
    const data = datasetOfSamples([
      { ...of, timestamp: 20_000, value: 2 },
      { ...of, timestamp: '10000000000', value: 1 },
    ]);
    const live = (sampleMs: number, value: number) => ({
      client_id: 'web-1',
      sample_ms: sampleMs,
      seen_ms: sampleMs,
      keys: ['cpu'],
      values: [value],
    });
    expect(appendLive(data, live(20_000, 9), 0, () => '')).toBe(false);
    expect(appendLive(data, live(30_000, 3), 15_000, () => '')).toBe(false);
    expect(frameOf(data, ['cpu'])).toEqual({ times: [20_000, 30_000], columns: [[2, 3]] });
  });

  test('a series that the live feed brings has the unit of its metric', () => {
    const data = datasetOfSamples([]);
    const live = { client_id: 'web-1', sample_ms: 1, seen_ms: 1, keys: ['queue{name=a}'], values: [5] };
    expect(appendLive(data, live, 0, (metric) => `unit of ${metric}`)).toBe(true);
    expect([...data.values()]).toMatchObject([{ metric: 'queue', labels: { name: 'a' }, unit: 'unit of queue', values: [5] }]);
  });
});
