/** All charts of a host: planned from its series, built when they come into sight, redrawn while they are. */
import { LIMITS } from '../../../model/limits.ts';
import { type ChartPlan, planCharts } from '../chart-plan.ts';
import { type ChartFrame, type Dataset, frameOf, meanOf } from '../dataset.ts';
import type { Span } from '../ranges.ts';
import { type Chart, createChart } from './chart.ts';
import { html, setText } from './element.ts';
import type { Theme } from './theme.ts';

export interface ChartWall {
  readonly element: HTMLElement;
  show(data: Dataset, span: Span, stepMs: number): void;
  stop(): void;
}

interface Slot {
  readonly plan: ChartPlan;
  readonly place: HTMLElement;
  readonly banded: boolean;
  chart: Chart | undefined;
  visible: boolean;
}

/** A chart with the same key keeps its element and what was hidden in it. */
function keyOf(plan: ChartPlan, banded: boolean): string {
  return [plan.title, plan.form, String(banded), ...plan.series.map(({ id }) => id)].join('\u0001');
}

/** Charts before it is worth searching among them. */
const SEARCH_FROM = 13;

export function chartWall(theme: Theme, onZoom: (span: Span) => void): ChartWall {
  const slots = new Map<string, Slot>();
  const places = new WeakMap<Element, Slot>();
  const note = html('p', { class: 'none', role: 'status' });
  const search = html('input', { type: 'search', class: 'search', placeholder: 'Search charts', 'aria-label': 'Search charts' });
  const charts = html('div', { class: 'charts' });
  let last: { readonly data: Dataset; readonly span: Span; readonly stepMs: number } | undefined;

  const draw = (slot: Slot): void => {
    if (!last || !slot.visible) return;
    const frame: ChartFrame = frameOf(
      last.data,
      slot.plan.series.map(({ id }) => id),
    );
    if (!slot.chart) {
      slot.chart = createChart({ plan: slot.plan, banded: slot.banded, theme, onZoom });
      slot.place.replaceChildren(slot.chart.element);
    }
    slot.chart.draw(frame, last.span, last.stepMs);
  };
  const sight = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const slot = places.get(entry.target);
        if (!slot) continue;
        slot.visible = entry.isIntersecting;
        draw(slot);
      }
    },
    { rootMargin: '200px' },
  );
  const remove = (key: string, slot: Slot): void => {
    sight.unobserve(slot.place);
    slot.chart?.stop();
    slot.place.remove();
    slots.delete(key);
  };
  const slotFor = (key: string, plan: ChartPlan, banded: boolean): Slot => {
    const known = slots.get(key);
    if (known) return known;
    const slot: Slot = { plan, banded, place: html('div', { class: 'chart-place' }), chart: undefined, visible: false };
    places.set(slot.place, slot);
    slots.set(key, slot);
    return slot;
  };
  const arrange = (): void => {
    if (!last) return;
    const { data } = last;
    const all = planCharts([...data.values()].map((series) => ({ ...series, mean: meanOf(series) })));
    search.hidden = all.length < SEARCH_FROM;
    const text = search.value.toLowerCase();
    const found = all.filter((plan) => plan.title.toLowerCase().includes(text));
    const plans = found.slice(0, LIMITS.pageChartsMax);
    const left = found.length - plans.length;
    setText(
      note,
      left > 0
        ? `${plans.length} of ${found.length} charts are shown. Search to find the others.`
        : found.length === 0 && all.length > 0
          ? 'No chart matches.'
          : '',
    );
    const wanted = new Map(
      plans.map((plan) => {
        const [only] = plan.series;
        const banded = plan.series.length === 1 && only !== undefined && data.get(only.id)?.lows !== undefined;
        return [keyOf(plan, banded), { plan, banded }];
      }),
    );
    for (const [key, slot] of slots) if (!wanted.has(key)) remove(key, slot);
    let next = charts.firstChild;
    for (const [key, { plan, banded }] of wanted) {
      const { place } = slotFor(key, plan, banded);
      if (place === next) next = next.nextSibling;
      else charts.insertBefore(place, next);
      sight.observe(place);
    }
  };
  search.addEventListener('input', arrange);
  return {
    element: html('div', { class: 'wall' }, search, charts, note),
    show(data, span, stepMs) {
      const series = last?.data.size;
      const sameData = last?.data === data;
      last = { data, span, stepMs };
      if (!sameData || series !== data.size) arrange();
      for (const slot of slots.values()) draw(slot);
    },
    stop() {
      for (const [key, slot] of slots) remove(key, slot);
      sight.disconnect();
    },
  };
}
