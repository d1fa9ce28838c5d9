/** A list of any length of which only the part on the screen has elements: rows, or cards side by side. */
import { html } from './element.ts';

export interface GridItem {
  readonly element: HTMLElement;
}

/** Columns side by side; height of one line of items and the gap between items, CSS pixels. */
export interface GridLayout {
  readonly columns: number;
  readonly height: number;
  readonly gap: number;
}

export interface GridOptions<T, I> {
  /** What keeps its element while the list changes around it, so that the focus stays where it is. */
  readonly keyOf: (value: T) => string;
  readonly create: () => I;
  /** Writes a value into an item; `index` is its place in the whole list. */
  readonly show: (item: I, value: T, index: number) => void;
}

interface Shown<T, I> {
  readonly item: I;
  readonly value: T;
}

/** Lines beyond the screen that are kept ready, above and below. */
const OVERSCAN = 4;
/** Room between a focused item and the edge of the screen, CSS pixels. */
const MARGIN = 120;

/** Follows the scroll of the window. Arrow keys, Home and End move between items. */
export class VirtualGrid<T, I extends GridItem> {
  readonly element = html('div', { class: 'virtual-grid', role: 'rowgroup' });
  readonly #options: GridOptions<T, I>;
  readonly #shown = new Map<string, Shown<T, I>>();
  #items: readonly T[] = [];
  #layout: GridLayout = { columns: 1, height: 1, gap: 0 };
  #frame = 0;
  /** Values have changed, not only the place on the screen. */
  #changed = true;

  constructor(options: GridOptions<T, I>) {
    this.#options = options;
    this.element.addEventListener('keydown', (event) => this.#moveFocus(event));
    addEventListener('scroll', this.#schedule, { passive: true });
    addEventListener('resize', this.#schedule);
  }

  /** Shows these, in this order. */
  setItems(items: readonly T[], layout: GridLayout): void {
    this.#items = items;
    this.#layout = layout;
    const lines = Math.ceil(items.length / layout.columns);
    this.element.style.height = `${Math.max(0, lines * (layout.height + layout.gap) - layout.gap)}px`;
    this.refresh();
  }

  /** Brings what is on the screen up to date, with the next frame. */
  readonly refresh = (): void => {
    this.#changed = true;
    this.#schedule();
  };

  stop(): void {
    cancelAnimationFrame(this.#frame);
    removeEventListener('scroll', this.#schedule);
    removeEventListener('resize', this.#schedule);
  }

  readonly #schedule = (): void => {
    this.#frame ||= requestAnimationFrame(() => this.#render());
  };

  #render(): void {
    this.#frame = 0;
    const changed = this.#changed;
    this.#changed = false;
    const { columns, height, gap } = this.#layout;
    const top = -this.element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / (height + gap)) - OVERSCAN) * columns;
    const last = (Math.ceil((top + innerHeight) / (height + gap)) + OVERSCAN) * columns;
    const wanted = this.#items.slice(first, Math.max(first, last));
    const active = document.activeElement;
    const spare = this.#takeSpare(new Set(wanted.map(this.#options.keyOf)), active);
    let next = this.element.firstChild;
    wanted.forEach((value, offset) => {
      const key = this.#options.keyOf(value);
      const before = this.#shown.get(key)?.item;
      const item = before ?? spare.pop() ?? this.#options.create();
      // The order of the elements is the order of the Tab key and of screen readers.
      if (item.element === next) next = next.nextSibling;
      else this.element.insertBefore(item.element, next);
      if (before && !changed) return;
      this.#shown.set(key, { item, value });
      this.#place(item.element, first + offset);
      this.#options.show(item, value, first + offset);
    });
    // An element that is moved loses the focus.
    if (active instanceof HTMLElement && active.isConnected && active !== document.activeElement) {
      active.focus({ preventScroll: true });
    }
  }

  /** Takes the items out that are not wanted; the one with the focus stays while it is in the list at all. */
  #takeSpare(wanted: ReadonlySet<string>, active: Element | null): I[] {
    const spare: I[] = [];
    for (const [key, { item, value }] of this.#shown) {
      if (wanted.has(key) || (item.element.contains(active) && this.#items.includes(value))) continue;
      this.#shown.delete(key);
      item.element.remove();
      spare.push(item);
    }
    return spare;
  }

  #place({ style }: HTMLElement, index: number): void {
    const { columns, height, gap } = this.#layout;
    style.top = `${Math.floor(index / columns) * (height + gap)}px`;
    style.height = `${height}px`;
    style.width = columns === 1 ? '100%' : `calc((100% - ${gap * (columns - 1)}px) / ${columns})`;
    style.left = columns === 1 ? '0' : `calc((100% + ${gap}px) / ${columns} * ${index % columns})`;
  }

  #moveFocus(event: KeyboardEvent): void {
    const { columns } = this.#layout;
    const focused = [...this.#shown.values()].find(({ item }) => item.element.contains(document.activeElement));
    const across = columns > 1 ? 1 : 0;
    const steps: Readonly<Record<string, number>> = {
      ...{ ArrowDown: columns, ArrowUp: -columns, ArrowRight: across, ArrowLeft: -across },
      ...{ Home: -this.#items.length, End: this.#items.length },
    };
    const step = steps[event.key];
    if (!focused || !step) return;
    event.preventDefault();
    this.#focus(Math.min(this.#items.length - 1, Math.max(0, this.#items.indexOf(focused.value) + step)));
  }

  #focus(index: number): void {
    const value = this.#items[index];
    if (value === undefined) return;
    const { columns, height, gap } = this.#layout;
    const top = this.element.getBoundingClientRect().top + Math.floor(index / columns) * (height + gap);
    if (top < MARGIN) scrollBy(0, top - MARGIN);
    else if (top + height > innerHeight - MARGIN) scrollBy(0, top + height - innerHeight + MARGIN);
    this.#render();
    const item = this.#shown.get(this.#options.keyOf(value))?.item;
    item?.element.querySelector('a')?.focus({ preventScroll: true });
  }
}
