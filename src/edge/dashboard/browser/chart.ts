/** One chart: a title, a canvas drawn by uPlot, and a legend. */
import uPlot from 'uplot';
import { axisRange, cursorLabel } from '../axis.ts';
import type { ChartPlan } from '../chart-plan.ts';
import type { ChartFrame } from '../dataset.ts';
import { type Cell, stackColumns } from '../points.ts';
import type { Span } from '../ranges.ts';
import { formatValue, unitLabel } from '../units.ts';
import { type ChartLegend, chartLegend } from './chart-legend.ts';
import { axesLook, BAND_EDGE, colorOf, seriesLook } from './chart-look.ts';
import { type ChartMarks, drawMarks } from './chart-marks.ts';
import { followPointer } from './chart-pointer.ts';
import { html, setAttribute, setText } from './element.ts';
import type { Theme } from './theme.ts';

export interface ChartOptions {
  readonly plan: ChartPlan;
  /** The frames bring the least and greatest sample of each window. */
  readonly banded: boolean;
  readonly theme: Theme;
  /** A stretch was drawn with the mouse; Unix ms. */
  readonly onZoom: (span: Span) => void;
  readonly marks?: ChartMarks;
}

const HEIGHT = 188;
/** All charts share one crosshair. */
const SYNC_KEY = 'host';
/** A shorter stroke of the mouse is a click. */
const STROKE = 8;

function lastKnown(column: readonly Cell[] | undefined): Cell {
  return column?.findLast((value) => typeof value === 'number');
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

export class Chart {
  readonly element = html('figure', { class: 'chart' });
  readonly #plan: ChartPlan;
  readonly #theme: Theme;
  readonly #onZoom: (span: Span) => void;
  readonly #marks: ChartMarks;
  readonly #shown: boolean[];
  readonly #when = html('span', { class: 'chart-when' });
  readonly #place = html('div', { class: 'plot', tabindex: '0', role: 'img' });
  readonly #legend: ChartLegend;
  readonly #plot: uPlot;
  readonly #stops: readonly (() => void)[];
  #frame: ChartFrame = { times: [], columns: [] };
  #span: Span = { startMs: 0, endMs: 1 };
  #fine = true;

  constructor({ plan, banded, theme, onZoom, marks }: ChartOptions) {
    this.#plan = plan;
    this.#theme = theme;
    this.#onZoom = onZoom;
    this.#marks = marks ?? { levels: [], times: [] };
    this.#shown = plan.series.map(() => true);
    this.#legend = chartLegend(plan, theme, (index) => this.#toggle(index));
    const unit = html('span', { class: 'chart-unit' }, unitLabel(plan.unit));
    const head = html('figcaption', { class: 'chart-head' }, html('h3', {}, plan.title), unit, this.#when);
    this.element.append(head, this.#place, this.#legend.element);
    this.#plot = new uPlot(this.#options(banded), [[]], this.#place);
    const sizes = new ResizeObserver(() => this.#fit());
    sizes.observe(this.#place);
    this.#stops = [
      followPointer(this.#plot, this.#place),
      theme.onChange(() => this.#redraw()),
      () => sizes.disconnect(),
      () => this.#plot.destroy(),
    ];
  }

  /** @param fine samples at times of their own, rather than windows. */
  draw(frame: ChartFrame, span: Span, fine: boolean): void {
    this.#frame = frame;
    this.#span = span;
    this.#fine = fine;
    const { title, unit, series } = this.#plan;
    const latest = series.map(({ label }, index) => `${label} ${formatValue(lastKnown(frame.columns[index]), unit)}`);
    setAttribute(this.#place, 'aria-label', `${title}. Latest: ${latest.join(', ')}. Arrow keys move the crosshair.`);
    this.#redraw();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #options(banded: boolean): uPlot.Options {
    const plan = this.#plan;
    const theme = this.#theme;
    const [first] = plan.series;
    const colorAt = (index: number): string => {
      const series = plan.series[index - 1];
      return series ? colorOf(theme, series) : 'transparent';
    };
    return {
      width: 300,
      height: HEIGHT,
      ms: 1,
      padding: [12, 28, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: SYNC_KEY, scales: ['x', null] },
        drag: { x: true, y: false, setScale: false },
        points: { size: 7, width: 2, stroke: () => theme.palette().surface, fill: (_, index) => colorAt(index) },
        y: false,
      },
      scales: {
        x: { range: () => [this.#span.startMs, this.#span.endMs] },
        y: { range: (_, low, high) => this.#heights(low ?? 0, high ?? 0) },
      },
      axes: axesLook(plan, theme),
      series: [{}, ...plan.series.map((series) => seriesLook(plan, series, theme)), ...(banded ? [BAND_EDGE, BAND_EDGE] : [])],
      bands: banded && first ? [{ series: [2, 3], fill: () => `${colorOf(theme, first)}33` }] : [],
      hooks: {
        draw: [(u) => drawMarks(u, this.#marks, theme)],
        setCursor: [() => this.#showValues()],
        setSelect: [() => this.#zoom()],
      },
    };
  }

  /** A threshold is in sight, though no value is near it. */
  #heights(low: number, high: number): [number, number] {
    const levels = this.#marks.levels.map(({ value }) => value);
    const { scale, unit } = this.#plan;
    return axisRange(scale, unit, Math.min(low, ...levels), Math.max(high, ...levels));
  }

  #toggle(index: number): void {
    const show = !this.#shown[index];
    this.#shown[index] = show;
    this.#plot.setSeries(index + 1, { show });
    this.#redraw();
  }

  #redraw(): void {
    if (this.#plan.form === 'stacked') {
      this.#plot.delBand(null);
      for (const band of stackBands(this.#shown)) this.#plot.addBand(band);
    }
    this.#plot.setData(drawn(this.#plan, this.#frame, this.#shown));
    this.#legend.showState(this.#shown);
    this.#showValues();
  }

  /** Under the crosshair; the latest ones while there is none. */
  #showValues(): void {
    const { idx, idxs } = this.#plot.cursor;
    const time = typeof idx === 'number' ? this.#frame.times[idx] : undefined;
    setText(this.#when, time === undefined ? '' : cursorLabel(new Date(time), this.#fine));
    const values = this.#frame.columns.map((column, index) => {
      if (time === undefined) return formatValue(lastKnown(column), this.#plan.unit);
      const at = idxs?.[index + 1] ?? -1;
      return formatValue(column[at], this.#plan.unit) + this.#extremes(at);
    });
    this.#legend.showValues(values);
  }

  #extremes(at: number): string {
    const { band } = this.#frame;
    const [low, high] = [band?.lows[at], band?.highs[at]].map((value) => formatValue(value, this.#plan.unit));
    return low === high ? '' : ` (${low} to ${high})`;
  }

  #zoom(): void {
    const plot = this.#plot;
    const { left, width } = plot.select;
    if (width < STROKE) return;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#onZoom({ startMs: plot.posToVal(left, 'x'), endMs: plot.posToVal(left + width, 'x') });
  }

  #fit(): void {
    const width = this.#place.clientWidth;
    if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }
}
