/** All charts of a host: planned from its series, built when they come into sight, redrawn while they are. */
import { LIMITS } from '../../../model/limits.ts';
import { type ChartPlan, planCharts } from '../chart-plan.ts';
import { type Dataset, frameOf, meanOf } from '../dataset.ts';
import type { Span } from '../ranges.ts';
import { Chart } from './chart.ts';
import { html, setText } from './element.ts';
import type { Theme } from './theme.ts';

interface Slot {
  readonly plan: ChartPlan;
  readonly banded: boolean;
  readonly place: HTMLElement;
  chart: Chart | undefined;
  visible: boolean;
}

interface Shown {
  readonly data: Dataset;
  readonly span: Span;
  readonly fine: boolean;
}

/** From here on it is worth searching among the charts. */
const SEARCH_FROM = 20;

/** A chart of one series shows between what its windows lay. */
function isBanded({ series }: ChartPlan, data: Dataset): boolean {
  const [only, ...others] = series;
  return only !== undefined && others.length === 0 && data.get(only.id)?.lows !== undefined;
}

/** A chart with the same key keeps its element, and what was hidden in it. */
function keyOf(plan: ChartPlan, data: Dataset): string {
  return [plan.title, plan.form, String(isBanded(plan, data)), ...plan.series.map(({ id }) => id)].join('\u0001');
}

export class ChartWall {
  readonly element: HTMLElement;
  readonly #theme: Theme;
  readonly #onZoom: (span: Span) => void;
  readonly #slots = new Map<string, Slot>();
  readonly #search = html('input', {
    type: 'search',
    class: 'search',
    placeholder: 'Search charts',
    'aria-label': 'Search charts',
  });
  readonly #charts = html('div', { class: 'charts' });
  readonly #note = html('p', { class: 'none', role: 'status' });
  readonly #sight: IntersectionObserver;
  #shown: Shown | undefined;
  /** The live feed adds series to the data that is shown. */
  #seriesPlanned = 0;

  constructor(theme: Theme, onZoom: (span: Span) => void) {
    this.#theme = theme;
    this.#onZoom = onZoom;
    this.#search.hidden = true;
    this.#search.addEventListener('input', () => this.#arrange());
    this.element = html('div', { class: 'wall' }, this.#search, this.#charts, this.#note);
    this.#sight = new IntersectionObserver((entries) => this.#see(entries), { rootMargin: '300px' });
  }

  /** @param fine samples at times of their own, rather than windows. */
  show(data: Dataset, span: Span, fine: boolean): void {
    const replan = this.#shown?.data !== data || this.#seriesPlanned !== data.size;
    this.#shown = { data, span, fine };
    if (replan) this.#arrange();
    for (const slot of this.#slots.values()) this.#draw(slot);
  }

  stop(): void {
    for (const [key, slot] of this.#slots) this.#remove(key, slot);
    this.#sight.disconnect();
  }

  #see(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const slot = [...this.#slots.values()].find(({ place }) => place === target);
      if (!slot) continue;
      slot.visible = isIntersecting;
      this.#draw(slot);
    }
  }

  #draw(slot: Slot): void {
    if (!this.#shown || !slot.visible) return;
    const { data, span, fine } = this.#shown;
    if (!slot.chart) {
      slot.chart = new Chart({ plan: slot.plan, banded: slot.banded, theme: this.#theme, onZoom: this.#onZoom });
      slot.place.replaceChildren(slot.chart.element);
    }
    const ids = slot.plan.series.map(({ id }) => id);
    slot.chart.draw(frameOf(data, ids), span, fine);
  }

  /** Brings the slots into the order of the plan; those that stay keep their chart. */
  #arrange(): void {
    if (!this.#shown) return;
    const { data } = this.#shown;
    this.#seriesPlanned = data.size;
    const all = planCharts([...data.values()].map((series) => ({ ...series, mean: meanOf(series) })));
    const text = this.#search.value.toLowerCase();
    const found = all.filter(({ title }) => title.toLowerCase().includes(text));
    const plans = found.slice(0, LIMITS.pageChartsMax);
    this.#search.hidden = all.length < SEARCH_FROM;
    const more =
      found.length > plans.length ? `${plans.length} of ${found.length} charts are shown. Search to find the others.` : '';
    setText(this.#note, found.length === 0 && all.length > 0 ? 'No chart matches.' : more);
    const wanted = new Map(plans.map((plan) => [keyOf(plan, data), plan]));
    for (const [key, slot] of this.#slots) if (!wanted.has(key)) this.#remove(key, slot);
    let next = this.#charts.firstChild;
    for (const [key, plan] of wanted) {
      const { place } = this.#slots.get(key) ?? this.#add(key, plan, data);
      if (place === next) next = next.nextSibling;
      else this.#charts.insertBefore(place, next);
    }
  }

  #add(key: string, plan: ChartPlan, data: Dataset): Slot {
    const place = html('div', { class: 'chart-place' });
    const slot: Slot = { plan, banded: isBanded(plan, data), place, chart: undefined, visible: false };
    this.#slots.set(key, slot);
    this.#sight.observe(place);
    return slot;
  }

  #remove(key: string, slot: Slot): void {
    this.#sight.unobserve(slot.place);
    slot.chart?.stop();
    slot.place.remove();
    this.#slots.delete(key);
  }
}
