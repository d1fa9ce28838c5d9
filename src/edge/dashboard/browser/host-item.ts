/** One host in the list: a row on a desk, a card on a phone or where there are few. */
import type { Host } from '../fleet.ts';
import { formatAge, freshness } from '../relative-time.ts';
import { hostHash } from '../routes.ts';
import type { MinuteHistory } from '../sparkline.ts';
import { formatBytes } from '../units.ts';
import { html, setAttribute, setText } from './element.ts';
import { sparklineChart } from './sparkline-chart.ts';

export interface HostItem {
  readonly element: HTMLElement;
  /** @param minutes how many the sparklines show. */
  show(host: Host, index: number, nowMs: number, minutes: number): void;
}

/** From here on a percentage is drawn as a warning, and from there as an alarm. */
const HIGH = 80;
const CRITICAL = 90;

function level(percent: number | undefined): string {
  if (percent === undefined) return 'unknown';
  return percent >= CRITICAL ? 'critical' : percent >= HIGH ? 'high' : 'normal';
}

/** Always with one decimal, so that columns stand still. */
const share = (percent: number | undefined): string => (percent === undefined ? '–' : `${percent.toFixed(1)} %`);
const rate = (bytes: number | undefined): string => (bytes === undefined ? '–' : `${formatBytes(bytes)}/s`);

function metricCell(name: string, kind: string) {
  const spark = sparklineChart();
  const value = html('span', { class: 'metric-value' });
  const label = html('span', { class: 'metric-name' });
  const element = html('div', { class: `host-metric host-${kind}`, role: 'cell' }, label, spark.element, value);
  return {
    element,
    show(percent: number | undefined, history: MinuteHistory, nowMs: number, minutes: number) {
      setText(label, `${name}, ${minutes === 60 ? 'last hour' : `last ${minutes} min`}`);
      setText(value, share(percent));
      setAttribute(element, 'data-level', level(percent));
      spark.show(history.values(nowMs, minutes));
    },
  };
}

function diskCell() {
  const fill = html('span', { class: 'bar-fill' });
  const value = html('span', { class: 'metric-value' });
  const mount = html('span', { class: 'disk-mount' });
  const element = html(
    'div',
    { class: 'host-metric host-disk', role: 'cell' },
    html('span', { class: 'metric-name' }, 'Fullest disk'),
    mount,
    html('span', { class: 'bar', 'aria-hidden': 'true' }, fill),
    value,
  );
  return {
    element,
    show(disk: Host['disk']) {
      setText(value, share(disk?.percent));
      setText(mount, disk?.mount ?? '');
      setAttribute(element, 'data-level', level(disk?.percent));
      const width = `${Math.min(100, disk?.percent ?? 0).toFixed(1)}%`;
      if (fill.style.width !== width) fill.style.width = width;
    },
  };
}

function networkCell() {
  const received = html('span', { class: 'rate-value' });
  const transmitted = html('span', { class: 'rate-value' });
  const arrow = (sign: string, meaning: string): HTMLElement =>
    html('span', { class: 'rate-arrow', role: 'img', 'aria-label': meaning }, sign);
  const element = html(
    'div',
    { class: 'host-metric host-network', role: 'cell' },
    html('span', { class: 'metric-name' }, 'Network'),
    html('span', { class: 'rate' }, arrow('↓', 'in'), received),
    html('span', { class: 'rate' }, arrow('↑', 'out'), transmitted),
  );
  return {
    element,
    show(host: Host) {
      setText(received, rate(host.received));
      setText(transmitted, rate(host.transmitted));
    },
  };
}

export function hostItem(): HostItem {
  const dot = html('span', { class: 'dot', role: 'img' });
  const link = html('a', { class: 'host-link' });
  const where = html('span', { class: 'host-where' });
  const seen = html('div', { class: 'host-seen', role: 'cell' });
  const cpu = metricCell('CPU', 'cpu');
  const memory = metricCell('Memory', 'memory');
  const disk = diskCell();
  const network = networkCell();
  const name = html('div', { class: 'host-name', role: 'cell' }, dot, link, where);
  const element = html(
    'div',
    { class: 'host', role: 'row' },
    name,
    seen,
    cpu.element,
    memory.element,
    disk.element,
    network.element,
  );
  return {
    element,
    show(host, index, nowMs, minutes) {
      const ageMs = nowMs - host.seenMs;
      const state = freshness(ageMs);
      // 1 is the row of column names.
      setAttribute(element, 'aria-rowindex', String(index + 2));
      setAttribute(element, 'data-freshness', state);
      setAttribute(dot, 'aria-label', state);
      setAttribute(link, 'href', hostHash(host.id));
      setText(link, host.id);
      setText(where, [host.status?.datacenter, host.status?.environment].filter(Boolean).join(' · '));
      setText(seen, formatAge(ageMs));
      cpu.show(host.cpu, host.cpuHistory, nowMs, minutes);
      memory.show(host.memory, host.memoryHistory, nowMs, minutes);
      disk.show(host.disk);
      network.show(host);
    },
  };
}
