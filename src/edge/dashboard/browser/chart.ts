/** One chart: a title, a canvas drawn by uPlot, and a legend that shows values and hides series. */
import uPlot from 'uplot';
import { axisLabel, axisRange, axisSteps, cursorLabel, timeLabel } from '../axis.ts';
import type { ChartPlan, PlannedSeries } from '../chart-plan.ts';
import type { ChartFrame } from '../dataset.ts';
import { type Cell, stackColumns } from '../points.ts';
import type { Span } from '../ranges.ts';
import { formatValue, unitLabel } from '../units.ts';
import { followPointer } from './chart-pointer.ts';
import { html, setAttribute, setText } from './element.ts';
import { SERIES_COLORS, type Theme } from './theme.ts';

export interface Chart {
  readonly element: HTMLElement;
  /** @param stepMs distance of two points, as fine as the crosshair's time is shown. */
  draw(frame: ChartFrame, span: Span, stepMs: number): void;
  stop(): void;
}

interface ChartOptions {
  readonly plan: ChartPlan;
  /** The frames will bring the least and greatest sample of each window. */
  readonly banded: boolean;
  readonly theme: Theme;
  /** A stretch was drawn with the mouse; Unix ms. */
  readonly onZoom: (span: Span) => void;
}

const HEIGHT = 188;
const AXIS_FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif';
/** All charts share one crosshair. */
const SYNC_KEY = 'host';

type Colors = (series: PlannedSeries) => string;

function colorsOf(theme: Theme): Colors {
  return ({ color }) => {
    const palette = theme.palette();
    return color === 'total' ? palette.total : (palette.series[color % SERIES_COLORS] ?? palette.text);
  };
}

/** From the line to zero, fading. Before the first layout there is no box to fade in. */
function fading(u: uPlot, color: string, side: 1 | -1): CanvasGradient | string {
  const { top, height } = u.bbox;
  if (!Number.isFinite(top + height) || height <= 0) return `${color}22`;
  const zero = u.valToPos(0, 'y', true);
  const edge = side === 1 ? top : top + height;
  if (!Number.isFinite(zero) || zero === edge) return `${color}22`;
  const gradient = u.ctx.createLinearGradient(0, edge, 0, zero);
  gradient.addColorStop(0, `${color}66`);
  gradient.addColorStop(1, `${color}0d`);
  return gradient;
}

function seriesOptions(plan: ChartPlan, series: PlannedSeries, colorOf: Colors): uPlot.Series {
  const color = (): string => colorOf(series);
  const repeated = typeof series.color === 'number' && series.color >= SERIES_COLORS;
  const fill: uPlot.Series.Fill = (u) => (plan.form === 'stacked' ? `${color()}b0` : fading(u, color(), series.side));
  return {
    label: series.label,
    stroke: color,
    width: plan.form === 'stacked' ? 1 : 1.6,
    points: { show: false },
    ...(plan.form !== 'lines' && series.color !== 'total' ? { fill, fillTo: 0 } : {}),
    ...(series.color === 'total' || repeated ? { dash: [5, 4] } : {}),
  };
}

function axes(plan: ChartPlan, theme: Theme): uPlot.Axis[] {
  const steps = axisSteps(plan.unit);
  const looks = { stroke: () => theme.palette().faint, font: AXIS_FONT, ticks: { show: false } };
  return [
    {
      ...looks,
      size: 26,
      gap: 6,
      space: 72,
      grid: { show: false },
      values: (_, splits, __, ___, stepMs) => splits.map((time) => timeLabel(new Date(time), stepMs)),
    },
    {
      ...looks,
      size: 70,
      gap: 8,
      space: 34,
      ...(steps ? { incrs: steps } : {}),
      grid: { stroke: () => theme.palette().grid, width: 1 },
      values: (_, splits) => splits.map((value) => axisLabel(value, plan.unit, plan.scale === 'mirror')),
    },
  ];
}

function legendFor(plan: ChartPlan, colorOf: Colors, onToggle: (index: number) => void) {
  const items = plan.series.map((series, index) => {
    const swatch = html('span', { class: 'swatch', 'aria-hidden': 'true' });
    const value = html('span', { class: 'legend-value' }, '–');
    const name = html('span', { class: 'legend-name' }, series.label);
    const button = html('button', { type: 'button', class: 'legend-item', 'aria-pressed': 'true' }, swatch, name, value);
    button.addEventListener('click', () => onToggle(index));
    return { series, swatch, value, button };
  });
  const more = plan.left > 0 ? [html('span', { class: 'legend-more' }, `and ${plan.left} more, smaller ones`)] : [];
  return {
    element: html('div', { class: 'legend' }, ...items.map(({ button }) => button), ...more),
    showValues(values: readonly string[]) {
      items.forEach(({ value }, index) => {
        setText(value, values[index] ?? '–');
      });
    },
    showState(shown: readonly boolean[]) {
      items.forEach(({ series, swatch, button }, index) => {
        setAttribute(button, 'aria-pressed', String(shown[index]));
        swatch.style.background = colorOf(series);
      });
    },
  };
}

/** Columns as uPlot draws them: stacked, or downwards for what goes out, and the band behind. */
function drawn(plan: ChartPlan, frame: ChartFrame, shown: readonly boolean[]): uPlot.AlignedData {
  const sided = frame.columns.map((column, index): readonly Cell[] =>
    plan.series[index]?.side === -1 ? column.map((value) => (typeof value === 'number' ? -value : value)) : column,
  );
  const columns = plan.form === 'stacked' ? stackColumns(sided, shown) : sided;
  const all = frame.band ? [...columns, frame.band.highs, frame.band.lows] : columns;
  return [[...frame.times], ...all.map((column) => [...column])];
}

/** Between each stacked series and the next one below it that is shown. */
function stackBands(shown: readonly boolean[]): uPlot.Band[] {
  const visible = shown.flatMap((is, index) => (is ? [index + 1] : []));
  return visible.slice(1).map((upper, index) => ({ series: [upper, visible[index] ?? 1] }));
}

function lastKnown(column: readonly Cell[]): Cell {
  return column.findLast((value) => typeof value === 'number');
}

export function createChart({ plan, banded, theme, onZoom }: ChartOptions): Chart {
  const colorOf = colorsOf(theme);
  const shown = plan.series.map(() => true);
  let frame: ChartFrame = { times: [], columns: plan.series.map(() => []) };
  let span: Span = { startMs: 0, endMs: 1 };
  let stepMs = 1_000;

  const when = html('span', { class: 'chart-when' });
  const place = html('div', { class: 'plot', tabindex: '0', role: 'img' });
  const unit = html('span', { class: 'chart-unit' }, unitLabel(plan.unit));
  const legend = legendFor(plan, colorOf, (index) => {
    shown[index] = !shown[index];
    plot.setSeries(index + 1, { show: shown[index] });
    redraw();
  });
  const element = html('figure', { class: 'chart' });
  element.append(html('figcaption', { class: 'chart-head' }, html('h3', {}, plan.title), unit, when), place, legend.element);

  const showCursor = (u: uPlot): void => {
    const { idx, idxs } = u.cursor;
    const time = idx === null || idx === undefined ? undefined : frame.times[idx];
    setText(when, time === undefined ? '' : cursorLabel(new Date(time), stepMs));
    const values = frame.columns.map((column, index) => {
      const at = idxs?.[index + 1];
      const value = time === undefined ? lastKnown(column) : at === null || at === undefined ? undefined : column[at];
      const range = time === undefined || at === null || at === undefined ? undefined : rangeAt(at);
      return `${formatValue(value, plan.unit)}${range ?? ''}`;
    });
    legend.showValues(values);
  };
  const rangeAt = (at: number): string | undefined => {
    const [low, high] = [frame.band?.lows[at], frame.band?.highs[at]];
    if (typeof low !== 'number' || typeof high !== 'number' || low === high) return undefined;
    return ` (${formatValue(low, plan.unit)} to ${formatValue(high, plan.unit)})`;
  };

  const bandSeries: uPlot.Series[] = banded
    ? [
        { width: 0, points: { show: false } },
        { width: 0, points: { show: false } },
      ]
    : [];
  const first = plan.series[0];
  const plot = new uPlot(
    {
      width: 300,
      height: HEIGHT,
      ms: 1,
      padding: [10, 14, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: SYNC_KEY, scales: ['x', null] },
        drag: { x: true, y: false, setScale: false },
        points: { size: 7, width: 2, stroke: () => theme.palette().surface, fill: (_, index) => colorAt(index) },
        y: false,
      },
      scales: {
        x: { range: () => [span.startMs, span.endMs] },
        y: { range: (_, low, high) => axisRange(plan.scale, plan.unit, low ?? 0, high ?? 0) },
      },
      axes: axes(plan, theme),
      series: [{}, ...plan.series.map((series) => seriesOptions(plan, series, colorOf)), ...bandSeries],
      bands: banded && first ? [{ series: [2, 3], fill: () => `${colorOf(first)}2e` }] : [],
      hooks: { setCursor: [showCursor], setSelect: [zoom] },
    },
    [[]],
    place,
  );
  function colorAt(index: number): string {
    const series = plan.series[index - 1];
    return series ? colorOf(series) : '#0000';
  }
  function zoom(u: uPlot): void {
    const { left, width } = u.select;
    if (width < 8) return;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    onZoom({ startMs: u.posToVal(left, 'x'), endMs: u.posToVal(left + width, 'x') });
  }
  const redraw = (): void => {
    if (plan.form === 'stacked') {
      plot.delBand(null);
      stackBands(shown).forEach((band) => {
        plot.addBand(band);
      });
    }
    plot.setData(drawn(plan, frame, shown));
    legend.showState(shown);
    showCursor(plot);
  };
  const stopPointer = followPointer(plot, place);
  const sizes = new ResizeObserver(() => {
    if (place.clientWidth > 0 && place.clientWidth !== plot.width) plot.setSize({ width: place.clientWidth, height: HEIGHT });
  });
  sizes.observe(place);
  const stopTheme = theme.onChange(() => {
    legend.showState(shown);
    plot.redraw(false, true);
  });
  return {
    element,
    draw(nextFrame, nextSpan, nextStepMs) {
      frame = nextFrame;
      span = nextSpan;
      stepMs = nextStepMs;
      const latest = plan.series.map(
        ({ label }, index) => `${label} ${formatValue(lastKnown(frame.columns[index] ?? []), plan.unit)}`,
      );
      setAttribute(place, 'aria-label', `Chart of ${plan.title}. Latest: ${latest.join(', ')}. Arrow keys move the crosshair.`);
      redraw();
    },
    stop() {
      stopPointer();
      stopTheme();
      sizes.disconnect();
      plot.destroy();
    },
  };
}
