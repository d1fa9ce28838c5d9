/** How a chart looks: colours of lines and areas, marks and grid, in uPlot's words. */
import type uPlot from 'uplot';
import { axisLabel, axisSteps, TIME_STEPS, timeLabel } from '../axis.ts';
import type { ChartPlan, PlannedSeries } from '../chart-plan.ts';
import { lonePlaces } from '../points.ts';
import { SERIES_COLORS, type Theme } from './theme.ts';

export function colorOf(theme: Theme, { color }: PlannedSeries): string {
  const palette = theme.palette();
  return color === 'total' ? palette.total : (palette.series[color % SERIES_COLORS] ?? palette.text);
}

/** From the far edge to zero, or to the edge that is nearest to it, fading. Before the first layout there is no box to fade in. */
function fading(u: uPlot, color: string, side: 1 | -1): CanvasGradient | string {
  const { top, height } = u.bbox;
  const far = side === 1 ? top : top + height;
  const zero = Math.min(top + height, Math.max(top, u.valToPos(0, 'y', true)));
  if (!Number.isFinite(zero) || !Number.isFinite(far) || zero === far) return `${color}22`;
  const gradient = u.ctx.createLinearGradient(0, far, 0, zero);
  gradient.addColorStop(0, `${color}59`);
  gradient.addColorStop(1, `${color}0d`);
  return gradient;
}

export function seriesLook(plan: ChartPlan, series: PlannedSeries, theme: Theme): uPlot.Series {
  const color = (): string => colorOf(theme, series);
  const stacked = plan.form === 'stacked';
  const fill: uPlot.Series.Fill = (u) => (stacked ? `${color()}b0` : fading(u, color(), series.side));
  // Where the colours begin again, and for a line that only bounds the others.
  const dashed = series.color === 'total' || series.color >= SERIES_COLORS;
  return {
    label: series.label,
    stroke: color,
    width: stacked ? 1 : 1.6,
    points: { show: false, size: 5, fill: color, filter: (u, index) => lonePlaces([...(u.data[index] ?? [])]) },
    ...(series.filled ? { fill, fillTo: 0 } : {}),
    ...(dashed ? { dash: [5, 4] } : {}),
  };
}

/** Draws nothing itself: the edge of a band. */
export const BAND_EDGE: uPlot.Series = { width: 0, points: { show: false } };

export function axesLook(plan: ChartPlan, theme: Theme): uPlot.Axis[] {
  const steps = axisSteps(plan.unit);
  const looks = { stroke: () => theme.palette().faint, font: `11px ${theme.palette().font}`, ticks: { show: false } };
  return [
    {
      ...looks,
      size: 26,
      gap: 6,
      space: 64,
      incrs: TIME_STEPS,
      grid: { show: false },
      values: (_, splits, __, ___, stepMs) => splits.map((time) => timeLabel(new Date(time), stepMs)),
    },
    {
      ...looks,
      size: 72,
      gap: 8,
      space: 30,
      ...(steps ? { incrs: steps } : {}),
      grid: { stroke: () => theme.palette().grid, width: 1 },
      values: (_, splits, __, ___, step) =>
        splits.map((value) => axisLabel(plan.scale === 'mirror' ? Math.abs(value) : value, plan.unit, step)),
    },
  ];
}
