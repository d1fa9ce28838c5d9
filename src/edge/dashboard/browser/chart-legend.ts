/** The legend of a chart: a button for each series, which shows its value and hides its line. */
import type { ChartPlan } from '../chart-plan.ts';
import { colorOf } from './chart-look.ts';
import { html, setAttribute, setText } from './element.ts';
import type { Theme } from './theme.ts';

export interface ChartLegend {
  readonly element: HTMLElement;
  showValues(values: readonly string[]): void;
  /** Colours of the theme, and which series are shown. */
  showState(shown: readonly boolean[]): void;
}

export function chartLegend(plan: ChartPlan, theme: Theme, toggle: (index: number) => void): ChartLegend {
  const items = plan.series.map((series, index) => {
    const swatch = html('span', { class: 'swatch', 'aria-hidden': 'true' });
    const value = html('span', { class: 'legend-value' }, '–');
    const name = html('span', { class: 'legend-name' }, series.label);
    const button = html('button', { type: 'button', class: 'legend-item' }, swatch, name, value);
    button.addEventListener('click', () => toggle(index));
    return { series, swatch, value, button };
  });
  const more = plan.left > 0 ? [html('span', { class: 'legend-more' }, `and ${plan.left} more with lower values`)] : [];
  return {
    element: html('div', { class: 'legend' }, ...items.map(({ button }) => button), ...more),
    showValues(values) {
      items.forEach(({ value }, index) => {
        setText(value, values[index] ?? '–');
      });
    },
    showState(shown) {
      items.forEach(({ series, swatch, button }, index) => {
        setAttribute(button, 'aria-pressed', String(shown[index]));
        swatch.style.background = colorOf(theme, series);
      });
    },
  };
}
