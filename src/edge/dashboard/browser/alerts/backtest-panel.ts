/** What a rule file would have done: firings of each rule over the range as a chart, and the pages that people would have had. */
import { ALERT_LIMITS } from '../../../../model/alert-limits.ts';
import type { BacktestAnswer } from '../../alerts/answers.ts';
import { axisMarks, type Lane, lanesOf } from '../../alerts/backtest.ts';
import { exactTime } from '../../alerts/times.ts';
import { TIME_STEPS, timeLabel } from '../../axis.ts';
import { formatCount } from '../../units.ts';
import { html, setAttribute, svg } from '../element.ts';
import { severityMark } from './parts.ts';

export interface BacktestPanel {
  readonly element: HTMLElement;
  show(report: BacktestAnswer): void;
  /** The text has changed since. */
  setStale(stale: boolean): void;
}

const WIDTH = 1_000;
const HEIGHT = 22;

/** Higher where more alerts fire at once, and never so low that one cannot be seen. */
function laneChart({ rule, blocks, most, firings }: Lane): HTMLElement {
  const chart = svg('svg', {
    class: 'lane-chart',
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': `${rule}: ${firings} firings, at most ${most} at once`,
  });
  for (const { from, to, count } of blocks) {
    const height = HEIGHT * (0.45 + (0.55 * count) / Math.max(1, most));
    const box = {
      x: String(from * WIDTH),
      width: String((to - from) * WIDTH),
      y: String(HEIGHT - height),
      height: String(height),
    };
    chart.append(svg('rect', box, svg('title', {}, `${count} firing`)));
  }
  return html('div', { class: 'lane-place' }, chart);
}

function laneRow(lane: Lane): HTMLElement {
  const name = html('th', { scope: 'row', class: 'lane-name' });
  if (lane.severity !== '') name.append(severityMark(lane.severity));
  name.append(html('span', {}, lane.rule));
  const number = (value: number, kind: 'firings' | 'pages' | 'flaps'): HTMLElement => {
    const word = value === 1 ? kind.slice(0, -1) : kind;
    const facts = { 'data-kind': kind, 'data-word': word, 'data-zero': String(value === 0) };
    return html('td', { class: 'lane-number', ...facts }, formatCount(value));
  };
  return html(
    'tr',
    { class: 'lane', 'data-quiet': String(lane.firings === 0) },
    name,
    html('td', { class: 'lane-cell' }, laneChart(lane)),
    number(lane.firings, 'firings'),
    number(lane.pages, 'pages'),
    number(lane.flaps, 'flaps'),
  );
}

function axisRow({ from_ms, to_ms }: BacktestAnswer): HTMLElement {
  const offsetMs = -new Date(to_ms).getTimezoneOffset() * 60_000;
  const { stepMs, marks } = axisMarks(from_ms, to_ms, TIME_STEPS, ALERT_LIMITS.pageAxisMarksMax, offsetMs);
  const axis = html('div', { class: 'lane-axis', 'aria-hidden': 'true' });
  for (const { atMs, place } of marks) {
    if (place > 0.94) continue;
    const label = html('span', {}, timeLabel(new Date(atMs), stepMs));
    label.style.left = `${(place * 100).toFixed(2)}%`;
    axis.append(label);
  }
  return html(
    'tr',
    { class: 'lane-foot' },
    html('td', {}),
    html('td', { class: 'lane-cell' }, axis),
    html('td', { colspan: '3' }),
  );
}

export function backtestPanel(): BacktestPanel {
  const element = html('section', { class: 'backtest panel', 'aria-label': 'Backtest' });
  element.hidden = true;
  const stale = html('p', { class: 'backtest-stale' }, 'The text has changed since: run it again.');
  return {
    element,
    show(report) {
      element.hidden = false;
      const tile = (name: string, value: number, note: string): HTMLElement =>
        html(
          'div',
          { class: 'tile' },
          html('dt', { class: 'tile-name' }, name),
          html('dd', { class: 'tile-value' }, formatCount(value)),
          html('dd', { class: 'tile-note', title: note }, note),
        );
      const tiles = html(
        'dl',
        { class: 'tiles is-plain' },
        tile('Pages', report.pages, 'after grouping, silences and maintenance'),
        tile('Firings', report.firings, 'alerts that began to fire'),
        tile('Flaps', report.flaps, 'fired again soon after they ended'),
      );
      const lanes = lanesOf(report);
      const loud = lanes.filter(({ firings }) => firings > 0);
      const quiet = lanes.filter(({ firings }) => firings === 0);
      const heads = ['Rule', 'When it fires', 'Firings', 'Pages', 'Flaps'].map((text) => html('th', { scope: 'col' }, text));
      const table = html(
        'table',
        { class: 'lanes' },
        html('thead', {}, html('tr', {}, ...heads)),
        html('tbody', {}, ...loud.map(laneRow), axisRow(report)),
      );
      const range = `${exactTime(new Date(report.from_ms))} to ${exactTime(new Date(report.to_ms))}`;
      const cut = report.transition_count - report.transitions.length;
      const notes = [...report.notes, ...(cut > 0 ? [`The chart leaves out the last ${formatCount(cut)} transitions.`] : [])];
      element.replaceChildren(
        html('div', { class: 'panel-head' }, html('h2', {}, 'Backtest'), html('span', { class: 'panel-note' }, range), stale),
        tiles,
        loud.length > 0
          ? html('div', { class: 'lanes-scroll' }, table)
          : html('p', { class: 'none' }, 'Nothing would have fired.'),
        html('p', { class: 'backtest-quiet' }, quiet.length === 0 ? '' : `Quiet: ${quiet.map(({ rule }) => rule).join(', ')}`),
        html('ul', { class: 'backtest-notes' }, ...notes.map((text) => html('li', {}, text))),
      );
    },
    setStale(isStale) {
      stale.hidden = !isStale;
      setAttribute(element, 'data-stale', String(isStale));
    },
  };
}
