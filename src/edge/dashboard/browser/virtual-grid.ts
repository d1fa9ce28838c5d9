/** A list of any length of which only the part on the screen has elements: rows, or cards side by side. */

export interface GridItem {
  readonly element: HTMLElement;
}

export interface GridLayout {
  readonly columns: number;
  /** Of one line of items, and between items; CSS pixels. */
  readonly height: number;
  readonly gap: number;
}

export interface VirtualGrid<T> {
  readonly element: HTMLElement;
  /** Shows these, in this order. */
  setItems(items: readonly T[], layout: GridLayout): void;
  /** Brings the values of what is on the screen up to date. */
  refresh(): void;
  stop(): void;
}

/** Lines beyond the screen that are kept ready, above and below. */
const OVERSCAN = 4;

interface Shown<T, I> {
  readonly item: I;
  value: T;
}

/**
 * Follows the scroll of the window. Arrow keys, Home and End move between items.
 * @param keyOf what keeps its element while the list changes around it, so that the focus stays where it is.
 * @param show writes a value into an item; `index` is its place in the whole list.
 */
export function virtualGrid<T, I extends GridItem>(
  keyOf: (value: T) => string,
  create: () => I,
  show: (item: I, value: T, index: number) => void,
): VirtualGrid<T> {
  const element = document.createElement('div');
  element.className = 'virtual-grid';
  element.setAttribute('role', 'rowgroup');
  const shown = new Map<string, Shown<T, I>>();
  let items: readonly T[] = [];
  let layout: GridLayout = { columns: 1, height: 1, gap: 0 };
  let frame = 0;

  const place = (target: HTMLElement, index: number): void => {
    const { columns, height, gap } = layout;
    const column = index % columns;
    const style = target.style;
    style.top = `${Math.floor(index / columns) * (height + gap)}px`;
    style.height = `${height}px`;
    style.width = columns === 1 ? '100%' : `calc((100% - ${gap * (columns - 1)}px) / ${columns})`;
    style.left = columns === 1 ? '0' : `calc((100% + ${gap}px) / ${columns} * ${column})`;
  };

  const fresh = (spare: Shown<T, I> | undefined, value: T): Shown<T, I> => {
    if (!spare) return { item: create(), value };
    return { item: spare.item, value };
  };

  const render = (): void => {
    frame = 0;
    const line = layout.height + layout.gap;
    const top = -element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / line) - OVERSCAN) * layout.columns;
    const last = Math.min(items.length, (Math.ceil((top + innerHeight) / line) + OVERSCAN) * layout.columns);
    const wanted = items.slice(first, last);
    const keys = new Set(wanted.map(keyOf));
    const active = document.activeElement;
    const isSpare = ({ item, value }: Shown<T, I>): boolean => !item.element.contains(active) || !items.includes(value);
    const spare = [...shown].filter(([key, entry]) => !keys.has(key) && isSpare(entry));
    for (const [key, { item }] of spare) {
      shown.delete(key);
      item.element.remove();
    }
    let next = element.firstChild;
    wanted.forEach((value, offset) => {
      const key = keyOf(value);
      const entry = shown.get(key) ?? fresh(spare.pop()?.[1], value);
      entry.value = value;
      shown.set(key, entry);
      // The order of the elements is the order of the Tab key and of screen readers.
      if (entry.item.element === next) next = next.nextSibling;
      else element.insertBefore(entry.item.element, next);
      place(entry.item.element, first + offset);
      show(entry.item, value, first + offset);
    });
    if (active instanceof HTMLElement && active.isConnected && active !== document.activeElement)
      active.focus({ preventScroll: true });
  };

  const schedule = (): void => {
    frame ||= requestAnimationFrame(render);
  };

  const focusItem = (index: number): void => {
    const value = items[index];
    if (value === undefined) return;
    const line = Math.floor(index / layout.columns) * (layout.height + layout.gap);
    const top = element.getBoundingClientRect().top + line;
    const margin = 120;
    if (top < margin) scrollBy(0, top - margin);
    else if (top + layout.height > innerHeight - margin) scrollBy(0, top + layout.height - innerHeight + margin);
    render();
    shown.get(keyOf(value))?.item.element.querySelector('a')?.focus({ preventScroll: true });
  };

  element.addEventListener('keydown', (event) => {
    const focused = [...shown.values()].find(({ item }) => item.element.contains(document.activeElement));
    if (!focused) return;
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: layout.columns,
      ArrowUp: -layout.columns,
      ArrowRight: layout.columns > 1 ? 1 : 0,
      ArrowLeft: layout.columns > 1 ? -1 : 0,
      Home: -items.length,
      End: items.length,
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    focusItem(Math.min(items.length - 1, Math.max(0, items.indexOf(focused.value) + step)));
  });
  addEventListener('scroll', schedule, { passive: true });
  addEventListener('resize', schedule);

  return {
    element,
    setItems(next, nextLayout) {
      items = next;
      layout = nextLayout;
      const lines = Math.ceil(items.length / layout.columns);
      element.style.height = `${Math.max(0, lines * (layout.height + layout.gap) - layout.gap)}px`;
      schedule();
    },
    refresh: schedule,
    stop() {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', schedule);
      removeEventListener('resize', schedule);
    },
  };
}
